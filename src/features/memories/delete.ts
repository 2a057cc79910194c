import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import { forgetSnapshot } from './forget-snapshot.ts'
import { keptVersion, requireVersion } from './get.ts'
import type { MemoryId } from './memory.ts'

/** Throws as for any memory that is not there or not of the version meant. */
async function requireCurrent(ctx: Context, id: MemoryId): Promise<void> {
  try {
    const { record } = await keptVersion(ctx, id)
    requireVersion(ctx, undefined, record.version)
  } catch (thrown) {
    // What cannot be opened any more must still be possible to delete, or it is in the way for ever.
    const damaged = thrown instanceof LocketError && thrown.code === 'integrity_failed'
    if (!damaged || ctx.ifMatch !== null) throw thrown
    ctx.note({ id, damaged: true })
  }
}

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
  resource: {
    of: ['memory'],
    by: (input) => ({ kind: 'memory', id: input.id }),
  },
  rateClass: 'write',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.deleted',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('mem') }),
  output: Done,
  status: 200,
  run: async (ctx, input) => {
    await requireCurrent(ctx, input.id)
    await ctx.space.remove(input.id)
    await forgetAnswers(ctx.store, ctx.space.id)
    forgetSnapshot(ctx)
    return { id: input.id, deleted: true as const }
  },
})
