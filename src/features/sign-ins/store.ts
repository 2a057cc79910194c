/** Every query on sign-ins. */

import { siteOf } from '../../core/address.ts'
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { hashed } from '../../crypto/blind-index.ts'
import { newTenantToken, ownerOfToken } from '../../crypto/tenant-token.ts'
import { hashToken, tokenMatches } from '../../crypto/token-hash.ts'
import type { Transaction } from '../../storage/database.ts'
import { leftOut, query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { ownSignInPolicy } from '../sign-in-policies/sign-in-policy.ts'
import { openOrigin, originCell, type SignInOrigin, type SignInRow } from './sign-in.ts'

type Of = { tenant: Id<'ten'> }

const byId = query((db, arg: Of & { id: Id<'sin'> }) =>
  db
    .selectFrom('sign_ins')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('sign_in_id', '=', arg.id),
)

type State = SignInRow['state']

const listOf = query((db, arg: Of & { principal: PrincipalId; state: State; limit: number }) =>
  db
    .selectFrom('sign_ins')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal)
    .where('state', '=', arg.state)
    .orderBy('sign_in_id', 'desc')
    .limit(arg.limit),
)

const insertRow = query((db, arg: Of & Omit<SignInRow, 'tenant_id'>) =>
  db.insertInto('sign_ins').values({
    tenant_id: arg.tenant,
    sign_in_id: arg.sign_in_id,
    principal_id: arg.principal_id,
    state: arg.state,
    hash: arg.hash,
    pepper_version: arg.pepper_version,
    confirmed_at: arg.confirmed_at,
    seen_at: arg.seen_at,
    expires_at: arg.expires_at,
    origin: arg.origin,
    created_at: arg.created_at,
    mac: arg.mac,
    method: arg.method,
    factor: arg.factor,
    tries: arg.tries,
  }),
)

const updateRow = query((db, arg: Of & Omit<SignInRow, 'tenant_id'>) =>
  db
    .updateTable('sign_ins')
    .set({
      state: arg.state,
      hash: arg.hash,
      pepper_version: arg.pepper_version,
      confirmed_at: arg.confirmed_at,
      seen_at: arg.seen_at,
      origin: arg.origin,
      mac: arg.mac,
      factor: arg.factor,
      tries: arg.tries,
    })
    .where('tenant_id', '=', arg.tenant)
    .where('sign_in_id', '=', arg.sign_in_id),
)

const drop = query((db, arg: Of & { id: Id<'sin'> }) =>
  db.deleteFrom('sign_ins').where('tenant_id', '=', arg.tenant).where('sign_in_id', '=', arg.id),
)

const dropOthersOf = query((db, arg: Of & { principal: PrincipalId; id: Id<'sin'> }) =>
  db
    .deleteFrom('sign_ins')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal)
    .where('sign_in_id', '!=', arg.id),
)

const dropOf = query((db, arg: Of & { principal: PrincipalId | null }) =>
  db
    .deleteFrom('sign_ins')
    .where('tenant_id', '=', arg.tenant)
    .where((row) =>
      row.or([leftOut(arg.principal), row('principal_id', '=', arg.principal as PrincipalId)]),
    ),
)

const dropOver = query((db, arg: { now: number; limit: number }) =>
  db
    .deleteFrom('sign_ins')
    .where('sign_in_id', 'in', (rows) =>
      rows
        .selectFrom('sign_ins')
        .select('sign_in_id')
        .where('expires_at', '<=', arg.now)
        .limit(arg.limit),
    ),
)

/** The row, its MAC checked. */
export async function findSignIn(
  store: TenantStore,
  id: Id<'sin'>,
): Promise<SignInRow | undefined> {
  const row = await store.first(byId, { id })
  return row && store.checked('sign_ins', row)
}

/** As `findSignIn`. Throws `not_found`. */
export async function getSignIn(store: TenantStore, id: Id<'sin'>): Promise<SignInRow> {
  const row = await findSignIn(store, id)
  if (!row) throw new LocketError('not_found')
  return row
}

/** All of a principal's, the newest first; as many as there can be. What waits for a factor is none. */
export function signInsOf(store: TenantStore, principal: PrincipalId): Promise<SignInRow[]> {
  return rowsOf(store, principal, 'active')
}

async function lifeOf(store: TenantStore, state: State): Promise<number> {
  return state === 'active' ? (await ownSignInPolicy(store)).life_ms : limits.challenge_life_ms
}

async function rowsOf(store: TenantStore, principal: PrincipalId, state: State) {
  const rows = await store.all(listOf, { principal, state, limit: kinds[state].atOnce_max })
  return Promise.all(rows.map((row) => store.checked('sign_ins', row)))
}

/** How a sign-in differs from one that waits for a factor. */
const kinds = {
  active: {
    mark: 'lks',
    atOnce_max: limits.signIns_perPrincipal_max,
  },
  pending: {
    mark: 'lkc',
    atOnce_max: limits.challenges_perPrincipal_max,
  },
} as const

export interface NewSignIn {
  readonly principalId: PrincipalId
  readonly origin: Omit<SignInOrigin, 'confirmedFrom'>
  /** When he proved who he is; left out: now. 0: it is not known. */
  readonly confirmedAt_ms?: number
  readonly now: number
  /** By what he has proven who he is: first, and beyond that. */
  readonly proven: Pick<SignInRow, 'method' | 'factor'>
}

