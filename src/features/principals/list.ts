import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import type { Caller } from '../../kernel/context.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { overTenant } from '../../kernel/rights.ts'
import { kinds, Principal, type PrincipalKind, principalKinds, toPrincipal } from './principal.ts'
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
    by: (input, caller) =>
      principalKinds[input.kind ?? visibleKinds(caller)[0] ?? 'user'].permission,
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
    const visible = visibleKinds(ctx.caller)
    const rows = await listPrincipalRows(ctx.store, {
      after: input.cursor ? fromCursor(id, input.cursor) : '',
      kinds: visible.filter((kind) => kind === (input.kind ?? kind)),
      limit: input.limit + 1,
    })
    const page = toPage(rows, {
      list: id,
      limit: input.limit,
      id: (row) => row.principal_id,
      item: (row) => toPrincipal(ctx.store, row),
    })
    return { items: await Promise.all(page.items), nextCursor: page.nextCursor }
  },
})

function visibleKinds(caller: Caller): readonly PrincipalKind[] {
  return kinds.filter((kind) => overTenant(caller.rights, principalKinds[kind].permission) !== null)
}
