import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { expandAll } from '../../core/permissions.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { covers } from '../../kernel/rights.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import { ownTenant } from '../tenants/store.ts'
import { signInPolicyOf } from '../tenants/tenant.ts'
import { openDefinition } from './role.ts'
import { deleteRoleRow, findRole } from './store.ts'

/** Deletes a role that nobody has and the sign-in policy does not name. Fails with `not_found`, `in_use`, `above_own_rights`. */
export const deleteRole = operation({
  id: 'roles.delete',
  method: 'DELETE',
  path: '/v1/roles/{id}',
  summary: 'Delete a role of the tenant’s own that nobody has.',
  effect: 'destroy',
  idempotent: false,
  permission: 'role:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'role.deleted',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('rol') }),
  output: Done,
  status: 200,
  run: async (ctx, input) => {
    const row = await findRole(ctx.store, input.id)
    if (!row) throw new LocketError('not_found')
    const { permissions } = await openDefinition(ctx.store, row)
    const asGrant = {
      grant: row.role_id,
      reach: 'tenant',
      permissions: expandAll(permissions),
    } as const
    if (!covers(ctx.caller.rights, [asGrant])) throw new LocketError('above_own_rights')
    const { mfa } = await signInPolicyOf(ctx.store, await ownTenant(ctx.store))
    // It is changed by who may change it, and not by the way.
    if (mfa.roles.includes(input.id)) throw new LocketError('in_use', 'sign-in policy')
    await deleteRoleRow(ctx.store, input.id)
    await forgetAnswers(ctx.store, 'tenant')
    return { id: input.id, deleted: true as const }
  },
})
