import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { destroySpace, findSpace } from './store.ts'

/**
 * Deletes a space for good: its key is overwritten in the same transaction, so nothing it sealed,
 * in the database or in a copy of it, opens again. Fails with `not_found`.
 */
export const deleteSpace = operation({
  id: 'spaces.delete',
  method: 'DELETE',
  path: '/v1/spaces/{id}',
  summary: 'Delete a space and destroy its key; its memories can never be read again.',
  effect: 'destroy',
  idempotent: false,
  permission: 'space:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'space.deleted',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('spc') }),
  output: Done,
  status: 200,
  run: async (ctx, input) => {
    const row = await findSpace(ctx.store, input.id)
    if (!row) throw new LocketError('not_found')
    await destroySpace(ctx.store, row)
    await forgetAnswers(ctx.store, input.id)
    await raiseEpoch(ctx.store)
    ctx.afterCommit(() => ctx.services.keyDestroyed(ctx.store.tenant, input.id))
    return { id: input.id, deleted: true as const }
  },
})
