/** Which memories say nearly the same as a text: the best that the index finds, compared by their words. */
import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import type { PrepareContext, PreparedSpace } from '../../kernel/context.ts'
import { idField } from '../../kernel/fields.ts'
import { decodeRecord, isExpired, type MemoryId } from './memory.ts'
import { mayRead } from './put.ts'
import { shinglesOf, similarity, similarity_min } from './similar.ts'

export const Similar = z.strictObject({
  id: idField('mem'),
  similarity: z.number().describe('0 to 1: the pairs of neighbouring words in common.'),
})
export type Similar = z.output<typeof Similar>

/** The most alike to a text first. Nothing for a caller who may not read the space. */
export async function findSimilar(
  ctx: PrepareContext,
  space: PreparedSpace,
  text: string,
): Promise<Similar[]> {
  return alikeOf(text, await readCandidates(ctx, space, text))
}

interface Candidate {
  readonly id: MemoryId
  readonly text: string
}

/** Those of them that are alike, the most alike first. Serves others in between. */
export async function alikeOf(text: string, candidates: readonly Candidate[]): Promise<Similar[]> {
  const own = shinglesOf(text)
  const found: Similar[] = []
  let characters = 0
  for (const one of candidates) {
    characters += one.text.length
    if (characters > limits.similarStep_characters) {
      characters = 0
      await new Promise(setImmediate)
    }
    const alike = similarity(own, shinglesOf(one.text))
    if (alike < similarity_min) continue
    found.push({ id: one.id, similarity: Math.round(alike * 1000) / 1000 })
  }
  return found.sort((a, b) => b.similarity - a.similarity || (a.id < b.id ? -1 : 1))
}

/** What the index finds best. */
async function readCandidates(
  { caller, services, now }: PrepareContext,
  space: PreparedSpace,
  text: string,
): Promise<Candidate[]> {
  const held = await services.indexes.catchUp(space)
  return space.read(async (store) => {
    if (!mayRead(caller, store)) return []
    const index = await services.indexes.current(store, held)
    const hits = index.search(text, { limit: limits.similarCandidates_max, now })
    const stored = await store.getMany(hits.map(({ id }) => id as MemoryId))
    const candidates: Candidate[] = []
    for (const { id, record: bytes } of stored.values()) {
      const record = bytes && decodeRecord(bytes)
      if (record && !isExpired(record, now)) candidates.push({ id, text: record.text })
    }
    return candidates
  })
}
