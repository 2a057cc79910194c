import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { covers, outranks } from '../../kernel/rights.ts'
import { raiseEpoch } from '../tenants/store.ts'
import {
  managePrincipal,
  openProfile,
  Principal,
  PrincipalIdField,
  PrincipalName,
  toPrincipal,
} from './principal.ts'
import { getPrincipal, sealProfile, updatePrincipalRow } from './store.ts'

/** Renames, disables or enables a principal. Fails with `not_found`, `above_own_rights`, `in_use`. */
export const updatePrincipal = operation({
  id: 'principals.update',
  method: 'PATCH',
  path: '/v1/principals/{id}',
  summary: 'Rename, disable or enable a principal; its credentials stop at the next request.',
  effect: 'write',
  idempotent: false,
  permission: managePrincipal,
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'principal.updated',
  facts: (input, output) => ({
    resourceId: input.id,
    ...(output && { details: { state: output.state } }),
  }),
  input: z.strictObject({
    id: PrincipalIdField,
    name: PrincipalName.nullable().optional(),
    state: z.enum(['active', 'disabled']).optional(),
  }),
  output: Principal,
  status: 200,
  run: async (ctx, input) => {
    const row = await getPrincipal(ctx.store, input.id)
    // Enabling gives all that the principal may do; the rest takes away at the most.
    const gives = input.state === 'active' && row.state !== 'active'
    const isAbove = gives ? covers : outranks
    if (!isAbove(ctx.caller.rights, await ctx.rightsOf(input.id))) {
      throw new LocketError('above_own_rights')
    }
    if (input.state === 'disabled' && input.id === ctx.caller.principalId) {
      throw new LocketError('in_use', 'state: nobody can disable himself')
    }
    const profile = await openProfile(ctx.store, row)
    const name = input.name === undefined ? profile.name : input.name
    const changed = await updatePrincipalRow(ctx.store, row, {
      state: input.state ?? row.state,
      profile: await sealProfile(ctx.store, input.id, { ...profile, name }),
      updated_at: ctx.now,
    })
    await raiseEpoch(ctx.store)
    return toPrincipal(ctx.store, changed)
  },
})
