import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { outranks } from '../../kernel/rights.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { rightsByRules } from './claim-rules.ts'
import { openDetails } from './identity-provider.ts'
import { deleteProviderRow, getProvider } from './store.ts'
import { rightsOfTied } from './tied.ts'

/**
 * Deletes a provider, and with it whom it was known to mean; the principals stay. Fails with
 * `not_found`, `above_own_rights`.
 */
export const deleteIdentityProvider = operation({
  id: 'identity-providers.delete',
  method: 'DELETE',
  path: '/v1/identity-providers/{id}',
  summary: 'Delete an identity provider, and what ties its subjects to principals.',
  effect: 'destroy',
  idempotent: false,
  permission: 'tenant:admin',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'identity-provider.deleted',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('idp') }),
  output: Done,
  status: 200,
  run: async (ctx, { id }) => {
    const row = await getProvider(ctx.store, id)
    const { rules } = await openDetails(ctx.store, row)
    const could = [
      ...(await rightsByRules(ctx.store, id, rules)),
      ...(await rightsOfTied(ctx.store, id)),
    ]
    if (!outranks(ctx.caller.rights, could)) throw new LocketError('above_own_rights')
    await deleteProviderRow(ctx.store, id)
    await forgetAnswers(ctx.store, 'tenant')
    await raiseEpoch(ctx.store)
    return { id, deleted: true as const }
  },
})
