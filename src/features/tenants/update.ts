import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { announce } from './announce.ts'
import { ownTenant, updateTenant as writeTenant } from './store.ts'
import { Tenant, TenantName, toTenant } from './tenant.ts'

/** Renames, disables or enables a tenant; its credentials stop at the next request. */
export const updateTenant = operation({
  id: 'tenants.update',
  method: 'PATCH',
  path: '/v1/tenants/{id}',
  summary: 'Rename, disable or enable a tenant.',
  effect: 'write',
  idempotent: false,
  permission: 'system:admin',
  resource: (input) => ({ kind: 'instance', tenant: input.id }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'tenant.updated',
  facts: (input, output) => ({
    resourceId: input.id,
    ...(output && { details: { state: output.state } }),
  }),
  input: z.strictObject({
    id: idField('ten'),
    name: TenantName.optional(),
    state: z.enum(['active', 'disabled']).optional(),
  }),
  output: Tenant,
  status: 200,
  run: async (ctx, input) => {
    if (input.id === instanceTenant) throw new LocketError('not_found')
    if (input.state === 'disabled' && input.id === ctx.caller.tenant) {
      throw new LocketError('in_use', 'state: a tenant cannot be disabled by one of its own')
    }
    const store = ctx.otherTenant(input.id)
    const row = await ownTenant(store)
    const before = await toTenant(store, row)
    const changed = await writeTenant(store, row, {
      state: input.state ?? row.state,
      profile: { slug: before.slug, name: input.name ?? before.name },
      now: ctx.now,
    })
    await announce(ctx, 'tenant.updated', { id: input.id, state: changed.state })
    return toTenant(store, changed)
  },
})
