/**
 * A tenant's view of a transaction. Every query that runs through it is about this tenant: the
 * tenant is not an argument that a caller of the store could get wrong, the transaction that is seated
 * for it fills it in.
 */
import { fromUtf8 } from '../core/encoding.ts'
import { type Id, instanceTenant } from '../core/ids.ts'
import { open, type Place, type Sealed, seal, sealedKeyVersion } from '../crypto/aead.ts'
import { type Blind, blindIndex } from '../crypto/blind-index.ts'
import type { KeySet } from '../crypto/keyring.ts'
import type { Transaction } from './database.ts'
import { type KeyAccess, type Keys, keyAccess, type SealCounts } from './encryption-keys.ts'
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
  /** The same for what is JSON already, with the keys of `scope` at hand: nothing is waited for. */
  sealText(keys: KeySet, scope: KeyScope, json: { cell: Cell; text: string }): Sealed
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
  /** The same where nothing has to be read for it. */
  knownKeys(scope: KeyScope, version?: number): KeySet | undefined
  /** Says which epoch of the tenant this transaction sees. */
  follow(epoch: number): void
  /** Counts a seal, or so many, that was made with a key itself. */
  countSeal(scope: KeyScope, version: number, seals?: number): void
  createKey(scope: KeyScope): Promise<void>
  rotateKey(scope: KeyScope): Promise<number>
  rewrapKeys(): Promise<number>
  destroyKey(scope: KeyScope): Promise<void>
}

/** Opens a tenant's view. `tenant` comes from the credential, never from a request. */
export function tenantStore(tx: Transaction, keys: Keys, tenant: Id<'ten'>): TenantStore {
  return new TenantView(tx.as(tenant), keys, tenant)
}

/** The view of the instance itself: its own log, its own keys, the list of tenants. */
export function instanceStore(tx: Transaction, keys: Keys): TenantStore {
  return tenantStore(tx, keys, instanceTenant)
}

/** Each request has some of these: its methods are shared, and no key that is open is waited for. */
class TenantView implements TenantStore {
  readonly tenant: Id<'ten'>
  readonly #tx: Transaction
  readonly #access: KeyAccess
  readonly #seals: SealCounts

  constructor(tx: Transaction, keys: Keys, tenant: Id<'ten'>) {
    this.tenant = tenant
    this.#tx = tx
    this.#access = keyAccess(tx, keys, tenant)
    this.#seals = keys.seals
  }

  get writable(): boolean {
    return this.#tx.writable
  }

  all<Args extends OfTenant, Row>(
    query: Query<Args, Row>,
    args: Omit<Args, 'tenant'>,
  ): Promise<Row[]> {
    return this.#tx.all(query, args as Args)
  }

  first<Args extends OfTenant, Row>(
    query: Query<Args, Row>,
    args: Omit<Args, 'tenant'>,
  ): Promise<Row | undefined> {
    return this.#tx.first(query, args as Args)
  }

  run<Args extends OfTenant>(
    query: Query<Args, unknown>,
    args: Omit<Args, 'tenant'>,
  ): Promise<number> {
    return this.#tx.run(query, args as Args)
  }

  savepoint<T>(work: () => Promise<T>): Promise<T> {
    return this.#tx.savepoint(work)
  }

  async seal(scope: KeyScope, cell: Cell, value: unknown): Promise<Sealed> {
    const keys = this.#access.known(scope) ?? (await this.#access.get(scope))
    return this.sealText(keys, scope, { cell, text: JSON.stringify(value) })
  }

  sealText(keys: KeySet, scope: KeyScope, { cell, text }: { cell: Cell; text: string }): Sealed {
    const { sealing, version } = keys.current
    this.countSeal(scope, version)
    return seal(sealing, this.#place(scope, cell), text)
  }

  async open(scope: KeyScope, cell: Cell, sealed: Uint8Array): Promise<unknown> {
    const here = this.#place(scope, cell)
    const version = sealedKeyVersion(sealed, here)
    const keys = this.#access.known(scope, version) ?? (await this.#access.get(scope, version))
    return JSON.parse(fromUtf8(open(keys.version(version).sealing, here, sealed)))
  }

  async blindIndex(kind: string, value: string): Promise<Blind> {
    const keys = this.#access.known('lookup') ?? (await this.#access.get('lookup'))
    return blindIndex(keys.current, kind, value)
  }

  async blindIndexes(kind: string, value: string): Promise<Blind[]> {
    const keys = this.#access.known('lookup') ?? (await this.#access.get('lookup'))
    const newestFirst = keys.versions.toSorted((a, b) => b - a)
    return newestFirst.map((version) => blindIndex(keys.version(version), kind, value))
  }

  async signed<Name extends PowerTable>(table: Name, row: Unsigned<Name>): Promise<Tables[Name]> {
    const { current } = this.#access.known('lookup') ?? (await this.#access.get('lookup'))
    return { ...row, mac: rowMac(current, table, row) } as unknown as Tables[Name]
  }

  async checked<Name extends PowerTable>(table: Name, row: Tables[Name]): Promise<Tables[Name]> {
    const version = macVersion(row.mac)
    const known = this.#access.known('lookup', version)
    return checkRow(known ?? (await this.#access.get('lookup', version)), table, row)
  }

  keys(scope: KeyScope, version?: number): Promise<KeySet> {
    return this.#access.get(scope, version)
  }

  knownKeys(scope: KeyScope, version?: number): KeySet | undefined {
    return this.#access.known(scope, version)
  }

  follow(epoch: number): void {
    this.#access.follow(epoch)
  }

  countSeal(scope: KeyScope, version: number, seals?: number): void {
    this.#seals.add({ tenant: this.tenant, scope, version }, seals)
  }

  createKey(scope: KeyScope): Promise<void> {
    return this.#access.create(scope)
  }

  rotateKey(scope: KeyScope): Promise<number> {
    return this.#access.rotate(scope)
  }

  rewrapKeys(): Promise<number> {
    return this.#access.rewrapAll()
  }

  destroyKey(scope: KeyScope): Promise<void> {
    return this.#access.destroy(scope)
  }

  /** The space is part of the place when the space's own key seals. */
  #place(scope: KeyScope, cell: Cell): Place {
    const space = scope.startsWith('spc_') ? scope : ''
    const { table, row, column, version = 0 } = cell
    return { tenant: this.tenant, space, table, row, column, version }
  }
}
