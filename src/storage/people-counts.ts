/** How many people of a tenant there are, and how they sign in, for who looks over all tenants. */
import type { Id } from '../core/ids.ts'
import { query } from './query.ts'
import type { TenantStore } from './tenant-store.ts'

type Of = { tenant: Id<'ten'> }

const activeUsers = query((db, arg: Of) =>
  db
    .selectFrom('principals')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant_id', '=', arg.tenant)
    .where('kind', '=', 'user')
    .where('state', '=', 'active'),
)

const withPasswords = query((db, arg: Of) =>
  db
    .selectFrom('principals')
    .innerJoin('passwords', (join) =>
      join
        .onRef('passwords.tenant_id', '=', 'principals.tenant_id')
        .onRef('passwords.principal_id', '=', 'principals.principal_id'),
    )
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('principals.tenant_id', '=', arg.tenant)
    .where('principals.state', '=', 'active'),
)

const openSignIns = query((db, arg: Of & { now: number; seenAfter: number }) =>
  db
    .selectFrom('sign_ins')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant_id', '=', arg.tenant)
    .where('state', '=', 'active')
    .where('expires_at', '>', arg.now)
    .where('seen_at', '>', arg.seenAfter),
)

export interface PeopleCounts {
  /** Active ones. */
  readonly users: number
  readonly withPassword: number
  readonly signIns: number
}

/** `seenAfter`: a sign-in that was last seen before then counts no more. */
export async function countPeople(
  store: TenantStore,
  { now, seenAfter }: { now: number; seenAfter: number },
): Promise<PeopleCounts> {
  const users = await store.first(activeUsers, {})
  const withPassword = await store.first(withPasswords, {})
  const signIns = await store.first(openSignIns, { now, seenAfter })
  return {
    users: Number(users?.count ?? 0),
    withPassword: Number(withPassword?.count ?? 0),
    signIns: Number(signIns?.count ?? 0),
  }
}
