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

/** The most alike first. Nothing for a caller who may not read the space. */
export async function findSimilar(
  { caller, services, now }: PrepareContext,
  space: PreparedSpace,
  text: string,
): Promise<Similar[]> {
  const held = await services.indexes.catchUp(space)
  const own = shinglesOf(text)
  return space.read(async (store) => {
    if (!mayRead(caller, store)) return []
    const index = await services.indexes.current(store, held)
    const hits = index.search(text, { limit: limits.similarCandidates_max, now })
    const stored = await store.getMany(hits.map(({ id }) => id as MemoryId))
    const found: Similar[] = []
    for (const { id, record: bytes } of stored.values()) {
      const record = bytes && decodeRecord(bytes)
      if (!record || isExpired(record, now)) continue
      const alike = similarity(own, shinglesOf(record.text))
      if (alike >= similarity_min) found.push({ id, similarity: Math.round(alike * 1000) / 1000 })
    }
    return found.sort((a, b) => b.similarity - a.similarity || (a.id < b.id ? -1 : 1))
  })
}
