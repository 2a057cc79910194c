import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { expandAll } from '../../core/permissions.ts'
import { operation } from '../../kernel/operation.ts'
import { covers } from '../../kernel/rights.ts'
import { Role, RoleFields, RoleName, toRole } from './role.ts'
import { listRoleRows, roleNameTaken, writeRole } from './store.ts'

/** Creates a role. Fails with `above_own_rights`, `already_exists`, `quota_exceeded`. */
export const createRole = operation({
  id: 'roles.create',
  method: 'POST',
  path: '/v1/roles',
  summary: 'Create a role of the tenant’s own.',
  effect: 'write',
  idempotent: true,
  permission: 'role:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'power',
  audit: 'role.created',
  facts: (input, output) => ({
    ...(output && { resourceId: output.id }),
    details: { permissions: input.permissions, reach: input.reach },
  }),
  input: z.strictObject({
    name: RoleName,
    description: RoleFields.description.default(''),
    permissions: RoleFields.permissions,
    reach: RoleFields.reach.default('tenant'),
  }),
  output: Role,
  status: 201,
  run: async (ctx, input) => {
    const asGrant = {
      grant: 'new',
      reach: 'tenant',
      permissions: expandAll(input.permissions),
    } as const
    if (!covers(ctx.caller.rights, [asGrant])) throw new LocketError('above_own_rights')
    if (await roleNameTaken(ctx.store, input.name)) throw new LocketError('already_exists', 'name')
    if ((await listRoleRows(ctx.store)).length >= limits.roles_perTenant_max) {
      throw new LocketError('quota_exceeded', 'roles of this tenant')
    }
    const row = await writeRole(ctx.store, input, {
      role_id: newId('rol', ctx.services.clock),
      created_at: ctx.now,
      updated_at: ctx.now,
    })
    return toRole(row, input)
  },
})
