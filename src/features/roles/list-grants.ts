import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { Grant, toGrant } from './grant.ts'
import { grantsOf, listGrantRows } from './store.ts'

const id = 'grants.list'

/** Lists grants, of one principal or of all. Fails with `invalid_cursor`. */
export const listGrants = operation({
  id,
  method: 'GET',
  path: '/v1/grants',
  summary: 'List who has which role.',
  effect: 'read',
  idempotent: false,
  permission: 'role:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'grant.listed',
  input: z.strictObject({ principalId: PrincipalIdField.optional(), ...pageFields }),
  output: pageOf(Grant),
  status: 200,
  run: async (ctx, input) => {
    if (input.principalId) {
      const rows = await grantsOf(ctx.store, input.principalId)
      return { items: rows.map(toGrant), nextCursor: null }
    }
    const after = input.cursor ? fromCursor(id, input.cursor) : ''
    const rows = await listGrantRows(ctx.store, { after, limit: input.limit + 1 })
    return toPage(rows, { list: id, limit: input.limit, id: (row) => row.grant_id, item: toGrant })
  },
})
