/** Every query on token_families. Their refresh tokens are found by the directory of credentials. */
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { hashed } from '../../crypto/blind-index.ts'
import { hashToken, newRefreshToken, publicIdOf, wasIssued } from '../../crypto/token-hash.ts'
import type { Transaction } from '../../storage/database.ts'
import { leftOut, query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { enterDirectory } from '../api-keys/store.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { refreshEnd_ms, type TokenFamilyRow } from './token.ts'

type Of = { tenant: Id<'ten'> }

const byId = query((db, arg: Of & { id: Id<'fam'> }) =>
  db
    .selectFrom('token_families')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('family_id', '=', arg.id),
)

const byPublicId = query((db, arg: Of & { publicId: string }) =>
  db
    .selectFrom('token_families')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('public_id', '=', arg.publicId),
)

const living = query((db, arg: Of & { principal: PrincipalId; now: number; limit: number }) =>
  db
    .selectFrom('token_families')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal)
    .where('ends_at', '>', arg.now)
    .where('state', '=', 'active')
    .limit(arg.limit),
)

type Living = Of & { now: number; limit: number }

/** What was got by one credential, the oldest first. */
const gotBy = query((db, arg: Living & { credential: Id<'key' | 'sin'> }) =>
  db
    .selectFrom('token_families')
    .select('family_id')
    .where('tenant_id', '=', arg.tenant)
    .where('credential_id', '=', arg.credential)
    .where('ends_at', '>', arg.now)
    .where('state', '=', 'active')
    .orderBy('family_id')
    .limit(arg.limit),
)

const crowd = query((db, arg: Living & { principal: PrincipalId }) =>
  db
    .selectFrom('token_families')
    .select('family_id')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal)
    .where('ends_at', '>', arg.now)
    .where('state', '=', 'active')
    .limit(arg.limit),
)

const listOf = query(
  (db, arg: Living & { principal: PrincipalId; credential: string | null; after: string }) =>
    db
      .selectFrom('token_families')
      .selectAll()
      .where('tenant_id', '=', arg.tenant)
      .where('principal_id', '=', arg.principal)
      .where('ends_at', '>', arg.now)
      .where('state', '=', 'active')
      .where((row) =>
        row.or([
          leftOut(arg.credential),
          row('credential_id', '=', arg.credential as Id<'key' | 'sin'>),
        ]),
      )
      .where('family_id', '>', arg.after as Id<'fam'>)
      .orderBy('family_id')
      .limit(arg.limit),
)

const insertRow = query((db, arg: Of & Omit<TokenFamilyRow, 'tenant_id'>) =>
  db.insertInto('token_families').values({
    tenant_id: arg.tenant,
    family_id: arg.family_id,
    principal_id: arg.principal_id,
    credential_id: arg.credential_id,
    state: arg.state,
    public_id: arg.public_id,
    hash: arg.hash,
    pepper_version: arg.pepper_version,
    ends_at: arg.ends_at,
    expires_at: arg.expires_at,
    created_at: arg.created_at,
    subject_id: arg.subject_id,
    subject_family_id: arg.subject_family_id,
    renewed_at: arg.renewed_at,
    subject_identity_id: arg.subject_identity_id,
    subject_held: arg.subject_held,
    access_hash: arg.access_hash,
    mac: arg.mac,
  }),
)

type Change = Pick<
  TokenFamilyRow,
  'state' | 'hash' | 'pepper_version' | 'ends_at' | 'renewed_at' | 'access_hash'
>

const updateRow = query((db, arg: Of & Change & Pick<TokenFamilyRow, 'family_id' | 'mac'>) =>
  db
    .updateTable('token_families')
    .set({
      state: arg.state,
      hash: arg.hash,
      pepper_version: arg.pepper_version,
      ends_at: arg.ends_at,
      renewed_at: arg.renewed_at,
      access_hash: arg.access_hash,
      mac: arg.mac,
    })
    .where('tenant_id', '=', arg.tenant)
    .where('family_id', '=', arg.family_id),
)

