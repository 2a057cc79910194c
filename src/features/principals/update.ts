import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { covers, outranks } from '../../kernel/rights.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { agentFields, type DeclaredFields, declared, declares, followQuota } from './agent.ts'
import {
  managePrincipal,
  openProfile,
  Principal,
  PrincipalIdField,
  PrincipalName,
  type PrincipalProfile,
  toPrincipal,
} from './principal.ts'
import { getPrincipal, requireUsers, sealProfile, updatePrincipalRow } from './store.ts'

/**
 * Renames, disables or enables a principal, or declares what an agent is for and may store: for others
 * to say, never for itself. Fails with `not_found`, `above_own_rights`, `in_use`, `invalid_input`.
 */
export const updatePrincipal = operation({
  id: 'principals.update',
  method: 'PATCH',
  path: '/v1/principals/{id}',
  summary: 'Rename, disable or enable a principal, or declare what an agent may.',
  effect: 'write',
  idempotent: false,
  permission: managePrincipal,
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  // To enable him revives his credentials, whatever these are held to.
  leaves: ({ state, allowedUsers }) =>
    state === 'active' || allowedUsers !== undefined ? 'power' : 'nothing',
  audit: 'principal.updated',
  facts: (input, output) => ({
    resourceId: input.id,
    ...(output && { details: { state: output.state } }),
  }),
  input: z.strictObject({
    id: PrincipalIdField,
    name: PrincipalName.nullable().optional(),
    state: z.enum(['active', 'disabled']).optional(),
    ...agentFields,
  }),
  output: Principal,
  status: 200,
  run: async (ctx, { id, name, state, ...fields }) => {
    const row = await getPrincipal(ctx.store, id)
    // Enabling gives all that the principal may do; the rest takes away at the most.
    const gives = state === 'active' && row.state !== 'active'
    const isAbove = gives ? covers : outranks
    if (!isAbove(ctx.caller.rights, await ctx.mightOf(id))) {
      throw new LocketError('above_own_rights')
    }
    const isOneself = id === ctx.caller.principalId
    if (isOneself && declares(fields)) throw new LocketError('above_own_rights')
    if (isOneself && state === 'disabled') {
      throw new LocketError('in_use', 'state: nobody can disable himself')
    }
    await requireUsers(ctx.store, fields.allowedUsers)
    const profile = await openProfile(ctx.store, row)
    const changed = await updatePrincipalRow(ctx.store, row, {
      state: state ?? row.state,
      profile: await sealProfile(ctx.store, id, {
        ...profile,
        name: name === undefined ? profile.name : name,
        ...(await declareAgain(ctx.store, { id, profile, fields })),
      }),
      updated_at: ctx.now,
    })
    if (state === 'disabled') await ctx.services.endSignIns(ctx.store, id)
    await raiseEpoch(ctx.store)
    return toPrincipal(ctx.store, changed)
  },
})

/** What an agent's profile holds from now on, its count begun or ended; nothing for others. */
async function declareAgain(
  store: TenantStore,
  { id, profile, fields }: { id: PrincipalId; profile: PrincipalProfile; fields: DeclaredFields },
): Promise<Pick<PrincipalProfile, 'agent'>> {
  const agent = declared(profile.agent, { id, fields })
  if (!isId('agt', id) || !agent) return {}
  const before = profile.agent?.maxMemories ?? null
  await followQuota(store, id, { before, after: agent.maxMemories })
  return { agent }
}
