import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { ExternalIdentity, toIdentity } from './external-identity.ts'
import { listIdentityRows } from './store.ts'

const id = 'external-identities.list'

/** Lists which subjects are tied to which principals. Fails with `invalid_cursor`. */
export const listExternalIdentities = operation({
  id,
  method: 'GET',
  path: '/v1/external-identities',
  summary: 'List which subjects of identity providers are tied to which principals.',
  effect: 'read',
  idempotent: false,
  permission: 'tenant:admin',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'external-identity.listed',
  input: z.strictObject({ principalId: PrincipalIdField.optional(), ...pageFields }),
  output: pageOf(ExternalIdentity),
  status: 200,
  run: async (ctx, input) => {
    const rows = await listIdentityRows(ctx.store, {
      after: input.cursor ? fromCursor(id, input.cursor) : '',
      owner: input.principalId ?? null,
      limit: input.limit + 1,
    })
    const page = toPage(rows, {
      list: id,
      limit: input.limit,
      id: (row) => row.identity_id,
      item: (row) => toIdentity(ctx.store, row),
    })
    return { items: await Promise.all(page.items), nextCursor: page.nextCursor }
  },
})
