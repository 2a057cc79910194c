import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { Done, idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { outranks } from '../../kernel/rights.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { endApiKey, getApiKey } from './store.ts'

/** Revokes a key, from the next request. Fails with `not_found`, `above_own_rights`. */
export const revokeApiKey = operation({
  id: 'api-keys.revoke',
  method: 'DELETE',
  path: '/v1/api-keys/{id}',
  summary: 'Revoke an API key; it stops at the next request.',
  effect: 'destroy',
  idempotent: false,
  permission: 'api-key:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'api-key.revoked',
  facts: (input) => ({ resourceId: input.id }),
  input: z.strictObject({ id: idField('key') }),
  output: Done,
  status: 200,
  run: async (ctx, input) => {
    const row = await getApiKey(ctx.store, input.id)
    if (row.state === 'revoked') throw new LocketError('not_found')
    const own = row.principal_id === ctx.caller.principalId
    if (!own && !outranks(ctx.caller.rights, await ctx.mightOf(row.principal_id))) {
      throw new LocketError('above_own_rights')
    }
    await endApiKey(ctx.store, row, { state: 'revoked', expires_at: row.expires_at })
    await raiseEpoch(ctx.store)
    return { id: input.id, deleted: true as const }
  },
})
