/** Every query on api_keys, their uses, and the directory that finds a credential's tenant. */
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { hashed } from '../../crypto/blind-index.ts'
import { hashToken, newApiKey } from '../../crypto/token-hash.ts'
import type { Transaction } from '../../storage/database.ts'
import { leftOut, query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { ApiKeyDetails, ApiKeyRow } from './api-key.ts'
import { type Used, usedOn } from './budget.ts'

type Of = { tenant: Id<'ten'> }

const tenantOf = query((db, arg: { publicId: string }) =>
  db.selectFrom('credential_directory').select('tenant_id').where('public_id', '=', arg.publicId),
)

const enter = query((db, arg: Of & { publicId: string }) =>
  db.insertInto('credential_directory').values({ public_id: arg.publicId, tenant_id: arg.tenant }),
)

const byPublicId = query((db, arg: Of & { publicId: string }) =>
  db
    .selectFrom('api_keys')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('public_id', '=', arg.publicId),
)

const byId = query((db, arg: Of & { id: Id<'key'> }) =>
  db
    .selectFrom('api_keys')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('key_id', '=', arg.id),
)

const usable = query((db, arg: Of & { principal: PrincipalId; now: number; limit: number }) =>
  db
    .selectFrom('api_keys')
    .select('key_id')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal)
    .where('state', '=', 'active')
    .where((row) => row.or([row('expires_at', 'is', null), row('expires_at', '>', arg.now)]))
    .limit(arg.limit),
)

const listAfter = query(
  (db, arg: Of & { after: string; principal: PrincipalId | null; limit: number }) =>
    db
      .selectFrom('api_keys')
      .selectAll()
      .where('tenant_id', '=', arg.tenant)
      .where('key_id', '>', arg.after as Id<'key'>)
      .where((row) =>
        row.or([leftOut(arg.principal), row('principal_id', '=', arg.principal as PrincipalId)]),
      )
      .orderBy('key_id')
      .limit(arg.limit),
)

const insertRow = query((db, arg: Of & Omit<ApiKeyRow, 'tenant_id'>) =>
  db.insertInto('api_keys').values({
    tenant_id: arg.tenant,
    key_id: arg.key_id,
    public_id: arg.public_id,
    principal_id: arg.principal_id,
    state: arg.state,
    hash: arg.hash,
    pepper_version: arg.pepper_version,
    expires_at: arg.expires_at,
    details: arg.details,
    created_at: arg.created_at,
    created_by: arg.created_by,
    mac: arg.mac,
  }),
)

const endRow = query((db, arg: Of & Pick<ApiKeyRow, 'key_id' | 'state' | 'expires_at' | 'mac'>) =>
  db
    .updateTable('api_keys')
    .set({ state: arg.state, expires_at: arg.expires_at, mac: arg.mac })
    .where('tenant_id', '=', arg.tenant)
    .where('key_id', '=', arg.key_id),
)

const lastUse = query((db, arg: Of & { id: Id<'key'> }) =>
  db
    .selectFrom('api_key_uses')
    .select('last_used_at')
    .where('tenant_id', '=', arg.tenant)
    .where('key_id', '=', arg.id),
)

const putUse = query((db, arg: Of & { id: Id<'key'>; at: number }) =>
  db
    .insertInto('api_key_uses')
    .values({ tenant_id: arg.tenant, key_id: arg.id, last_used_at: arg.at })
    .onConflict((conflict) =>
      conflict.columns(['tenant_id', 'key_id']).doUpdateSet({ last_used_at: arg.at }),
    ),
)

const budgetUse = query((db, arg: Of & { id: Id<'key'> }) =>
  db
    .selectFrom('api_key_budgets')
    .select(['day', 'operations', 'body_bytes', 'embed_characters'])
    .where('tenant_id', '=', arg.tenant)
    .where('key_id', '=', arg.id),
)

const putBudgetUse = query((db, arg: Of & Used & { id: Id<'key'> }) =>
  db
    .insertInto('api_key_budgets')
    .values({
      tenant_id: arg.tenant,
      key_id: arg.id,
      day: arg.day,
      operations: arg.operations,
      body_bytes: arg.bytes,
      embed_characters: arg.embedCharacters,
    })
    .onConflict((conflict) =>
      conflict.columns(['tenant_id', 'key_id']).doUpdateSet({
        day: arg.day,
        operations: arg.operations,
        body_bytes: arg.bytes,
        embed_characters: arg.embedCharacters,
      }),
    ),
)

/** What is written down of a key's budget. */
export async function budgetUseOf(store: TenantStore, id: Id<'key'>): Promise<Used | undefined> {
  const row = await store.first(budgetUse, { id })
  return (
    row && {
      day: row.day,
      operations: row.operations,
      bytes: row.body_bytes,
      embedCharacters: row.embed_characters,
    }
  )
}

