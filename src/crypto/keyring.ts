/**
 * Keys that wrap keys: the root key wraps tenants' keys, a tenant's key wraps all its others. A
 * wrap is a sealed value bound to its owner and version, so it opens nowhere else. A scope has one
 * current version, which seals, and retired ones, which only open; destroyed ones are never opened.
 */
import type { Clock } from '../core/clock.ts'
import { LocketError } from '../core/errors.ts'
import { Fault } from '../core/fault.ts'
import { open, type Place, type Sealed, seal, sealedKeyVersion } from './aead.ts'
import { type DataKey, dataKey, zero } from './data-key.ts'

export interface WrappedKey {
  readonly scope: string
  readonly version: number
  readonly state: 'current' | 'retired' | 'destroyed'
  readonly wrapped: Uint8Array
}

/** Whose key it is: the names of its row, and what its wrap is bound to. */
export interface KeyOwner {
  readonly tenant: string
  readonly scope: string
  readonly version: number
}

/** The usable versions of one scope's key. */
export interface KeySet {
  readonly current: DataKey
  readonly versions: readonly number[]
  /** The version that a sealed value names. Throws `integrity_failed` when there is none such. */
  version(version: number): DataKey
}

/** Wraps key material. The parent of a tenant's key is the root key; of all others, the tenant's. */
export function wrapKey(parent: DataKey, owner: KeyOwner, material: Uint8Array): Sealed {
  return seal(parent.sealing, placeOf(owner), material)
}

/** The material of a wrapped key, for the caller to `zero` after use. */
export function unwrapKey(parent: KeySet | DataKey, owner: KeyOwner, wrapped: Uint8Array): Buffer {
  const key = 'current' in parent ? parent.version(sealedKeyVersion(wrapped)) : parent
  return open(key.sealing, placeOf(owner), wrapped)
}

/**
 * Unwraps the versions of one scope. Throws `integrity_failed` unless exactly one is current, the
 * newest: no MAC covers `state`, and whoever changes it must not choose what we seal with.
 */
export function openKeySet(
  parent: KeySet | DataKey,
  owner: { tenant: string; scope: string },
  rows: readonly WrappedKey[],
): KeySet {
  const usable = rows.filter((row) => row.state !== 'destroyed')
  const [current, ...others] = usable.filter((row) => row.state === 'current')
  if (!current || others.length > 0) throw broken('it has not exactly one current version')
  if (rows.some((row) => row.version > current.version)) throw broken('the newest is not current')
  const keys = new Map<number, DataKey>()
  for (const row of usable) {
    if (row.scope !== owner.scope) throw broken('a version is of another scope')
    if (keys.has(row.version)) throw broken('a version is there twice')
    keys.set(row.version, openKey(parent, { ...owner, version: row.version }, row.wrapped))
  }
  return toKeySet(keys, current.version)
}

function openKey(parent: KeySet | DataKey, owner: KeyOwner, wrapped: Uint8Array): DataKey {
  const material = unwrapKey(parent, owner, wrapped)
  const key = dataKey(material, owner.version)
  zero(material)
  return key
}

function toKeySet(keys: ReadonlyMap<number, DataKey>, currentVersion: number): KeySet {
  const version = (wanted: number): DataKey => {
    const key = keys.get(wanted)
    if (!key) throw broken('it has no such version')
    return key
  }
  return { current: version(currentVersion), versions: [...keys.keys()], version }
}

function placeOf(owner: KeyOwner): Place {
  const { tenant, scope, version } = owner
  return { tenant, space: '', table: 'encryption_keys', row: scope, column: 'wrapped', version }
}

function broken(reason: string): LocketError {
  const cause = new Fault(`a key does not open: ${reason}`)
  return new LocketError('integrity_failed', undefined, { cause })
}

