import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { defaultSpace } from '../spaces/access.ts'
import { Memory, NewMemory } from './memory.ts'
import { areLive, putMemory } from './put.ts'

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
  resource: (input, caller) => ({
    kind: 'spaces',
    handles: [input.space ?? defaultSpace(caller)],
    absent: 'create',
  }),
  rateClass: 'write',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.stored',
  facts: (_, output) => (output ? { resourceId: output.id } : {}),
  input: NewMemory,
  output: Memory,
  status: 201,
  replayable: (ctx, output) => areLive(ctx, [output.id]),
  run: (ctx, input) => putMemory(ctx, ctx.namedSpace, input),
})