const leaveDirectory = query((db, arg: { now: number; limit: number }) =>
  db
    .deleteFrom('credential_directory')
    .where('public_id', 'in', (rows) =>
      rows
        .selectFrom('token_families')
        .select('public_id')
        .$narrowType<{ public_id: string }>()
        .where('ends_at', '<=', arg.now)
        .where('public_id', 'is not', null)
        .orderBy('ends_at')
        .orderBy('family_id')
        .limit(arg.limit),
    ),
)

const dropOver = query((db, arg: { now: number; limit: number }) =>
  db
    .deleteFrom('token_families')
    .where('family_id', 'in', (rows) =>
      rows
        .selectFrom('token_families')
        .select('family_id')
        .where('ends_at', '<=', arg.now)
        .orderBy('ends_at')
        .orderBy('family_id')
        .limit(arg.limit),
    ),
)

/** The family, its MAC checked; undefined when there is none. */
export async function findFamily(
  store: TenantStore,
  id: Id<'fam'>,
): Promise<TokenFamilyRow | undefined> {
  const row = await store.first(byId, { id })
  return row && store.checked('token_families', row)
}

/** The family of a refresh token that was once issued, whether or not it is still its current one. */
export async function familyOf(
  store: TenantStore,
  token: string,
): Promise<TokenFamilyRow | undefined> {
  const publicId = publicIdOf(token, 'refresh-token')
  const row = publicId === null ? undefined : await store.first(byPublicId, { publicId })
  if (!row) return undefined
  // It may be of a pepper that was replaced since.
  const peppers = await store.keys('pepper', row.pepper_version)
  const isOurs = peppers.versions.some((version) => wasIssued(peppers.version(version), token))
  return isOurs ? store.checked('token_families', row) : undefined
}

/** The families of a principal of which something may still work; as many as there can be. */
export async function livingFamilies(
  store: TenantStore,
  principal: PrincipalId,
  now: number,
): Promise<TokenFamilyRow[]> {
  const limit = limits.tokenFamilies_perPrincipal_max
  const rows = await store.all(living, { principal, now, limit })
  return Promise.all(rows.map((row) => store.checked('token_families', row)))
}

export interface FamilyOrder {
  readonly id: Id<'fam'>
  readonly principal: PrincipalId
  readonly credential: Id<'key' | 'sin'>
  /** When it ends at the latest. */
  readonly expiresAt_ms: number
  /** Of the access token that is given out with it; null: none is. */
  readonly accessHash: Uint8Array | null
  /** Whether it has a refresh token. */
  readonly refresh: boolean
  /** For whom an agent acts by it, and by which family of his; left out: for itself. */
  readonly subject?: { readonly principalId: Id<'usr'>; readonly familyId: Id<'fam'> | null }
  readonly now: number
}

export interface MadeFamily {
  readonly refreshToken: string | null
  /** What was ended to make room. */
  readonly ended: readonly Id<'fam'>[]
}

/** Makes a family. Throws `quota_exceeded` when the principal has too many by other credentials. */
export async function insertFamily(store: TenantStore, order: FamilyOrder): Promise<MadeFamily> {
  const { principal, now, refresh, expiresAt_ms } = order
  const ended = await makeRoom(store, order)
  const pepper = (await store.keys('pepper')).current
  const made = refresh ? newRefreshToken(pepper) : null
  const row = await store.signed('token_families', {
    tenant_id: store.tenant,
    family_id: order.id,
    principal_id: principal,
    credential_id: order.credential,
    state: 'active',
    public_id: made?.publicId ?? null,
    hash: made && hashed(hashToken(pepper, made.text)),
    pepper_version: pepper.version,
    ends_at: refresh ? refreshEnd_ms(now, expiresAt_ms) : expiresAt_ms,
    expires_at: expiresAt_ms,
    created_at: now,
    subject_id: order.subject?.principalId ?? null,
    subject_family_id: order.subject?.familyId ?? null,
    renewed_at: now,
    subject_identity_id: null,
    subject_held: null,
    access_hash: order.accessHash,
  })
  await store.run(insertRow, row)
  if (made) await enterDirectory(store, made.publicId)
  return { refreshToken: made?.text ?? null, ended }
}

