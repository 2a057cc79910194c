/** How many rows a new look-up key would rewrite. */
import { sql } from 'kysely'
import type { Id } from '../core/ids.ts'
import { query } from './query.ts'
import type { TenantStore } from './tenant-store.ts'

type Of = { tenant: Id<'ten'>; limit: number }

const principals = query((db, arg: Of) =>
  db
    .selectFrom('principals')
    .select(sql<number>`1`.as('one'))
    .where('tenant_id', '=', arg.tenant)
    .where('state', '!=', 'deleted')
    .limit(arg.limit),
)

const spaces = query((db, arg: Of) =>
  db
    .selectFrom('spaces')
    .select(sql<number>`1`.as('one'))
    .where('tenant_id', '=', arg.tenant)
    .where('state', '=', 'active')
    .limit(arg.limit),
)

/** Principals and spaces of the tenant, each counted up to `limit`; roles are few. */
export async function countReindexed(store: TenantStore, limit: number): Promise<number> {
  const found = [await store.all(principals, { limit }), await store.all(spaces, { limit })]
  return found.reduce((total, rows) => total + rows.length, 0)
}
