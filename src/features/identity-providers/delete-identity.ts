import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { outranks } from '../../kernel/rights.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { deleteIdentityRow, getIdentity } from './store.ts'

/** Unties a subject: its tokens are refused from the next request. Fails with `not_found`, `above_own_rights`. */
export const deleteExternalIdentity = operation({
  id: 'external-identities.delete',
  method: 'DELETE',
  path: '/v1/external-identities/{id}',
  summary: 'Untie a subject of an identity provider from its principal.',
  effect: 'destroy',
  idempotent: false,
  permission: 'tenant:admin',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'external-identity.deleted',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('xid') }),
  output: Done,
  status: 200,
  run: async (ctx, { id }) => {
    const { principal_id } = await getIdentity(ctx.store, id)
    if (!outranks(ctx.caller.rights, await ctx.mightOf(principal_id))) {
      throw new LocketError('above_own_rights')
    }
    await deleteIdentityRow(ctx.store, id)
    await forgetAnswers(ctx.store, 'tenant')
    await raiseEpoch(ctx.store)
    return { id, deleted: true as const }
  },
})
