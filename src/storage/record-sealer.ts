/** Seals and opens the records of one space. A record's place has its sequence number as version. */
import { assert } from '../core/assert.ts'
import type { Id } from '../core/ids.ts'
import { open, type Place, type Sealed, seal, sealedKeyVersion } from '../crypto/aead.ts'
import type { KeySet } from '../crypto/keyring.ts'
import type { TenantStore } from './tenant-store.ts'

export type RecordTable = 'memories' | 'memory_versions'

export interface RecordSealer {
  keys(): Promise<KeySet>
  seal(
    table: RecordTable,
    value: { id: string; seq: number; record: Uint8Array },
  ): Promise<{ record: Sealed; key_version: number }>
  /** Throws `integrity_failed` for a record that stands anywhere but where it was sealed for. */
  open(
    table: RecordTable,
    value: { id: string; seq: number; record: Uint8Array | null },
  ): Promise<Buffer>
}

export function recordSealer(store: TenantStore, space: Id<'spc'>): RecordSealer {
  const place = (table: RecordTable, row: string, version: number): Place => {
    return { tenant: store.tenant, space, table, row, column: 'record', version }
  }
  return {
    keys: () => store.keys(space),
    seal: async (table, value) => {
      const { current } = store.knownKeys(space) ?? (await store.keys(space))
      store.countSeal(space, current.version)
      const record = seal(current.sealing, place(table, value.id, value.seq), value.record)
      return { record, key_version: current.version }
    },
    open: async (table, value) => {
      assert(value.record, 'a live row has a record')
      const here = place(table, value.id, value.seq)
      const version = sealedKeyVersion(value.record, here)
      const keys = store.knownKeys(space, version) ?? (await store.keys(space, version))
      return open(keys.version(version).sealing, here, value.record)
    },
  }
}
