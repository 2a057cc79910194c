/** Every query on tenants. A tenant's row carries a MAC under the tenant's own look-up key. */
import { LocketError } from '../../core/errors.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import type { Sealed } from '../../crypto/aead.ts'
import type { Blind } from '../../crypto/blind-index.ts'
import { query } from '../../storage/query.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { TenantId, TenantProfile, TenantRow } from './tenant.ts'

type Of = { tenant: TenantId }

const byId = query((db, arg: Of) =>
  db.selectFrom('tenants').selectAll().where('tenant_id', '=', arg.tenant),
)

const epochById = query((db, arg: Of) =>
  db.selectFrom('tenants').select('epoch').where('tenant_id', '=', arg.tenant),
)

const idBySlug = query((db, arg: Of & { slug: Blind }) =>
  db.selectFrom('tenants').select('tenant_id').where('slug_index', '=', arg.slug),
)

/** Only the instance's view lists tenants: `tenant` is the instance, which is no tenant. */
const idsAfter = query((db, arg: Of & { after: string; limit: number }) =>
  db
    .selectFrom('tenants')
    .select('tenant_id')
    .where('tenant_id', '>', arg.after as Id<'ten'>)
    .where('tenant_id', '!=', arg.tenant)
    .orderBy('tenant_id')
    .limit(arg.limit),
)

const insertRow = query((db, arg: Of & Omit<TenantRow, 'tenant_id'>) =>
  db.insertInto('tenants').values({
    tenant_id: arg.tenant,
    state: arg.state,
    epoch: arg.epoch,
    slug_index: arg.slug_index,
    profile: arg.profile,
    created_at: arg.created_at,
    updated_at: arg.updated_at,
    mac: arg.mac,
  }),
)

const updateRow = query(
  (
    db,
    arg: Of & { state: TenantRow['state']; profile: Sealed; updated_at: number; mac: Uint8Array },
  ) =>
    db
      .updateTable('tenants')
      .set({
        state: arg.state,
        profile: arg.profile,
        updated_at: arg.updated_at,
        mac: arg.mac,
      })
      .where('tenant_id', '=', arg.tenant),
)

const raise = query((db, arg: Of) =>
  db
    .updateTable('tenants')
    .set((row) => ({ epoch: row('epoch', '+', 1) }))
    .where('tenant_id', '=', arg.tenant),
)

/** The view's own tenant, its MAC checked; undefined for a view of a tenant that is not there. */
export async function findOwnTenant(store: TenantStore): Promise<TenantRow | undefined> {
  const row = await store.first(byId, {})
  if (!row) return undefined
  // First, so that the key that checks the row is one of this epoch. The MAC does not cover it.
  store.follow(row.epoch)
  return store.checked('tenants', row)
}

/** As `findOwnTenant`. Throws `not_found`. */
export async function ownTenant(store: TenantStore): Promise<TenantRow> {
  const row = await findOwnTenant(store)
  if (!row) throw new LocketError('not_found')
  return row
}

/**
 * The epoch alone, for who has checked the row before and asks whether it is still the one: whatever
 * changes the row raises the epoch. Throws `not_found`.
 */
export async function ownEpoch(store: TenantStore): Promise<number> {
  const row = await store.first(epochById, {})
  if (!row) throw new LocketError('not_found')
  store.follow(row.epoch)
  return row.epoch
}

/** Also by the instance's own. */
export async function slugTaken(instance: TenantStore, slug: string): Promise<boolean> {
  return (await find(instance, slug)) !== undefined
}

/** The tenant of that name, disabled or not; the instance is none. */
export async function tenantOfSlug(
  instance: TenantStore,
  slug: string,
): Promise<TenantId | undefined> {
  const found = await find(instance, slug)
  return found === instanceTenant ? undefined : found
}

/** Slugs are not reindexed when the instance's look-up key is rotated. */
async function find(instance: TenantStore, slug: string): Promise<TenantId | undefined> {
  for (const index of await instance.blindIndexes('tenant.slug', slug)) {
    const row = await instance.first(idBySlug, { slug: index })
    if (row) return row.tenant_id
  }
  return undefined
}

/** Ids of tenants in order, after `after`, the instance itself left out. */
export async function tenantIds(
  instance: TenantStore,
  page: { after: string; limit: number },
): Promise<TenantId[]> {
  const rows = await instance.all(idsAfter, page)
  return rows.map((row) => row.tenant_id)
}

/**
 * Makes a tenant with its keys. `store` is the new tenant's own view; the index of slugs is the
 * instance's, since it must find a tenant before any tenant is known.
 */
export async function insertTenant(
  store: TenantStore,
  instance: TenantStore,
  tenant: TenantProfile & { now: number },
): Promise<void> {
  const { slug, name, now } = tenant
  for (const scope of ['tenant', 'lookup', 'pepper'] as const) await store.createKey(scope)
  const row = await store.signed('tenants', {
    tenant_id: store.tenant,
    state: 'active',
    epoch: 1,
    slug_index: await slugIndex(store.tenant === instanceTenant ? store : instance, slug),
    profile: await sealProfile(store, { slug, name }),
    created_at: now,
    updated_at: now,
  })
  await store.run(insertRow, row)
}

export async function updateTenant(
  store: TenantStore,
  row: TenantRow,
  change: { state: TenantRow['state']; profile: TenantProfile; now: number },
): Promise<TenantRow> {
  const changed = await store.signed('tenants', {
    ...row,
    state: change.state,
    profile: await sealProfile(store, change.profile),
    updated_at: change.now,
  })
  await store.run(updateRow, changed)
  await raiseEpoch(store)
  return changed
}

/**
 * Writes the tenant's MAC anew under the current look-up key. Every request reads this row, so one
 * that remembers only older keys learns from it that there is a newer.
 */
export async function resignTenant(store: TenantStore): Promise<void> {
  const row = await ownTenant(store)
  await store.run(updateRow, await store.signed('tenants', row))
}

/** Tells every node that rights in this tenant changed: what it remembers of them is void. */
export async function raiseEpoch(store: TenantStore): Promise<void> {
  await store.run(raise, {})
}

function sealProfile(store: TenantStore, profile: TenantProfile): Promise<Sealed> {
  const cell = { table: 'tenants', row: store.tenant, column: 'profile' } as const
  return store.seal('tenant', cell, profile)
}

function slugIndex(instance: TenantStore, slug: string): Promise<Blind> {
  return instance.blindIndex('tenant.slug', slug)
}
