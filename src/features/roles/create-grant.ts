import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { covers } from '../../kernel/rights.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { getPrincipal } from '../principals/store.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { Grant, toGrant } from './grant.ts'
import { grantMeaning } from './rights.ts'
import { presetOf, RoleRef } from './role.ts'
import { insertGrant } from './store.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    /** Throws `not_found` unless this is a space of the tenant. */
    readonly requireSpace: (store: TenantStore, id: Id<'spc'>) => Promise<void>
  }
}

/**
 * Grants a role to a principal, over the tenant or in one space. Nobody grants what he does not
 * hold as far himself. Fails with `not_found`, `above_own_rights`, `already_exists`.
 */
export const createGrant = operation({
  id: 'grants.create',
  method: 'POST',
  path: '/v1/grants',
  summary: 'Give a principal a role, over the tenant or in one space.',
  effect: 'write',
  idempotent: true,
  permission: 'role:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'power',
  audit: 'grant.created',
  facts: (input, output) => ({
    resourceId: input.principalId,
    details: { role: input.role, ...(output && { grant: output.id }) },
  }),
  input: z.strictObject({
    principalId: PrincipalIdField,
    role: RoleRef,
    spaceId: idField('spc').optional().describe('Only in this space.'),
  }),
  output: Grant,
  status: 201,
  run: async (ctx, input) => {
    const spaceId = input.spaceId ?? null
    await getPrincipal(ctx.store, input.principalId)
    if (spaceId) await ctx.services.requireSpace(ctx.store, spaceId)
    const given = await grantMeaning(ctx.store, input.role, spaceId)
    if (!covers(ctx.caller.rights, [given])) throw new LocketError('above_own_rights')
    const grant = {
      principal_id: input.principalId,
      role: presetOf(input.role) ?? input.role,
      space_id: spaceId,
      created_by: ctx.caller.principalId,
    }
    const row = await insertGrant(ctx.store, grant, ctx.now)
    await raiseEpoch(ctx.store)
    return toGrant(row)
  },
})
