import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { expandAll } from '../../core/permissions.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { covers } from '../../kernel/rights.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { openDefinition, Role, RoleFields, toRole } from './role.ts'
import { findRole, writeRole } from './store.ts'

/**
 * Changes what a role allows, for everyone who has it, from the next request. Who changes it must
 * hold all of it, before and after. Fails with `not_found`, `above_own_rights`.
 */
export const updateRole = operation({
  id: 'roles.update',
  method: 'PATCH',
  path: '/v1/roles/{id}',
  summary: 'Change what a role of the tenant’s own allows.',
  effect: 'write',
  idempotent: false,
  permission: 'role:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'power',
  audit: 'role.updated',
  facts: (input, output) => ({
    resourceId: input.id,
    ...(output && { details: { permissions: output.permissions, reach: output.reach } }),
  }),
  input: z.strictObject({
    id: idField('rol'),
    description: RoleFields.description.optional(),
    permissions: RoleFields.permissions.optional(),
    reach: RoleFields.reach.optional(),
  }),
  output: Role,
  status: 200,
  run: async (ctx, input) => {
    const row = await findRole(ctx.store, input.id)
    if (!row) throw new LocketError('not_found')
    const before = await openDefinition(ctx.store, row)
    const after = {
      name: before.name,
      description: input.description ?? before.description,
      permissions: input.permissions ?? before.permissions,
      reach: input.reach ?? before.reach,
    }
    const touched = expandAll([...before.permissions, ...after.permissions])
    const asGrant = { grant: row.role_id, reach: 'tenant', permissions: touched } as const
    if (!covers(ctx.caller.rights, [asGrant])) throw new LocketError('above_own_rights')
    const written = await writeRole(ctx.store, after, { ...row, updated_at: ctx.now })
    await raiseEpoch(ctx.store)
    return toRole(written, after)
  },
})
