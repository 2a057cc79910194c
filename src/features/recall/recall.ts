import { z } from 'zod'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Context, NamedSpace } from '../../kernel/context.ts'
import { operation } from '../../kernel/operation.ts'
import type { StoredMemory } from '../../storage/space-store.ts'
import { type Recency, recencies } from '../indexes/factors.ts'
import type { HeldIndex } from '../indexes/space-indexes.ts'
import { Filter, type Predicate } from '../memories/filter.ts'
import { decodeRecord, isExpired, Memory, type MemoryId, toMemory } from '../memories/memory.ts'
import { defaultSpace } from '../spaces/access.ts'
import { SpaceHandle } from '../spaces/space.ts'
import { fuse } from './fuse.ts'

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
})
type Recall = z.output<typeof Recall>

const Recalled = Memory.extend({
  score: z.number().describe('Higher is better; comparable only within one answer.'),
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
  readonly accept?: Predicate
  readonly held: HeldIndex | undefined
}

interface Found {
  readonly id: MemoryId
  readonly score: number
  readonly space: NamedSpace
}

async function search(ctx: Context, space: NamedSpace, question: Question): Promise<Found[]> {
  const index = await ctx.services.indexes.current(space.store, question.held)
  const hits = index.search(question.query, question)
  return hits.map((hit) => ({ id: hit.id as MemoryId, score: hit.score, space }))
}

/** Opens what was found, in its order; what is gone or over by now is left out. */
async function open(ctx: Context, found: readonly Found[]): Promise<Recalled[]> {
  const items: Recalled[] = []
  const stored = new Map<NamedSpace, Map<MemoryId, StoredMemory>>()
  for (const [space, hits] of Map.groupBy(found, (hit) => hit.space)) {
    stored.set(space, await space.store.getMany(hits.map((hit) => hit.id)))
  }
  for (const { id, score, space } of found) {
    const bytes = stored.get(space)?.get(id)?.record
    const record = bytes && decodeRecord(bytes)
    if (!record || isExpired(record, ctx.now)) continue
    items.push({ ...toMemory(id, space.handle, record), score })
  }
  return items
}
