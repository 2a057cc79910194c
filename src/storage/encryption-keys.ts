/** Wrapped keys in the database, and how a transaction comes by the keys that it may use. */
import { sql } from 'kysely'
import type { Clock } from '../core/clock.ts'
import { LocketError } from '../core/errors.ts'
import type { Id } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { type Sealed, sealedKeyVersion } from '../crypto/aead.ts'
import { type DataKey, newKeyMaterial, zero } from '../crypto/data-key.ts'
import { type KeyCache, type KeySet, openKeySet, unwrapKey, wrapKey } from '../crypto/keyring.ts'
import type { Tombstones } from '../crypto/tombstones.ts'
import type { Transaction } from './database.ts'
import { query } from './query.ts'
import type { KeyScope, Tables } from './tables.ts'

/** What the process holds to open keys with. */
export interface Keys {
  readonly root: DataKey
  readonly cache: KeyCache
  readonly tombstones: Tombstones
  readonly clock: Clock
  readonly seals: SealCounts
}

export interface SealCount {
  readonly owner: KeyVersion
  readonly seals: number
}

/** How often each key version sealed since the counts were last written down. */
export interface SealCounts {
  /** Counts one seal, or so many. */
  add(owner: KeyVersion, seals?: number): void
  /**
   * Takes the counts out, in the order of keys; whoever drains writes them down, or puts back what he
   * could not.
   */
  drain(): SealCount[]
}

export interface KeyVersion {
  readonly tenant: Id<'ten'>
  readonly scope: KeyScope
  readonly version: number
}

/** Counts in memory: a crash loses at most what a minute seals, and the bound leaves room for it. */
export function createSealCounts(): SealCounts {
  const counts = new Map<string, { owner: KeyVersion; seals: number }>()
  return {
    add: (owner, seals = 1) => {
      const name = `${owner.tenant} ${owner.scope} ${owner.version}`
      const count = counts.get(name)
      if (count) count.seals += seals
      else counts.set(name, { owner, seals })
    },
    drain: () => {
      const drained = [...counts].sort(([one], [other]) => (one < other ? -1 : 1))
      counts.clear()
      return drained.map(([, count]) => count)
    },
  }
}

interface Scope {
  tenant: Id<'ten'>
  scope: KeyScope
}

const versionsOf = query((db, arg: Scope) =>
  db
    .selectFrom('encryption_keys')
    .select(['scope', 'version', 'state', 'wrapped'])
    .where('tenant_id', '=', arg.tenant)
    .where('scope', '=', arg.scope)
    .orderBy('version'),
)

const insertKey = query((db, arg: Scope & { version: number; wrapped: Sealed; now: number }) =>
  db.insertInto('encryption_keys').values({
    tenant_id: arg.tenant,
    scope: arg.scope,
    version: arg.version,
    state: 'current',
    wrapped: arg.wrapped,
    seals: 0,
    created_at: arg.now,
  }),
)

const retire = query((db, arg: Scope & { version: number }) =>
  db
    .updateTable('encryption_keys')
    .set({ state: 'retired' })
    .where('tenant_id', '=', arg.tenant)
    .where('scope', '=', arg.scope)
    .where('version', '!=', arg.version)
    .where('state', '=', 'current'),
)

const rewrap = query((db, arg: Scope & { version: number; wrapped: Sealed }) =>
  db
    .updateTable('encryption_keys')
    .set({ wrapped: arg.wrapped })
    .where('tenant_id', '=', arg.tenant)
    .where('scope', '=', arg.scope)
    .where('version', '=', arg.version),
)

const overwriteAll = query((db, arg: Scope & { blank: Sealed }) =>
  db
    .updateTable('encryption_keys')
    .set({ state: 'destroyed', wrapped: arg.blank })
    .where('tenant_id', '=', arg.tenant)
    .where('scope', '=', arg.scope),
)

const scopesOf = query((db, arg: { tenant: Id<'ten'> }) =>
  db
    .selectFrom('encryption_keys')
    .select(['scope', 'version', 'state', 'wrapped'])
    .where('tenant_id', '=', arg.tenant)
    .where('scope', '!=', 'tenant')
    .where('state', '!=', 'destroyed'),
)

const addSeals = query((db, arg: Scope & { version: number; seals: number }) =>
  db
    .updateTable('encryption_keys')
    .set((row) => ({ seals: row('seals', '+', arg.seals) }))
    .where('tenant_id', '=', arg.tenant)
    .where('scope', '=', arg.scope)
    .where('version', '=', arg.version),
)

