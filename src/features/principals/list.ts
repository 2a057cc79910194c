import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { overTenant } from '../../kernel/rights.ts'
import {
  kinds,
  Principal,
  type PrincipalKind,
  type PrincipalRow,
  principalKinds,
  toPrincipal,
} from './principal.ts'
import { listPrincipalRows } from './store.ts'

const id = 'principals.list'

/** Lists the principals of the kinds that the caller may manage. Fails with `invalid_cursor`. */
export const listPrincipals = operation({
  id,
  method: 'GET',
  path: '/v1/principals',
  summary: 'List principals.',
  effect: 'read',
  idempotent: false,
  permission: {
    of: kinds.map((kind) => principalKinds[kind].permission),
    by: (input, caller) => {
      const mayList = (kind: PrincipalKind): boolean =>
        overTenant(caller.rights, principalKinds[kind].permission) !== null
      return principalKinds[input.kind ?? kinds.find(mayList) ?? 'user'].permission
    },
  },
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'principal.listed',
  input: z.strictObject({ kind: z.enum(kinds).optional(), ...pageFields }),
  output: pageOf(Principal),
  status: 200,
  run: async (ctx, input) => {
    const rows = await listPrincipalRows(ctx.store, {
      after: input.cursor ? fromCursor(id, input.cursor) : '',
      kind: input.kind ?? null,
      limit: input.limit + 1,
    })
    const visible = (row: PrincipalRow): boolean =>
      overTenant(ctx.caller.rights, principalKinds[row.kind].permission) !== null
    const page = toPage(rows, {
      list: id,
      limit: input.limit,
      id: (row) => row.principal_id,
      item: (row) => row,
    })
    const shown = page.items.filter(visible).map((row) => toPrincipal(ctx.store, row))
    return { items: await Promise.all(shown), nextCursor: page.nextCursor }
  },
})