/** Adds to what is written down of the same day; an earlier one is forgotten. */
export async function addBudgetUse(store: TenantStore, id: Id<'key'>, used: Used): Promise<void> {
  const before = await budgetUseOf(store, id)
  if (before && before.day > used.day) return
  const { operations, bytes, embedCharacters } = usedOn(used.day, before)
  await store.run(putBudgetUse, {
    id,
    day: used.day,
    operations: operations + used.operations,
    bytes: bytes + used.bytes,
    embedCharacters: embedCharacters + used.embedCharacters,
  })
}

/** The tenant of a credential: the only look-up that happens before a tenant is known. */
export async function tenantOfCredential(
  tx: Transaction,
  publicId: string,
): Promise<Id<'ten'> | undefined> {
  return (await tx.first(tenantOf, { publicId }))?.tenant_id
}

/** Lets a credential of this tenant be found by its public part. */
export async function enterDirectory(store: TenantStore, publicId: string): Promise<void> {
  await store.run(enter, { publicId })
}

export async function findByPublicId(
  store: TenantStore,
  publicId: string,
): Promise<ApiKeyRow | undefined> {
  const row = await store.first(byPublicId, { publicId })
  return row && store.checked('api_keys', row)
}

/** The key, its MAC checked; undefined when there is none. */
export async function findApiKey(
  store: TenantStore,
  id: Id<'key'>,
): Promise<ApiKeyRow | undefined> {
  const row = await store.first(byId, { id })
  return row && store.checked('api_keys', row)
}

/** As `findApiKey`. Throws `not_found`. */
export async function getApiKey(store: TenantStore, id: Id<'key'>): Promise<ApiKeyRow> {
  const row = await findApiKey(store, id)
  if (!row) throw new LocketError('not_found')
  return row
}

export async function listApiKeyRows(
  store: TenantStore,
  page: { after: string; principal: PrincipalId | null; limit: number },
): Promise<ApiKeyRow[]> {
  const rows = await store.all(listAfter, page)
  return Promise.all(rows.map((row) => store.checked('api_keys', row)))
}

/** Whether the principal has `limit` keys or more that still work. */
export async function hasKeys(
  store: TenantStore,
  principal: PrincipalId,
  bounds: { now: number; limit: number },
): Promise<boolean> {
  return (await store.all(usable, { principal, ...bounds })).length >= bounds.limit
}

/** The keys of a principal that still work, their MACs checked; as many as there can be. */
export async function usableKeys(
  store: TenantStore,
  principal: PrincipalId,
  now: number,
): Promise<readonly ApiKeyRow[]> {
  // While keys are rotated there are twice as many.
  const limit = 2 * limits.apiKeys_perPrincipal_max
  const found = await store.all(usable, { principal, now, limit })
  return Promise.all(found.map(({ key_id }) => getApiKey(store, key_id)))
}

export interface KeyOrder {
  readonly principalId: PrincipalId
  readonly createdBy: PrincipalId
  readonly details: ApiKeyDetails
  readonly expiresAt_ms: number | null
  readonly now: number
}

/** Makes a key. The text in the answer is not stored anywhere; its keyed hash is. */
export async function insertApiKey(
  store: TenantStore,
  order: KeyOrder,
): Promise<{ row: ApiKeyRow; key: string }> {
  const { publicId, text } = newApiKey()
  const pepper = (await store.keys('pepper')).current
  const key_id = newId('key', () => order.now)
  const cell = { table: 'api_keys', row: key_id, column: 'details' } as const
  const row = await store.signed('api_keys', {
    tenant_id: store.tenant,
    key_id,
    public_id: publicId,
    principal_id: order.principalId,
    state: 'active',
    hash: hashed(hashToken(pepper, text)),
    pepper_version: pepper.version,
    expires_at: order.expiresAt_ms,
    details: await store.seal('tenant', cell, order.details),
    created_at: order.now,
    created_by: order.createdBy,
  })
  await store.run(insertRow, row)
  await enterDirectory(store, publicId)
  return { row, key: text }
}

/** Revokes a key, or lets it expire at another time. */
export async function endApiKey(
  store: TenantStore,
  row: ApiKeyRow,
  end: Pick<ApiKeyRow, 'state' | 'expires_at'>,
): Promise<ApiKeyRow> {
  const ended = await store.signed('api_keys', { ...row, ...end })
  await store.run(endRow, ended)
  return ended
}

export async function lastUsed(store: TenantStore, id: Id<'key'>): Promise<number | null> {
  return (await store.first(lastUse, { id }))?.last_used_at ?? null
}

export async function recordUse(store: TenantStore, id: Id<'key'>, at: number): Promise<void> {
  await store.run(putUse, { id, at })
}
