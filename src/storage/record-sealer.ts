/** Seals and opens the records of one space. A record's place has its sequence number as version. */
import { assert } from '../core/assert.ts'
import type { Id } from '../core/ids.ts'
import { open, type Place, type Sealed, seal, sealedKeyVersion } from '../crypto/aead.ts'
import type { KeySet } from '../crypto/keyring.ts'
import type { Tables } from './tables.ts'
import type { TenantStore } from './tenant-store.ts'

export type RecordTable = 'memories' | 'memory_versions'

/** What the seal's place names as the column. One that is superseded does not open as a live one. */
export type RecordColumn = 'record' | 'superseded'

export function columnOf(state: Tables['memories']['state']): RecordColumn {
  return state === 'superseded' ? 'superseded' : 'record'
}

export interface RecordSealer {
  keys(): Promise<KeySet>
  seal(
    table: RecordTable,
    value: { id: string; seq: number; record: Uint8Array; column?: RecordColumn },
  ): Promise<{ record: Sealed; key_version: number }>
  /** Throws `integrity_failed` for a record that stands anywhere but where it was sealed for. */
  open(
    table: RecordTable,
    value: { id: string; seq: number; record: Uint8Array | null; column?: RecordColumn },
  ): Promise<Buffer>
}

export function recordSealer(store: TenantStore, space: Id<'spc'>): RecordSealer {
  const place = (
    table: RecordTable,
    { id, seq, column = 'record' }: { id: string; seq: number; column?: RecordColumn },
  ): Place => ({ tenant: store.tenant, space, table, row: id, column, version: seq })
  return {
    keys: () => store.keys(space),
    seal: async (table, value) => {
      const { current } = store.knownKeys(space) ?? (await store.keys(space))
      store.countSeal(space, current.version)
      const record = seal(current.sealing, place(table, value), value.record)
      return { record, key_version: current.version }
    },
    open: async (table, value) => {
      assert(value.record, 'a live row has a record')
      const here = place(table, value)
      const version = sealedKeyVersion(value.record, here)
      const keys = store.knownKeys(space, version) ?? (await store.keys(space, version))
      return open(keys.version(version).sealing, here, value.record)
    },
  }
}
