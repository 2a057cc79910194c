import { z } from 'zod'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Context, NamedSpace, PrepareContext } from '../../kernel/context.ts'
import { operation } from '../../kernel/operation.ts'
import type { StoredMemory } from '../../storage/space-store.ts'
import { traced } from '../../tracing/traced.ts'
import { queriesAreSent, queryVector } from '../embeddings/embeddings.ts'
import { recencies } from '../indexes/factors.ts'
import type { HeldIndex } from '../indexes/space-indexes.ts'
import { Filter } from '../memories/filter.ts'
import { decodeRecord, isExpired, Memory, type MemoryId, toMemory } from '../memories/memory.ts'
import { defaultSpace } from '../spaces/access.ts'
import { SpaceHandle } from '../spaces/space.ts'
import { Explanation, explanationOf } from './explanation.ts'
import { type Fused, fuse } from './fuse.ts'
import { type Found, type Prepared, search } from './search.ts'

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
  resource: {
    of: ['spaces'],
    by: (input, caller) => ({
      kind: 'spaces',
      handles: handlesOf(input, () => defaultSpace(caller)),
      absent: 'skip',
    }),
  },
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.recalled',
  facts: (_, output) => ({ details: { items: output?.items.map((item) => item.id) ?? [] } }),
  input: Recall,
  output: z.strictObject({
    items: z.array(Recalled),
    degraded: z
      .boolean()
      .describe('True when the embedder did not answer, or many memories have no vector yet.'),
  }),
  status: 200,
  prepare: async (ctx, input): Promise<Prepared> => {
    if (ctx.spaces.length === 0) return { held: new Map(), vector: null }
    const [held, vector] = await Promise.all([
      traced({ name: 'recall.index' }, () => catchUp(ctx)),
      traced({ name: 'recall.embed' }, () => queryVector(ctx, input.query)),
    ])
    return { held, vector }
  },
  preparesFirst: queriesAreSent,
  run: async (ctx, input, prepared?: Prepared) => {
    const { filter, space: _, ...asked } = input
    const question = { ...asked, now: ctx.now, prepared, ...(filter && { accept: filter }) }
    const answers = await traced({ name: 'recall.search' }, () =>
      Promise.all(ctx.spaces.map((space) => search(ctx, space, question))),
    )
    const lists = answers.map(({ found }) => found)
    return {
      items: await traced({ name: 'recall.open' }, () =>
        open(ctx, fuse(lists, input.limit), input),
      ),
      degraded: queriesAreSent(ctx) && answers.some((answer) => answer.degraded),
    }
  },
})

function handlesOf(input: Recall, own: () => string): readonly string[] {
  if (input.space === undefined) return [own()]
  return typeof input.space === 'string' ? [input.space] : [...new Set(input.space)]
}

async function catchUp(ctx: PrepareContext): Promise<Map<Id<'spc'>, HeldIndex>> {
  const held = new Map<Id<'spc'>, HeldIndex>()
  for (const space of ctx.spaces) {
    held.set(space.id, await ctx.services.indexes.catchUp(space))
  }
  return held
}

/** Opens what was found, in its order; what is gone or over by now is left out. */
async function open(
  ctx: Context,
  found: readonly (Found & Fused)[],
  { explain }: Recall,
): Promise<Recalled[]> {
  const items: Recalled[] = []
  const stored = new Map<NamedSpace, Map<MemoryId, StoredMemory>>()
  for (const space of ctx.spaces) {
    const ids: MemoryId[] = []
    for (const hit of found) if (hit.space === space) ids.push(hit.id)
    stored.set(space, await space.store.getMany(ids))
  }
  for (const hit of found) {
    const { id, score, space } = hit
    const bytes = stored.get(space)?.get(id)?.record
    const record = bytes && decodeRecord(bytes)
    if (!record || isExpired(record, ctx.now)) continue
    const item = { ...toMemory(id, space.handle, record), score }
    items.push(explain ? { ...item, explain: explanationOf(hit) } : item)
  }
  return items
}
