import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { insistOnCovered } from './claim-rules.ts'
import { IdentityProvider, openDetails, ProviderFields } from './identity-provider.ts'
import { showProvider } from './show.ts'
import { settled } from './sign-in-settings.ts'
import { findProvider, insertProvider, listProviderRows } from './store.ts'

/**
 * Registers a provider: from the next request its tokens for this tenant are taken. Its rules give no
 * more than the caller holds. Fails with `above_own_rights`, `already_exists`, `not_found`,
 * `quota_exceeded`.
 */
export const createIdentityProvider = operation({
  id: 'identity-providers.create',
  method: 'POST',
  path: '/v1/identity-providers',
  summary:
    'Register an identity provider, whose word on who somebody is then counts in this tenant.',
  effect: 'write',
  idempotent: true,
  permission: 'tenant:admin',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'power',
  audit: 'identity-provider.created',
  facts: (input, output) => ({
    ...(output && { resourceId: output.id }),
    details: {
      algorithms: input.algorithms,
      tokenType: input.tokenType,
      createUsers: input.createUsers,
      roles: input.rules.map(({ role }) => role),
      signIn: input.signIn !== null,
    },
  }),
  input: z.strictObject({
    name: ProviderFields.name,
    issuer: ProviderFields.issuer,
    algorithms: ProviderFields.algorithms.default(['RS256']),
    tokenType: ProviderFields.tokenType.default('at+jwt'),
    createUsers: ProviderFields.createUsers.default(false),
    rules: ProviderFields.rules.default([]),
    signIn: ProviderFields.signIn.default(null),
  }),
  output: IdentityProvider,
  status: 201,
  run: async (ctx, input) => {
    const { store, caller, services, now } = ctx
    await insistOnCovered(store, caller.rights, input.rules)
    if (await findProvider(store, input.issuer)) throw new LocketError('already_exists', 'issuer')
    const others = await listProviderRows(store)
    if (others.length >= limits.identityProviders_perTenant_max) {
      throw new LocketError('quota_exceeded', 'identity providers of this tenant')
    }
    for (const other of others) {
      if ((await openDetails(store, other)).name === input.name) {
        throw new LocketError('already_exists', 'name')
      }
    }
    const details = { ...input, signIn: settled(input.signIn, null) }
    const row = await insertProvider(store, details, { now, by: caller.principalId })
    await raiseEpoch(store)
    const source = { id: row.provider_id, issuer: input.issuer }
    ctx.afterCommit(() => services.providerKeys.warm(source))
    return showProvider(ctx, row)
  },
})
