/** How many people of a tenant there are, and how they sign in, for who looks over all tenants. */
import type { Id } from '../core/ids.ts'
import { query } from './query.ts'
import type { FactorKind, PrincipalId } from './tables.ts'
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

const openSignIns = query((db, arg: Of & { now: number; seenAfter: number; madeAfter: number }) =>
  db
    .selectFrom('sign_ins')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant_id', '=', arg.tenant)
    .where('state', '=', 'active')
    .where('expires_at', '>', arg.now)
    .where('seen_at', '>', arg.seenAfter)
    .where('created_at', '>', arg.madeAfter),
)

export interface PeopleCounts {
  /** Active ones. */
  readonly users: number
  readonly withPassword: number
  readonly signIns: number
}

/** A sign-in that was last seen before `seenAfter`, or made before `madeAfter`, counts no more. */
export async function countPeople(
  store: TenantStore,
  at: { now: number; seenAfter: number; madeAfter: number },
): Promise<PeopleCounts> {
  const users = await store.first(activeUsers, {})
  const withPassword = await store.first(withPasswords, {})
  const signIns = await store.first(openSignIns, at)
  return {
    users: Number(users?.count ?? 0),
    withPassword: Number(withPassword?.count ?? 0),
    signIns: Number(signIns?.count ?? 0),
  }
}

const passwordsAfter = query((db, arg: Of & { after: string; limit: number }) =>
  db
    .selectFrom('principals')
    .innerJoin('passwords', (join) =>
      join
        .onRef('passwords.tenant_id', '=', 'principals.tenant_id')
        .onRef('passwords.principal_id', '=', 'principals.principal_id'),
    )
    .select('principals.principal_id')
    .where('principals.tenant_id', '=', arg.tenant)
    .where('principals.state', '=', 'active')
    .where('principals.principal_id', '>', arg.after as PrincipalId)
    .orderBy('principals.principal_id')
    .limit(arg.limit),
)

const factorsBetween = query((db, arg: Of & { first: PrincipalId; last: PrincipalId }) =>
  db
    .selectFrom('factors')
    .select(['principal_id', 'kind'])
    .distinct()
    .where('tenant_id', '=', arg.tenant)
    .where('state', '=', 'active')
    .where('principal_id', '>=', arg.first)
    .where('principal_id', '<=', arg.last),
)

export interface PersonWithPassword {
  readonly id: PrincipalId
  /** The kinds of factors that are in force for him. */
  readonly kinds: readonly FactorKind[]
}

/** Active users with a password, from one id on. */
export async function peopleWithPassword(
  store: TenantStore,
  page: { after: string; limit: number },
): Promise<readonly PersonWithPassword[]> {
  const rows = await store.all(passwordsAfter, page)
  const [first, last] = [rows.at(0), rows.at(-1)]
  if (!first || !last) return []
  const between = { first: first.principal_id, last: last.principal_id }
  const kinds = Map.groupBy(await store.all(factorsBetween, between), (row) => row.principal_id)
  return rows.map(({ principal_id: id }) => ({
    id,
    kinds: (kinds.get(id) ?? []).map(({ kind }) => kind),
  }))
}