const overused = query((db, arg: { seals: number; after: string; limit: number }) => {
  const place = sql<string>`tenant_id || ' ' || scope`
  return db
    .selectFrom('encryption_keys')
    .select(['tenant_id', 'scope', place.as('place')])
    .where('state', '=', 'current')
    .where('seals', '>=', arg.seals)
    .where(place, '>', arg.after)
    .orderBy(place)
    .limit(arg.limit)
})

export type KeyRecord = Pick<
  Tables['encryption_keys'],
  'scope' | 'version' | 'state' | 'seals' | 'created_at'
>

/** A tenant's keys in the order of scope and version, after a place in that order. */
export const listKeys = query((db, arg: { tenant: Id<'ten'>; after: string; limit: number }) => {
  const place = sql<string>`scope || ' ' || substr('000000000' || version, length('000000000' || version) - 8)`
  return db
    .selectFrom('encryption_keys')
    .select(['scope', 'version', 'state', 'seals', 'created_at', place.as('place')])
    .where('tenant_id', '=', arg.tenant)
    .where(place, '>', arg.after)
    .orderBy('scope')
    .orderBy('version')
    .limit(arg.limit)
})

const rotatedSpaces = query((db, _arg: object) =>
  db
    .selectFrom('encryption_keys')
    .select(['tenant_id', 'scope'])
    .distinct()
    .where('state', '=', 'retired')
    .where(sql<boolean>`scope like 'spc%'`),
)

/** Spaces whose key was ever rotated: their records may still have to be sealed anew. */
export async function spacesEverRotated(
  tx: Transaction,
): Promise<{ tenant: Id<'ten'>; space: Id<'spc'> }[]> {
  const rows = await tx.asSystem().all(rotatedSpaces, {})
  return rows.map((row) => ({ tenant: row.tenant_id, space: row.scope as Id<'spc'> }))
}

/** Writes down how often keys sealed, in the order of keys: nodes that do so at once wait for each other. */
export async function recordSeals(tx: Transaction, counts: readonly SealCount[]): Promise<void> {
  const system = tx.asSystem()
  for (const { owner, seals } of counts) await system.run(addSeals, { ...owner, seals })
}

/** Keys that sealed so often that they should rotate, after a place in their order. */
export async function keysToRotate(
  tx: Transaction,
  page: { after: string; limit: number },
): Promise<{ tenant: Id<'ten'>; scope: KeyScope; place: string }[]> {
  const rows = await tx.asSystem().all(overused, { seals: limits.seals_perKey_max, ...page })
  return rows.map(({ tenant_id: tenant, scope, place }) => ({ tenant, scope, place }))
}

const tenantKeys = query((db, _arg: object) =>
  db
    .selectFrom('encryption_keys')
    .select(['tenant_id', 'scope', 'version', 'wrapped'])
    .where('scope', '=', 'tenant')
    .where('state', '!=', 'destroyed'),
)

/** Wraps every tenant's key with another root key, and tells how many there were. */
export async function rewrapTenantKeys(
  tx: Transaction,
  roots: { from: DataKey; to: DataKey },
): Promise<number> {
  const system = tx.asSystem()
  const rows = await system.all(tenantKeys, {})
  for (const { tenant_id: tenant, scope, version, wrapped } of rows) {
    const owner = { tenant, scope, version }
    const material = unwrapKey(roots.from, owner, wrapped)
    await system.run(rewrap, { ...owner, wrapped: wrapKey(roots.to, owner, material) })
    zero(material)
  }
  return rows.length
}

/** The keys of one transaction. */
export interface KeyAccess {
  /**
   * Throws `not_found` when the key was destroyed or never was. With `version`, what is remembered
   * of the key counts only if it has that one: another transaction may have made it since.
   */
  get(tenant: Id<'ten'>, scope: KeyScope, version?: number): Promise<KeySet>
  /** Says which epoch of the tenant this transaction sees: keys rotated since are read anew. */
  follow(tenant: Id<'ten'>, epoch: number): void
  create(tenant: Id<'ten'>, scope: KeyScope): Promise<void>
  /** Adds a version that seals from now on; older ones still open. Returns the new version. */
  rotate(tenant: Id<'ten'>, scope: KeyScope): Promise<number>
  /** Wraps every key below the tenant's again, under its current version. */
  rewrapAll(tenant: Id<'ten'>): Promise<number>
  /** Overwrites the wrapped bytes of every version. */
  destroy(tenant: Id<'ten'>, scope: KeyScope): Promise<void>
}

/** The keys that a transaction has open already. */
interface OpenKeys {
  find(tenant: Id<'ten'>, scope: KeyScope): KeySet | undefined
  keep(tenant: Id<'ten'>, scope: KeyScope, loaded: KeySet): void
  /** The transaction changed the key: what was remembered of it is not true any more. */
  drop(tenant: Id<'ten'>, scope: KeyScope): void
  follow: KeyAccess['follow']
}

