import { z } from 'zod'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Context, NamedSpace } from '../../kernel/context.ts'
import { operation } from '../../kernel/operation.ts'
import type { StoredMemory } from '../../storage/space-store.ts'
import type { Explanation as Parts } from '../indexes/explain.ts'
import { type Recency, recencies } from '../indexes/factors.ts'
import type { Hit } from '../indexes/space-index.ts'
import type { HeldIndex } from '../indexes/space-indexes.ts'
import { Filter, type Predicate } from '../memories/filter.ts'
import { decodeRecord, isExpired, Memory, type MemoryId, toMemory } from '../memories/memory.ts'
import { defaultSpace } from '../spaces/access.ts'
import { SpaceHandle } from '../spaces/space.ts'
import { Explanation } from './explanation.ts'
import { type Fusion, fuse } from './fuse.ts'

const Spaces = z.union([SpaceHandle, z.array(SpaceHandle).min(1).max(limits.recall_spaces_max)])

const Recall = z.strictObject({
  space: Spaces.optional().describe('One space, or up to eight; the caller’s own when absent.'),
  query: z
    .string()
    .max(limits.query_codePoints_max * 2)
    .trim()
    .min(1)
    .refine((text) => text.isWellFormed() && !text.includes('\0'), 'lone surrogate or NUL')
    .refine((text) => [...text].length <= limits.query_codePoints_max, 'too long'),
  limit: z.number().int().min(1).max(limits.recall_results_max).default(10),
  filter: Filter.optional(),
  recency: z
    .enum(recencies)
    .default('gentle')
    .describe('How much it counts that a memory is recent, by `occurredAt`.'),
  explain: z.boolean().default(false).describe('Whether items tell the parts of their scores.'),
})
type Recall = z.output<typeof Recall>

const Recalled = Memory.extend({
  score: z.number().describe('Higher is better; comparable only within one answer.'),
  explain: Explanation.optional().describe('With `explain` only.'),
})
type Recalled = z.output<typeof Recalled>

/**
 * Finds the memories that fit a question best, in one space or fused by rank over several. Fails
 * with `space_required`, `not_found`, `invalid_filter`.
 */
export const recallMemories = operation({
  id: 'memories.recall',
  method: 'POST',
  path: '/v1/memories/recall',
  summary: 'Recall the memories that fit a question best.',
  effect: 'read',
  idempotent: false,
  permission: 'memory:read',
  resource: (input, caller) => ({
    kind: 'spaces',
    handles: handlesOf(input, () => defaultSpace(caller)),
    absent: 'skip',
  }),
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.recalled',
  facts: (_, output) => ({ details: { items: output?.items.map((item) => item.id) ?? [] } }),
  input: Recall,
  output: z.strictObject({ items: z.array(Recalled) }),
  status: 200,
  prepare: async (ctx) => {
    const held = new Map<Id<'spc'>, HeldIndex>()
    for (const space of ctx.spaces) {
      held.set(space.id, await ctx.services.indexes.catchUp(space))
    }
    return held
  },
  run: async (ctx, input, held) => {
    const question = {
      query: input.query,
      limit: input.limit,
      now: ctx.now,
      recency: input.recency,
      explain: input.explain,
      ...(input.filter && { accept: input.filter }),
    }
    const lists = await Promise.all(
      ctx.spaces.map((space) =>
        search(ctx, space, { ...question, held: held?.get(space.store.id) }),
      ),
    )
    return { items: await open(ctx, fuse(lists, input.limit)) }
  },
})

function handlesOf(input: Recall, own: () => string): readonly string[] {
  if (input.space === undefined) return [own()]
  return typeof input.space === 'string' ? [input.space] : [...new Set(input.space)]
}

interface Question {
  readonly query: string
  readonly limit: number
  readonly now: number
  readonly recency: Recency
  readonly explain: boolean
  readonly accept?: Predicate
  readonly held: HeldIndex | undefined
}

interface Found {
  readonly id: MemoryId
  readonly score: number
  readonly space: NamedSpace
  readonly words: Omit<Hit, 'id'>
}

async function search(ctx: Context, space: NamedSpace, question: Question): Promise<Found[]> {
  const index = await ctx.services.indexes.current(space.store, question.held)
  const hits = index.search(question.query, question)
  return hits.map(({ id, ...words }) => ({ id: id as MemoryId, score: words.score, space, words }))
}

type Fused = Found & { readonly fusion?: Fusion }

/** Opens what was found, in its order; what is gone or over by now is left out. */
async function open(ctx: Context, found: readonly Fused[]): Promise<Recalled[]> {
  const items: Recalled[] = []
  const stored = new Map<NamedSpace, Map<MemoryId, StoredMemory>>()
  for (const [space, hits] of Map.groupBy(found, (hit) => hit.space)) {
    stored.set(space, await space.store.getMany(hits.map((hit) => hit.id)))
  }
  for (const { id, score, space, words, fusion } of found) {
    const bytes = stored.get(space)?.get(id)?.record
    const record = bytes && decodeRecord(bytes)
    if (!record || isExpired(record, ctx.now)) continue
    const item = { ...toMemory(id, space.handle, record), score }
    const { score: own, explain } = words
    items.push(explain ? { ...item, explain: explanation(own, explain, fusion) } : item)
  }
  return items
}

function explanation(score: number, parts: Parts, fusion: Fusion | undefined): Explanation {
  const terms = parts.terms.map((term) => ({ ...term }))
  return { words: { score, ...parts, terms }, fusion: fusion ? { ...fusion } : null }
}
