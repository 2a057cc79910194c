import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { type Embedded, embedAhead } from '../embeddings/embeddings.ts'
import { defaultSpace } from '../spaces/access.ts'
import { findSimilar, Similar } from './find-similar.ts'
import { NewMemory } from './memory.ts'
import { areLive, mayRead, putMemory, StoredAnswer } from './put.ts'

const StoreMemory = NewMemory.extend({
  reportSimilar: z
    .boolean()
    .default(false)
    .describe('Tell which memories say nearly the same, to who may read them.'),
})

interface Prepared {
  readonly embedded: Embedded
  readonly similar: readonly Similar[]
}

/**
 * Stores a memory in one space, which is made when it is not there. With a `key` that the space
 * has, it becomes a new version. Fails with `space_required`, `invalid_input`, `quota_exceeded`.
 */
export const storeMemory = operation({
  id: 'memories.store',
  method: 'POST',
  path: '/v1/memories',
  summary: 'Store a memory.',
  effect: 'write',
  idempotent: true,
  permission: 'memory:write',
  resource: {
    of: ['spaces'],
    by: (input, caller) => ({
      kind: 'spaces',
      handles: [input.space ?? defaultSpace(caller)],
      absent: 'create',
    }),
  },
  rateClass: 'write',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.stored',
  facts: (_, output) => (output ? { resourceId: output.id } : {}),
  input: StoreMemory,
  output: StoredAnswer.extend({ similar: z.array(Similar).optional() }),
  status: 201,
  replayable: (ctx, output) => areLive(ctx, [output.id]),
  prepare: async (ctx, input): Promise<Prepared> => {
    const [space] = ctx.spaces
    const [embedded, similar] = await Promise.all([
      embedAhead(ctx, [input]),
      input.reportSimilar && space ? findSimilar(ctx, space, input.text) : [],
    ])
    return { embedded, similar }
  },
  run: async (ctx, { reportSimilar, ...input }, { embedded, similar: found }: Prepared) => {
    const stored = await putMemory(ctx, ctx.namedSpace, { ...input, embedded })
    if (!reportSimilar) return stored
    const others = mayRead(ctx.caller, ctx.space) ? found.filter(({ id }) => id !== stored.id) : []
    const live = await ctx.space.getMany(others.map(({ id }) => id))
    const similar = others.filter(({ id }) => live.has(id)).slice(0, limits.similar_max)
    return { ...stored, similar: similar.map((one) => ({ ...one })) }
  },
})
