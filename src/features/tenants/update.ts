import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { announce } from './announce.ts'
import { ownTenant, updateTenant as writeTenant } from './store.ts'
import { EmbeddingLevelField, openProfile, Tenant, TenantName, toTenant } from './tenant.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    /** What may be sent to the embedder may be something else by now. */
    readonly tenantUpdated: () => void
    /**
     * Ends every sign-in of a principal, or of the tenant where it is null, and tells how many; with them
     * the links that would set his password, and those that he has made.
     */
    readonly endSignIns: (store: TenantStore, of: PrincipalId | null) => Promise<number>
  }
}

/**
 * Renames, disables or enables a tenant, and says up to which privacy level its memories may be sent
 * to the embedder; all of it holds from the next request.
 */
export const updateTenant = operation({
  id: 'tenants.update',
  method: 'PATCH',
  path: '/v1/tenants/{id}',
  summary: 'Rename, disable or enable a tenant; say what its embedder may be sent.',
  effect: 'write',
  idempotent: false,
  permission: 'system:admin',
  resource: {
    of: ['instance'],
    by: (input) => ({ kind: 'instance', tenant: input.id }),
  },
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: ({ state }) => (state === 'active' ? 'power' : 'nothing'),
  audit: 'tenant.updated',
  facts: (input, output) => ({
    resourceId: input.id,
    ...(output && { details: { state: output.state, embeddingLevel: output.embeddingLevel } }),
  }),
  input: z.strictObject({
    id: idField('ten'),
    name: TenantName.optional(),
    state: z.enum(['active', 'disabled']).optional(),
    embeddingLevel: EmbeddingLevelField.optional(),
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
    const before = await openProfile(store, row)
    const changed = await writeTenant(store, row, {
      state: input.state ?? row.state,
      profile: {
        ...before,
        ...(input.name && { name: input.name }),
        ...(input.embeddingLevel && { embeddingLevel: input.embeddingLevel }),
      },
      now: ctx.now,
    })
    if (input.state === 'disabled') await ctx.services.endSignIns(store, null)
    const tenant = await toTenant(store, changed)
    await announce(ctx, 'tenant.updated', tenant)
    ctx.afterCommit(ctx.services.tenantUpdated)
    return tenant
  },
})
