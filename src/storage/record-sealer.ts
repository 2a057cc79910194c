/** Seals and opens the records of one space. A record's place has its sequence number as version. */
import { assert } from '../core/assert.ts'
import type { Id } from '../core/ids.ts'
import { open, type Place, type Sealed, seal, sealedKeyVersion } from '../crypto/aead.ts'
import type { DataKey } from '../crypto/data-key.ts'
import type { KeySet } from '../crypto/keyring.ts'
import type { MemoryRow } from './space-queries.ts'
import type { Tables } from './tables.ts'
import type { TenantStore } from './tenant-store.ts'

export type RecordTable = 'memories' | 'memory_versions'

/** What the seal's place names as the column. One that is superseded does not open as a live one. */
export type RecordColumn = 'record' | 'superseded'

export function columnOf(state: Tables['memories']['state']): RecordColumn {
  return state === 'superseded' ? 'superseded' : 'record'
}

/** A record and where it stands; `column` is `record` when left out. */
export interface RecordCell<Bytes = Uint8Array> {
  readonly id: string
  readonly seq: number
  readonly record: Bytes
  readonly column?: RecordColumn
}

export interface SealedRecord {
  readonly record: Sealed
  readonly key_version: number
}

/** Each view of a space has one: its methods are shared, and no key that is open is waited for. */
export class RecordSealer {
  readonly #store: TenantStore
  readonly #space: Id<'spc'>

  constructor(store: TenantStore, space: Id<'spc'>) {
    this.#store = store
    this.#space = space
  }

  keys(): Promise<KeySet> {
    return this.#store.keys(this.#space)
  }

  /** The same where nothing has to be read for it. */
  knownKeys(): KeySet | undefined {
    return this.#store.knownKeys(this.#space)
  }

  async seal(table: RecordTable, cell: RecordCell): Promise<SealedRecord> {
    const { current } = this.knownKeys() ?? (await this.keys())
    return this.sealWith(current, table, cell)
  }

  /** The same with the space's current key, by one who has it at hand. */
  sealWith(current: DataKey, table: RecordTable, cell: RecordCell): SealedRecord {
    this.#store.countSeal(this.#space, current.version)
    const record = seal(current.sealing, this.#place(table, cell), cell.record)
    return { record, key_version: current.version }
  }

  /** Throws `integrity_failed` for a record that stands anywhere but where it was sealed for. */
  async open(table: RecordTable, cell: RecordCell<Uint8Array | null>): Promise<Buffer> {
    const known = this.openKnown(table, cell)
    if (known) return known
    assert(cell.record, 'a live row has a record')
    const here = this.#place(table, cell)
    const version = sealedKeyVersion(cell.record, here)
    const keys = await this.#store.keys(this.#space, version)
    return open(keys.version(version).sealing, here, cell.record)
  }

  /** The same at once; undefined where a key has to be read for it. */
  openKnown(table: RecordTable, cell: RecordCell<Uint8Array | null>): Buffer | undefined {
    assert(cell.record, 'a live row has a record')
    const here = this.#place(table, cell)
    const version = sealedKeyVersion(cell.record, here)
    const keys = this.#store.knownKeys(this.#space, version)
    return keys && open(keys.version(version).sealing, here, cell.record)
  }

  #place(table: RecordTable, { id, seq, column = 'record' }: RecordCell<unknown>): Place {
    const { tenant } = this.#store
    return { tenant, space: this.#space, table, row: id, column, version: seq }
  }
}

/** Where the record of a memory's row stands. */
export function toCell({
  memory_id: id,
  seq,
  record,
  state,
}: MemoryRow): RecordCell<Sealed | null> {
  return { id, seq, record, column: columnOf(state) }
}
