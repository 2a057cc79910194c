/** Snapshots of nothing in particular, for tests of the files that hold them. */
import { systemClock } from '../src/core/clock.ts'
import { newId } from '../src/core/ids.ts'
import { type DataKey, dataKey, newKeyMaterial } from '../src/crypto/data-key.ts'
import type { KeySet } from '../src/crypto/keyring.ts'
import type { SnapshotOwner } from '../src/storage/snapshots.ts'

export function newOwner(): SnapshotOwner {
  return { tenant: newId('ten', systemClock), space: newId('spc', systemClock) }
}

/** The name of its file. */
export function fileOf({ tenant, space }: SnapshotOwner): string {
  return `${tenant}.${space}`
}

/** A key with these versions; the last is current. */
export function keySetOf(...versions: readonly number[]): KeySet {
  return keySet(versions.map((version) => dataKey(newKeyMaterial(), version)))
}

export function keySet(keys: readonly DataKey[]): KeySet {
  const version = (wanted: number): DataKey => {
    const key = keys.find((one) => one.version === wanted)
    if (!key) throw new Error(`no version ${wanted}`)
    return key
  }
  return {
    current: keys.at(-1) as DataKey,
    versions: keys.map((key) => key.version),
    version,
  }
}