/**
 * Reading transactions share the process's cache. A writing one may see keys that are not committed
 * and may never be, so what it loads stays its own and dies with it. What is remembered is true as of
 * an epoch of the tenant: one that writes uses it only when it sees that very epoch, and one that
 * has not looked leaves nothing there.
 */
function openKeys(tx: Transaction, { cache }: Keys): OpenKeys {
  const own = new Map<string, KeySet>()
  const changed = new Set<string>()
  let seen: { tenant: Id<'ten'>; epoch: number } | undefined
  /** False, too, once another transaction saw a later epoch. */
  const isCurrent = (): boolean => seen !== undefined && cache.epochOf(seen.tenant) === seen.epoch
  const nameOf = (tenant: Id<'ten'>, scope: KeyScope): string => `${tenant}/${scope}`
  return {
    find: (tenant, scope) => {
      const name = nameOf(tenant, scope)
      const isShared = (isCurrent() || (!seen && !tx.writable)) && !changed.has(name)
      return own.get(name) ?? (isShared ? cache.get(tenant, scope) : undefined)
    },
    keep: (tenant, scope, loaded) => {
      if (tx.writable || !isCurrent()) own.set(nameOf(tenant, scope), loaded)
      else cache.set(tenant, scope, loaded)
    },
    drop: (tenant, scope) => {
      changed.add(nameOf(tenant, scope))
      own.delete(nameOf(tenant, scope))
    },
    // A writing transaction may see an epoch that is never committed: it only compares.
    follow: (tenant, epoch) => {
      if (!tx.writable) cache.follow(tenant, epoch)
      seen = { tenant, epoch }
    },
  }
}

/** Opens the keys of one transaction. */
export function keyAccess(tx: Transaction, keys: Keys): KeyAccess {
  const opened = openKeys(tx, keys)

  const load = async (tenant: Id<'ten'>, scope: KeyScope): Promise<KeySet> => {
    const rows = await tx.all(versionsOf, { tenant, scope })
    if (!rows.some((row) => row.state === 'current')) throw new LocketError('not_found')
    if (scope === 'tenant') return openKeySet(keys.root, { tenant, scope }, rows)
    const usable = rows.filter((row) => row.state !== 'destroyed')
    const newest = Math.max(...usable.map((row) => sealedKeyVersion(row.wrapped)))
    const parent = await get(tenant, 'tenant', newest)
    return openKeySet(parent, { tenant, scope }, rows)
  }

  const get: KeyAccess['get'] = async (tenant, scope, version) => {
    if (keys.tombstones.has(tenant, scope)) throw new LocketError('not_found')
    const known = opened.find(tenant, scope)
    if (known && (version === undefined || known.versions.includes(version))) return known
    const loaded = await load(tenant, scope)
    opened.keep(tenant, scope, loaded)
    return loaded
  }

  const insert = async (tenant: Id<'ten'>, scope: KeyScope, version: number): Promise<void> => {
    const parent = scope === 'tenant' ? keys.root : (await get(tenant, 'tenant')).current
    const material = newKeyMaterial()
    const wrapped = wrapKey(parent, { tenant, scope, version }, material)
    zero(material)
    await tx.run(insertKey, { tenant, scope, version, wrapped, now: keys.clock() })
    opened.drop(tenant, scope)
  }

  return {
    get,
    follow: opened.follow,
    create: (tenant, scope) => insert(tenant, scope, 1),
    rotate: async (tenant, scope) => {
      // What is remembered may miss a version that was made in the same group of writes.
      await get(tenant, scope)
      const rows = await tx.all(versionsOf, { tenant, scope })
      const version = Math.max(...rows.map((row) => row.version)) + 1
      await insert(tenant, scope, version)
      await tx.run(retire, { tenant, scope, version })
      return version
    },
    rewrapAll: async (tenant) => {
      const parent = await get(tenant, 'tenant')
      const rows = await tx.all(scopesOf, { tenant })
      for (const row of rows) {
        const owner = { tenant, scope: row.scope, version: row.version }
        const material = unwrapKey(parent, owner, row.wrapped)
        const wrapped = wrapKey(parent.current, owner, material)
        zero(material)
        await tx.run(rewrap, { ...owner, wrapped })
      }
      return rows.length
    },
    destroy: async (tenant, scope) => {
      const rows = await tx.all(versionsOf, { tenant, scope })
      const length = Math.max(0, ...rows.map((row) => row.wrapped.length))
      await tx.run(overwriteAll, { tenant, scope, blank: new Uint8Array(length) as Sealed })
      opened.drop(tenant, scope)
    },
  }
}
