import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { Space, SpaceHandle, toSpace } from './space.ts'
import { insertSpace } from './store.ts'

/** Makes a space before anything is stored in it. Fails with `already_exists`, `handle_retired`. */
export const createSpace = operation({
  id: 'spaces.create',
  method: 'POST',
  path: '/v1/spaces',
  summary: 'Make a space; a first store makes one too.',
  effect: 'write',
  idempotent: true,
  permission: 'space:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  leaves: 'nothing',
  audit: 'space.created',
  facts: (_, output) => (output ? { resourceId: output.id } : {}),
  input: z.strictObject({ handle: SpaceHandle }),
  output: Space,
  status: 201,
  run: async (ctx, input) =>
    toSpace(ctx.store, await insertSpace(ctx.store, input.handle, ctx.now)),
})