/** The unwrapped keys that a node remembers. */
export interface KeyCache {
  readonly size: number
  get(tenant: string, scope: string): KeySet | undefined
  set(tenant: string, scope: string, keys: KeySet): void
  forget(tenant: string, scope: string): void
  forgetTenant(tenant: string): void
  /**
   * Another node may have rotated a key: it raises the tenant's epoch with it. Forgets a tenant's
   * keys when they are from before `epoch`; an epoch older than what is remembered changes nothing.
   */
  follow(tenant: string, epoch: number): void
  /** The epoch that the keys remembered of a tenant are good for. */
  epochOf(tenant: string): number | undefined
  /** Drops what is too old. A job calls it, so that keys leave the memory of an idle node too. */
  sweep(): void
}

interface Remembered {
  readonly tenant: string
  readonly scope: string
  readonly keys: KeySet
  readonly since_ms: number
  /** Since it came, or was last passed over when room was made. */
  used: boolean
}

/** Of at most `max` tenants; the order matters, and is kept, only where one may soon have to leave. */
function rememberEpoch(
  epochs: Map<string, number>,
  { tenant, epoch, max }: { tenant: string; epoch: number; max: number },
): void {
  if (epochs.get(tenant) === epoch && epochs.size <= max / 2) return
  epochs.delete(tenant)
  epochs.set(tenant, epoch)
  const oldest = epochs.keys().next()
  if (epochs.size > max && !oldest.done) epochs.delete(oldest.value)
}

/**
 * At most `max` sets, and none older than `life_ms` however much it is used: a key destroyed on
 * another node is gone from here within that time. The oldest makes room; one that was used goes to the
 * end instead, once for each time (the clock algorithm), so that a look-up changes no order.
 */
export function createKeyCache(options: { clock: Clock; life_ms: number; max: number }): KeyCache {
  const { clock, life_ms, max } = options
  const entries = new Set<Remembered>()
  const tenants = new Map<string, Map<string, Remembered>>()
  const epochs = new Map<string, number>()
  const isOld = (since_ms: number): boolean => {
    const age_ms = clock() - since_ms
    return age_ms < 0 || age_ms >= life_ms
  }
  const drop = (entry: Remembered | undefined): void => {
    if (!entry) return
    entries.delete(entry)
    const scopes = tenants.get(entry.tenant)
    scopes?.delete(entry.scope)
    if (scopes?.size === 0) tenants.delete(entry.tenant)
  }
  const makeRoom = (): void => {
    for (const entry of entries) {
      if (entries.size < max) return
      if (!entry.used) drop(entry)
      else {
        entry.used = false
        entries.delete(entry)
        entries.add(entry)
      }
    }
  }
  const forgetTenant = (tenant: string): void => {
    for (const entry of tenants.get(tenant)?.values() ?? []) drop(entry)
  }
  return {
    get size() {
      return entries.size
    },
    get(tenant, scope) {
      const entry = tenants.get(tenant)?.get(scope)
      if (!entry) return undefined
      if (isOld(entry.since_ms)) {
        drop(entry)
        return undefined
      }
      entry.used = true
      return entry.keys
    },
    set(tenant, scope, keys) {
      drop(tenants.get(tenant)?.get(scope))
      makeRoom()
      const entry = { tenant, scope, keys, since_ms: clock(), used: false }
      const scopes = tenants.get(tenant) ?? new Map<string, Remembered>()
      tenants.set(tenant, scopes.set(scope, entry))
      entries.add(entry)
    },
    forget: (tenant, scope) => drop(tenants.get(tenant)?.get(scope)),
    forgetTenant,
    follow(tenant, epoch) {
      const known = epochs.get(tenant)
      if (known !== undefined && epoch < known) return
      if (known !== epoch) forgetTenant(tenant)
      rememberEpoch(epochs, { tenant, epoch, max })
    },
    epochOf: (tenant) => epochs.get(tenant),
    sweep() {
      for (const entry of entries) if (isOld(entry.since_ms)) drop(entry)
    },
  }
}
