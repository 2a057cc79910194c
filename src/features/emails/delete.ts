import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { outranks, overTenant } from '../../kernel/rights.ts'
import { isProven } from './email.ts'
import { notifyAt } from './notify.ts'
import { dropEmail, findEmail } from './store.ts'

/**
 * Removes an address: one's own, by who is signed in, or, for who manages users, another's. Fails with
 * `not_found`, `permission_denied`, `above_own_rights`.
 */
export const deleteEmail = operation({
  id: 'emails.delete',
  method: 'DELETE',
  path: '/v1/emails/{id}',
  summary: 'Remove an e-mail address, so that it is no login and nothing is sent there.',
  effect: 'destroy',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  audit: 'email.deleted',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('eml') }),
  output: Done,
  status: 200,
  run: async (ctx, { id }) => {
    const { caller, store } = ctx
    const row = await findEmail(store, id)
    if (!row) throw new LocketError('not_found')
    if (row.principal_id === caller.principalId) {
      if (!isId('sin', caller.credentialId)) throw new LocketError('permission_denied')
    } else {
      if (overTenant(caller.rights, 'user:manage') === null) throw new LocketError('not_found')
      if (!outranks(caller.rights, await ctx.mightOf(row.principal_id))) {
        throw new LocketError('above_own_rights')
      }
    }
    await dropEmail(store, id)
    if (isProven(row)) await notifyAt(ctx, store, { email: row, what: 'email-removed' })
    return { id, deleted: true as const }
  },
})
