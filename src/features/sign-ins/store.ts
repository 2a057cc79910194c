/** Every query on sign-ins. */
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { hashed } from '../../crypto/blind-index.ts'
import { newTenantToken } from '../../crypto/tenant-token.ts'
import { hashToken } from '../../crypto/token-hash.ts'
import type { Transaction } from '../../storage/database.ts'
import { leftOut, query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { originCell, type SignInOrigin, type SignInRow } from './sign-in.ts'

type Of = { tenant: Id<'ten'> }

const byId = query((db, arg: Of & { id: Id<'sin'> }) =>
  db
    .selectFrom('sign_ins')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('sign_in_id', '=', arg.id),
)

const listOf = query((db, arg: Of & { principal: PrincipalId; limit: number }) =>
  db
    .selectFrom('sign_ins')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal)
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
      mac: arg.mac,
    })
    .where('tenant_id', '=', arg.tenant)
    .where('sign_in_id', '=', arg.sign_in_id),
)

const drop = query((db, arg: Of & { id: Id<'sin'> }) =>
  db.deleteFrom('sign_ins').where('tenant_id', '=', arg.tenant).where('sign_in_id', '=', arg.id),
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

/** All of a principal's, the newest first; as many as there can be. */
export async function signInsOf(store: TenantStore, principal: PrincipalId): Promise<SignInRow[]> {
  const rows = await store.all(listOf, { principal, limit: limits.signIns_perPrincipal_max })
  return Promise.all(rows.map((row) => store.checked('sign_ins', row)))
}

export interface NewSignIn {
  readonly principalId: PrincipalId
  readonly origin: SignInOrigin
  readonly now: number
}

/** Signs a person in. Where he is signed in too often the oldest ends. The token is not stored. */
export async function insertSignIn(
  store: TenantStore,
  { principalId, origin, now }: NewSignIn,
): Promise<{ row: SignInRow; token: string }> {
  const open = await signInsOf(store, principalId)
  for (const { sign_in_id } of open.slice(limits.signIns_perPrincipal_max - 1)) {
    await store.run(drop, { id: sign_in_id })
  }
  const sign_in_id = newId('sin', () => now)
  const { token, ...hash } = await newToken(store, sign_in_id)
  const row = await store.signed('sign_ins', {
    ...hash,
    tenant_id: store.tenant,
    sign_in_id,
    principal_id: principalId,
    state: 'active',
    confirmed_at: now,
    seen_at: now,
    expires_at: now + limits.signIn_life_ms,
    origin: await store.seal(principalId, originCell(sign_in_id), origin),
    created_at: now,
  })
  await store.run(insertRow, row)
  return { row, token }
}

/** Gives a sign-in another token, since its person has just proven who he is; the old one is dead. */
export async function renewSignIn(
  store: TenantStore,
  row: SignInRow,
  now: number,
): Promise<{ row: SignInRow; token: string }> {
  const { token, ...hash } = await newToken(store, row.sign_in_id)
  const change = { ...row, ...hash, confirmed_at: now, seen_at: now }
  const renewed = await store.signed('sign_ins', change)
  await store.run(updateRow, renewed)
  return { row: renewed, token }
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

/** Removes what is over, of all tenants, and tells how much. */
export function sweepOver(tx: Transaction, bounds: { now: number; limit: number }) {
  return tx.asSystem().run(dropOver, bounds)
}

async function newToken(store: TenantStore, id: Id<'sin'>) {
  const token = newTenantToken('lks', { tenant: store.tenant, id })
  const pepper = (await store.keys('pepper')).current
  return { token, hash: hashed(hashToken(pepper, token)), pepper_version: pepper.version }
}
