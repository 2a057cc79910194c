import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { outranks, overTenant } from '../../kernel/rights.ts'
import { insistOnWhole } from './own.ts'
import { dropSignIn, getSignIn } from './store.ts'

/**
 * Ends a sign-in: one of one's own, or, for who manages users, of another. Fails with `not_found`,
 * `above_own_rights`.
 */
export const endSignIn = operation({
  id: 'sign-ins.end',
  method: 'DELETE',
  path: '/v1/sign-ins/{id}',
  summary: 'End a sign-in; its cookie counts no more at the next request.',
  effect: 'destroy',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'sign-in.ended',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('sin') }),
  output: Done,
  status: 200,
  run: async (ctx, { id }) => {
    const { principal_id } = await getSignIn(ctx.store, id)
    const { caller } = ctx
    if (principal_id === caller.principalId) insistOnWhole(caller)
    else {
      if (overTenant(caller.rights, 'user:manage') === null) throw new LocketError('not_found')
      if (!outranks(caller.rights, await ctx.mightOf(principal_id))) {
        throw new LocketError('above_own_rights')
      }
    }
    await dropSignIn(ctx.store, id)
    return { id, deleted: true as const }
  },
})
