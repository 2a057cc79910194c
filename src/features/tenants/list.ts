import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { ownTenant, tenantIds } from './store.ts'
import { Tenant, toTenant } from './tenant.ts'

const id = 'tenants.list'

/** Lists tenants in the order of their making. Fails with `invalid_cursor`. */
export const listTenants = operation({
  id,
  method: 'GET',
  path: '/v1/tenants',
  summary: 'List the tenants of the instance.',
  effect: 'read',
  idempotent: false,
  permission: 'system:admin',
  resource: () => ({ kind: 'instance' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'tenant.listed',
  input: z.strictObject(pageFields),
  output: pageOf(Tenant),
  status: 200,
  run: async (ctx, input) => {
    const after = input.cursor ? fromCursor(id, input.cursor) : ''
    const ids = await tenantIds(ctx.instance(), { after, limit: input.limit + 1 })
    const page = toPage(ids, {
      list: id,
      limit: input.limit,
      id: (tenant) => tenant,
      item: (tenant) => ctx.otherTenant(tenant),
    })
    const open = async (store: (typeof page.items)[number]) =>
      toTenant(store, await ownTenant(store))
    return { items: await Promise.all(page.items.map(open)), nextCursor: page.nextCursor }
  },
})