/**
 * A credential that has got as many as it may loses its oldest, and nobody else's. Several at once, since
 * each time whoever is remembered in the tenant has to be looked up anew.
 */
async function makeRoom(
  store: TenantStore,
  { principal, credential, now }: FamilyOrder,
): Promise<readonly Id<'fam'>[]> {
  const all = limits.tokenFamilies_perPrincipal_max
  const most = limits.tokenFamilies_perCredential_max
  const isFull = (await store.all(crowd, { principal, now, limit: all })).length >= all
  const own = await store.all(gotBy, { credential, now, limit: most })
  if (isFull && own.length === 0)
    throw new LocketError('quota_exceeded', 'tokens of this principal')
  if (!isFull && own.length < most) return []
  const oldest = own.slice(0, limits.tokenFamilies_ended)
  for (const { family_id } of oldest) {
    const row = await findFamily(store, family_id)
    if (row) await revokeFamily(store, row)
  }
  await raiseEpoch(store)
  return oldest.map((row) => row.family_id)
}

/** Ends all that was got by one credential: that goes on, as another than it was. */
export async function endFamiliesOf(
  store: TenantStore,
  { credential, now }: Pick<FamilyOrder, 'credential' | 'now'>,
): Promise<void> {
  const limit = limits.tokenFamilies_perCredential_max
  const held = await store.all(gotBy, { credential, now, limit })
  for (const { family_id } of held) {
    const row = await findFamily(store, family_id)
    if (row) await revokeFamily(store, row)
  }
  if (held.length > 0) await raiseEpoch(store)
}

export interface FamilyPage {
  readonly principal: PrincipalId
  /** Null: whatever they were got by. */
  readonly credential: Id<'key' | 'sin'> | null
  readonly after: string
  readonly limit: number
  readonly now: number
}

/** A page of a principal's families of which something may still work, the oldest first. */
export async function familiesOf(store: TenantStore, page: FamilyPage): Promise<TokenFamilyRow[]> {
  const rows = await store.all(listOf, { ...page })
  return Promise.all(rows.map((row) => store.checked('token_families', row)))
}

/** Replaces the tokens of a family. */
export async function rotateFamily(
  store: TenantStore,
  row: TokenFamilyRow,
  { accessHash, now }: Pick<FamilyOrder, 'accessHash' | 'now'>,
): Promise<string> {
  const pepper = (await store.keys('pepper')).current
  const { text } = newRefreshToken(pepper, row.public_id ?? undefined)
  await change(store, row, {
    state: row.state,
    hash: hashed(hashToken(pepper, text)),
    pepper_version: pepper.version,
    ends_at: refreshEnd_ms(now, row.expires_at),
    renewed_at: now,
    access_hash: accessHash,
  })
  return text
}

/** Nothing of it works any more; who remembers it has to be told by the tenant's epoch. */
export async function revokeFamily(store: TenantStore, row: TokenFamilyRow): Promise<void> {
  await change(store, row, { ...row, state: 'revoked' })
}

async function change(store: TenantStore, row: TokenFamilyRow, to: Change): Promise<void> {
  await store.run(updateRow, await store.signed('token_families', { ...row, ...to }))
}

/** Removes families that are over, and what finds them. Tells how many there were. */
export async function dropOverFamilies(
  system: Transaction,
  bounds: { now: number; limit: number },
): Promise<number> {
  await system.run(leaveDirectory, bounds)
  return system.run(dropOver, bounds)
}
