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

/**
 * Counts in memory: a crash loses at most what a minute seals, and the bound leaves room for it. Every
 * request counts, so no name is put together for it: a key has few versions that seal in a minute.
 */
export function createSealCounts(): SealCounts {
  const tenants = new Map<string, Map<KeyScope, Counted[]>>()
  const countsOf = ({ tenant, scope }: KeyVersion): Counted[] => {
    const scopes = tenants.get(tenant) ?? new Map<KeyScope, Counted[]>()
    const known = scopes.get(scope)
    if (known) return known
    const made: Counted[] = []
    tenants.set(tenant, scopes.set(scope, made))
    return made
  }
  return {
    add: (owner, seals = 1) => {
      const counts = countsOf(owner)
      for (const count of counts) {
        if (count.owner.version !== owner.version) continue
        count.seals += seals
        return
      }
      counts.push({ owner, seals })
    },
    drain: () => {
      const drained = [...tenants.values()].flatMap((scopes) => [...scopes.values()].flat())
      tenants.clear()
      return drained.toSorted((one, other) => (nameOf(one.owner) < nameOf(other.owner) ? -1 : 1))
    },
  }
}

type Counted = { -readonly [Part in keyof SealCount]: SealCount[Part] }

function nameOf({ tenant, scope, version }: KeyVersion): string {
  return `${tenant} ${scope} ${version}`
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

/** The keys that one transaction sees of a tenant. */
export interface KeyAccess {
  /**
   * Throws `not_found` when the key was destroyed or never was. With `version`, what is remembered
   * of the key counts only if it has that one: another transaction may have made it since.
   */
  get(scope: KeyScope, version?: number): Promise<KeySet>
  /** The same where nothing has to be read for it. */
  known(scope: KeyScope, version?: number): KeySet | undefined
  /** Says which epoch of the tenant this transaction sees: keys rotated since are read anew. */
  follow(epoch: number): void
  create(scope: KeyScope): Promise<void>
  /** Adds a version that seals from now on; older ones still open. Returns the new version. */
  rotate(scope: KeyScope): Promise<number>
  /** Wraps every key below the tenant's again, under its current version. */
  rewrapAll(): Promise<number>
  /** Overwrites the wrapped bytes of every version. */
  destroy(scope: KeyScope): Promise<void>
}

/** Opens the keys of one transaction. */
export function keyAccess(tx: Transaction, keys: Keys, tenant: Id<'ten'>): KeyAccess {
  return new TransactionKeys(tx, keys, tenant)
}

/**
 * Reading transactions share the process's cache. A writing one may see keys that are not committed
 * and may never be, so what it loads stays its own and dies with it. What is remembered is true as of
 * an epoch of the tenant: one that writes uses it only when it sees that very epoch, and one that
 * has not looked leaves nothing there.
 */
class TransactionKeys implements KeyAccess {
  readonly #tx: Transaction
  readonly #keys: Keys
  readonly #tenant: Id<'ten'>
  /** What it has found or loaded: true for all that is done in it. */
  readonly #open = new Map<KeyScope, KeySet>()
  #changed: Set<KeyScope> | undefined
  #epoch: number | undefined

  constructor(tx: Transaction, keys: Keys, tenant: Id<'ten'>) {
    this.#tx = tx
    this.#keys = keys
    this.#tenant = tenant
  }

  known(scope: KeyScope, version?: number): KeySet | undefined {
    if (this.#keys.tombstones.has(this.#tenant, scope)) return undefined
    const found = this.#open.get(scope) ?? this.#shared(scope)
    return found && (version === undefined || found.versions.includes(version)) ? found : undefined
  }

  async get(scope: KeyScope, version?: number): Promise<KeySet> {
    if (this.#keys.tombstones.has(this.#tenant, scope)) throw new LocketError('not_found')
    return this.known(scope, version) ?? this.#load(scope)
  }

  /** A writing transaction may see an epoch that is never committed: it only compares. */
  follow(epoch: number): void {
    if (!this.#tx.writable) this.#keys.cache.follow(this.#tenant, epoch)
    if (this.#epoch !== epoch) this.#open.clear()
    this.#epoch = epoch
  }

  create(scope: KeyScope): Promise<void> {
    return this.#insert(scope, 1)
  }

  async rotate(scope: KeyScope): Promise<number> {
    // What is remembered may miss a version that was made in the same group of writes.
    await this.get(scope)
    const rows = await this.#tx.all(versionsOf, { tenant: this.#tenant, scope })
    const version = Math.max(...rows.map((row) => row.version)) + 1
    await this.#insert(scope, version)
    await this.#tx.run(retire, { tenant: this.#tenant, scope, version })
    return version
  }

  async rewrapAll(): Promise<number> {
    const tenant = this.#tenant
    const parent = await this.get('tenant')
    const rows = await this.#tx.all(scopesOf, { tenant })
    for (const row of rows) {
      const owner = { tenant, scope: row.scope, version: row.version }
      const material = unwrapKey(parent, owner, row.wrapped)
      const wrapped = wrapKey(parent.current, owner, material)
      zero(material)
      await this.#tx.run(rewrap, { ...owner, wrapped })
    }
    return rows.length
  }

  async destroy(scope: KeyScope): Promise<void> {
    const tenant = this.#tenant
    const rows = await this.#tx.all(versionsOf, { tenant, scope })
    const length = Math.max(0, ...rows.map((row) => row.wrapped.length))
    await this.#tx.run(overwriteAll, { tenant, scope, blank: new Uint8Array(length) as Sealed })
    this.#drop(scope)
  }

  /** What the process remembers, where it is true for this transaction. */
  #shared(scope: KeyScope): KeySet | undefined {
    const isShared = this.#isCurrent() || (this.#epoch === undefined && !this.#tx.writable)
    if (!isShared || this.#changed?.has(scope)) return undefined
    const found = this.#keys.cache.get(this.#tenant, scope)
    if (found) this.#open.set(scope, found)
    return found
  }

  /** False, too, once another transaction saw a later epoch. */
  #isCurrent(): boolean {
    return this.#epoch !== undefined && this.#keys.cache.epochOf(this.#tenant) === this.#epoch
  }

  async #load(scope: KeyScope): Promise<KeySet> {
    const loaded = await this.#unwrap(scope)
    this.#open.set(scope, loaded)
    if (!this.#tx.writable && this.#isCurrent()) this.#keys.cache.set(this.#tenant, scope, loaded)
    return loaded
  }

  async #unwrap(scope: KeyScope): Promise<KeySet> {
    const tenant = this.#tenant
    const rows = await this.#tx.all(versionsOf, { tenant, scope })
    if (!rows.some((row) => row.state === 'current')) throw new LocketError('not_found')
    if (scope === 'tenant') return openKeySet(this.#keys.root, { tenant, scope }, rows)
    const usable = rows.filter((row) => row.state !== 'destroyed')
    const newest = Math.max(...usable.map((row) => sealedKeyVersion(row.wrapped)))
    return openKeySet(await this.get('tenant', newest), { tenant, scope }, rows)
  }

  async #insert(scope: KeyScope, version: number): Promise<void> {
    const tenant = this.#tenant
    const parent = scope === 'tenant' ? this.#keys.root : (await this.get('tenant')).current
    const material = newKeyMaterial()
    const wrapped = wrapKey(parent, { tenant, scope, version }, material)
    zero(material)
    await this.#tx.run(insertKey, { tenant, scope, version, wrapped, now: this.#keys.clock() })
    this.#drop(scope)
  }

  /** The transaction changed the key: what was remembered of it is not true any more. */
  #drop(scope: KeyScope): void {
    this.#changed ??= new Set()
    this.#changed.add(scope)
    this.#open.delete(scope)
  }
}
