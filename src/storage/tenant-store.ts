/**
 * A tenant's view of a transaction. Every query that runs through it is about this tenant: the
 * tenant is not an argument that a caller of the store could get wrong, it is filled in here.
 */
import { fromUtf8, toUtf8 } from '../core/encoding.ts'
import { type Id, instanceTenant } from '../core/ids.ts'
import { open, type Place, type Sealed, seal, sealedKeyVersion } from '../crypto/aead.ts'
import { type Blind, blindIndex } from '../crypto/blind-index.ts'
import type { KeySet } from '../crypto/keyring.ts'
import type { Transaction } from './database.ts'
import { type KeyAccess, type Keys, keyAccess } from './encryption-keys.ts'
import type { Query } from './query.ts'
import { checkRow, macVersion, type PowerTable, rowMac, type Unsigned } from './row-mac.ts'
import type { KeyScope, TableName, Tables } from './tables.ts'

type OfTenant = { tenant: Id<'ten'> }

/** Where a value of this tenant stands; `version` only where the row has versions. */
export interface Cell {
  readonly table: TableName
  readonly row: string
  readonly column: string
  readonly version?: number
}

export interface TenantStore {
  readonly tenant: Id<'ten'>
  readonly writable: boolean
  all<Args extends OfTenant, Row>(
    query: Query<Args, Row>,
    args: Omit<Args, 'tenant'>,
  ): Promise<Row[]>
  first<Args extends OfTenant, Row>(
    query: Query<Args, Row>,
    args: Omit<Args, 'tenant'>,
  ): Promise<Row | undefined>
  run<Args extends OfTenant>(
    query: Query<Args, unknown>,
    args: Omit<Args, 'tenant'>,
  ): Promise<number>
  savepoint<T>(work: () => Promise<T>): Promise<T>
  /** Seals a JSON value under the key of `scope`. */
  seal(scope: KeyScope, cell: Cell, value: unknown): Promise<Sealed>
  /** The value that was sealed for this very cell; else `integrity_failed`. */
  open(scope: KeyScope, cell: Cell, sealed: Uint8Array): Promise<unknown>
  blindIndex(kind: string, value: string): Promise<Blind>
  /** The same under every version of the look-up key, the current one first. */
  blindIndexes(kind: string, value: string): Promise<Blind[]>
  /** The row with its MAC. */
  signed<Name extends PowerTable>(table: Name, row: Unsigned<Name>): Promise<Tables[Name]>
  /** The row, its MAC checked. */
  checked<Name extends PowerTable>(table: Name, row: Tables[Name]): Promise<Tables[Name]>
  /** The versions of a key; looked up again when `version` is not among those remembered. */
  keys(scope: KeyScope, version?: number): Promise<KeySet>
  /** Says which epoch of the tenant this transaction sees. */
  follow(epoch: number): void
  /** Counts one seal that was made with a key itself. */
  countSeal(scope: KeyScope, version: number): void
  createKey(scope: KeyScope): Promise<void>
  rotateKey(scope: KeyScope): Promise<number>
  rewrapKeys(): Promise<number>
  destroyKey(scope: KeyScope): Promise<void>
}

/** Opens a tenant's view. `tenant` comes from the credential, never from a request. */
export function tenantStore(tx: Transaction, keys: Keys, tenant: Id<'ten'>): TenantStore {
  const own = tx.as(tenant)
  const access = keyAccess(own, keys)
  const full = <Args extends OfTenant>(args: Omit<Args, 'tenant'>): Args =>
    ({ ...args, tenant }) as Args
  return {
    tenant,
    writable: tx.writable,
    all: (query, args) => own.all(query, full(args)),
    first: (query, args) => own.first(query, full(args)),
    run: (query, args) => own.run(query, full(args)),
    savepoint: (work) => tx.savepoint(work),
    ...sealing(access, keys, tenant),
    ...rowMacs(access, tenant),
    keys: (scope, version) => access.get(tenant, scope, version),
    follow: (epoch) => access.follow(tenant, epoch),
    countSeal: (scope, version) => keys.seals.add({ tenant, scope, version }),
    createKey: (scope) => access.create(tenant, scope),
    rotateKey: (scope) => access.rotate(tenant, scope),
    rewrapKeys: () => access.rewrapAll(tenant),
    destroyKey: (scope) => access.destroy(tenant, scope),
  }
}

/** The view of the instance itself: its own log, its own keys, the list of tenants. */
export function instanceStore(tx: Transaction, keys: Keys): TenantStore {
  return tenantStore(tx, keys, instanceTenant)
}

function sealing(
  access: KeyAccess,
  process: Keys,
  tenant: Id<'ten'>,
): Pick<TenantStore, 'seal' | 'open' | 'blindIndex' | 'blindIndexes'> {
  return {
    seal: async (scope, cell, value) => {
      const key = (await access.get(tenant, scope)).current
      process.seals.add({ tenant, scope, version: key.version })
      return seal(key.sealing, place(tenant, scope, cell), toUtf8(JSON.stringify(value)))
    },
    open: async (scope, cell, sealed) => {
      const here = place(tenant, scope, cell)
      const version = sealedKeyVersion(sealed, here)
      const key = (await access.get(tenant, scope, version)).version(version)
      return JSON.parse(fromUtf8(open(key.sealing, here, sealed)))
    },
    blindIndex: async (kind, value) =>
      blindIndex((await access.get(tenant, 'lookup')).current, kind, value),
    blindIndexes: async (kind, value) => {
      const keys = await access.get(tenant, 'lookup')
      const newestFirst = keys.versions.toSorted((a, b) => b - a)
      return newestFirst.map((version) => blindIndex(keys.version(version), kind, value))
    },
  }
}

function rowMacs(access: KeyAccess, tenant: Id<'ten'>): Pick<TenantStore, 'signed' | 'checked'> {
  return {
    signed: async (table, row) => {
      const key = (await access.get(tenant, 'lookup')).current
      return { ...row, mac: rowMac(key, table, row) } as unknown as Tables[typeof table]
    },
    checked: async (table, row) =>
      checkRow(await access.get(tenant, 'lookup', macVersion(row.mac)), table, row),
  }
}

/** The space is part of the place when the space's own key seals. */
function place(tenant: Id<'ten'>, scope: KeyScope, cell: Cell): Place {
  const space = scope.startsWith('spc_') ? scope : ''
  return { tenant, space, version: 0, ...cell }
}