interface Made {
  readonly row: SignInRow
  /** Not stored. */
  readonly token: string
}

/** Signs a person in. Where he is signed in too often the oldest ends. `openSignIn` decides whether. */
export function insertSignIn(store: TenantStore, order: NewSignIn): Promise<Made> {
  return insert(store, order, 'active')
}

/** A sign-in that waits for a factor: no credential yet. The oldest ends where there are too many. */
export function insertChallenge(store: TenantStore, order: NewSignIn): Promise<Made> {
  return insert(store, order, 'pending')
}

async function insert(
  store: TenantStore,
  { principalId, origin, confirmedAt_ms, now, proven }: NewSignIn,
  state: State,
): Promise<Made> {
  const held = await rowsOf(store, principalId, state)
  for (const { sign_in_id } of held.slice(kinds[state].atOnce_max - 1)) {
    await store.run(drop, { id: sign_in_id })
  }
  const sign_in_id = newId('sin', () => now)
  const { token, ...hash } = await newToken(store, sign_in_id, state)
  const row = await store.signed('sign_ins', {
    ...hash,
    tenant_id: store.tenant,
    sign_in_id,
    principal_id: principalId,
    state,
    confirmed_at: confirmedAt_ms ?? now,
    seen_at: now,
    expires_at: now + (await lifeOf(store, state)),
    origin: await store.seal(principalId, originCell(sign_in_id), {
      ...origin,
      confirmedFrom: siteOf(origin.address),
    }),
    created_at: now,
    ...proven,
    tries: 0,
  })
  await store.run(insertRow, row)
  return { row, token }
}

/** The one of a challenge that still counts: not over, not used, and not tried too often. */
export async function findChallenge(
  store: TenantStore,
  { challenge, now }: { challenge: string; now: number },
): Promise<SignInRow | undefined> {
  const owner = ownerOfToken('lkc', 'sin', challenge)
  const row = owner?.tenant === store.tenant ? await findSignIn(store, owner.id) : undefined
  if (!row) return undefined
  const pepper = (await store.keys('pepper', row.pepper_version)).version(row.pepper_version)
  const isRight = tokenMatches(pepper, challenge, row.hash)
  const counts = row.state === 'pending' && row.expires_at > now
  return isRight && counts && row.tries < limits.challenge_tries_max ? row : undefined
}

/** Counts a factor that was wrong. */
export async function countTry(store: TenantStore, row: SignInRow): Promise<void> {
  await store.run(updateRow, await store.signed('sign_ins', { ...row, tries: row.tries + 1 }))
}

export interface Renewal {
  readonly now: number
  /** When its person has last proven who he is. */
  readonly confirmedAt_ms: number
  readonly factor: SignInRow['factor']
  /** Where he has, an address; left out: nothing was proven anew. */
  readonly address?: string | null
}

/** Gives a sign-in another token; the old one is dead. */
export async function renewSignIn(
  store: TenantStore,
  row: SignInRow,
  { now, confirmedAt_ms, factor, address }: Renewal,
): Promise<Made> {
  const { token, ...hash } = await newToken(store, row.sign_in_id, 'active')
  const origin = address === undefined ? row.origin : await movedTo(store, row, address)
  const change = { ...row, ...hash, confirmed_at: confirmedAt_ms, seen_at: now, factor, origin }
  const renewed = await store.signed('sign_ins', change)
  await store.run(updateRow, renewed)
  return { row: renewed, token }
}

async function movedTo(store: TenantStore, row: SignInRow, address: string | null) {
  const origin = { ...(await openOrigin(store, row)), confirmedFrom: siteOf(address) }
  return store.seal(row.principal_id, originCell(row.sign_in_id), origin)
}

/** Writes down when it was last used; nothing where it ended meanwhile. */
export async function recordSeen(store: TenantStore, id: Id<'sin'>, at_ms: number): Promise<void> {
  const row = await findSignIn(store, id)
  if (!row || row.seen_at >= at_ms) return
  await store.run(updateRow, await store.signed('sign_ins', { ...row, seen_at: at_ms }))
}

export async function dropSignIn(store: TenantStore, id: Id<'sin'>): Promise<void> {
  await store.run(drop, { id })
}

/** Ends all of a principal, or of the tenant where it is null, and tells how many. */
export function dropSignIns(store: TenantStore, principal: PrincipalId | null): Promise<number> {
  return store.run(dropOf, { principal })
}

/** Ends all of a principal but one, challenges too. */
export async function dropOtherSignIns(
  store: TenantStore,
  principal: PrincipalId,
  id: Id<'sin'>,
): Promise<void> {
  await store.run(dropOthersOf, { principal, id })
}

/** Removes what is over, of all tenants, and tells how much. */
export function sweepOver(tx: Transaction, bounds: { now: number; limit: number }) {
  return tx.asSystem().run(dropOver, bounds)
}

async function newToken(store: TenantStore, id: Id<'sin'>, state: State) {
  const token = newTenantToken(kinds[state].mark, { tenant: store.tenant, id })
  const pepper = (await store.keys('pepper')).current
  return { token, hash: hashed(hashToken(pepper, token)), pepper_version: pepper.version }
}
