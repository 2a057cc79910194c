import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { openDefinition, presetRoles, Role, toRole } from './role.ts'
import { listRoleRows } from './store.ts'

/** Lists the presets and the tenant's own roles. */
export const listRoles = operation({
  id: 'roles.list',
  method: 'GET',
  path: '/v1/roles',
  summary: 'List the roles: presets first, then the tenant’s own.',
  effect: 'read',
  idempotent: false,
  permission: 'role:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'role.listed',
  input: z.strictObject({}),
  output: z.strictObject({ items: z.array(Role) }),
  status: 200,
  run: async (ctx) => {
    const rows = await listRoleRows(ctx.store)
    const own = rows.map(async (row) => toRole(row, await openDefinition(ctx.store, row)))
    return { items: [...presetRoles(), ...(await Promise.all(own))] }
  },
})
