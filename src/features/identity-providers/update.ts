import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { covers, outranks } from '../../kernel/rights.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { insistOnCovered, rightsByRules } from './claim-rules.ts'
import { IdentityProvider, openDetails, ProviderFields } from './identity-provider.ts'
import { showProvider } from './show.ts'
import { settled } from './sign-in-settings.ts'
import { getProvider, updateProvider as writeProvider } from './store.ts'
import { rightsOfTied } from './tied.ts'

const Input = z.strictObject({
  id: idField('idp'),
  algorithms: ProviderFields.algorithms.optional(),
  tokenType: ProviderFields.tokenType.optional(),
  createUsers: ProviderFields.createUsers.optional(),
  rules: ProviderFields.rules.optional(),
  signIn: ProviderFields.signIn.optional(),
  state: ProviderFields.state.optional(),
})
type Input = z.output<typeof Input>

/**
 * Changes, disables or enables a provider; it holds from the next request. The issuer stays: another
 * one is another provider. Who changes it holds all that those may whom it knows. Fails with `not_found`, `above_own_rights`.
 */
export const updateIdentityProvider = operation({
  id: 'identity-providers.update',
  method: 'PATCH',
  path: '/v1/identity-providers/{id}',
  summary: 'Change, disable or enable an identity provider.',
  effect: 'write',
  idempotent: false,
  permission: 'tenant:admin',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: (input) => (onlyStops(input) ? 'nothing' : 'power'),
  audit: 'identity-provider.updated',
  facts: (input, output) => ({
    resourceId: input.id,
    ...(output && {
      details: {
        state: output.state,
        algorithms: output.algorithms,
        tokenType: output.tokenType,
        createUsers: output.createUsers,
        roles: output.rules.map(({ role }) => role),
        signIn: output.signIn !== null,
      },
    }),
  }),
  input: Input,
  output: IdentityProvider,
  status: 200,
  run: async (ctx, input) => {
    const { id, state, ...changes } = input
    const { store, caller, now } = ctx
    const row = await getProvider(store, id)
    const before = await openDetails(store, row)
    const after = {
      ...before,
      algorithms: changes.algorithms ?? before.algorithms,
      tokenType: changes.tokenType ?? before.tokenType,
      createUsers: changes.createUsers ?? before.createUsers,
      rules: changes.rules ?? before.rules,
      signIn: changes.signIn === undefined ? before.signIn : settled(changes.signIn, before.signIn),
    }
    // Only to take away is it enough to outrank what is there: anybody above can stop a provider.
    const stops = onlyStops(input)
    if (!stops) await insistOnCovered(store, caller.rights, after.rules)
    const tied = await rightsOfTied(store, id)
    const ruled = await rightsByRules(store, id, before.rules)
    const isAbove = (stops ? outranks : covers)(caller.rights, tied)
    if (!isAbove || !outranks(caller.rights, ruled)) throw new LocketError('above_own_rights')
    const change = { state: state ?? row.state, details: after, now }
    const changed = await writeProvider(store, row, change)
    await raiseEpoch(store)
    return showProvider(ctx, changed)
  },
})

function onlyStops({ id: _, state, ...changes }: Input): boolean {
  return state === 'disabled' && Object.keys(changes).length === 0
}
