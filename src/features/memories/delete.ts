import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import { currentVersion, requireVersion } from './get.ts'

/**
 * Deletes a memory with all its versions; only a tombstone without content stays. Fails with
 * `not_found`, `precondition_failed`.
 */
export const deleteMemory = operation({
  id: 'memories.delete',
  method: 'DELETE',
  path: '/v1/memories/{id}',
  summary: 'Delete a memory and its history.',
  effect: 'destroy',
  idempotent: false,
  permission: 'memory:delete',
  resource: (input) => ({ kind: 'memory', id: input.id }),
  rateClass: 'write',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.deleted',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('mem') }),
  output: Done,
  status: 200,
  run: async (ctx, input) => {
    const { record } = await currentVersion(ctx, input.id)
    requireVersion(ctx, undefined, record.version)
    await ctx.space.remove(input.id)
    await forgetAnswers(ctx.store, ctx.space.id)
    return { id: input.id, deleted: true as const }
  },
})
