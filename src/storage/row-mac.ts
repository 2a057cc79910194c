/**
 * MACs over the rows that grant power. Whoever can write to the database can still not make himself
 * an administrator: a row whose MAC is not that of its content is an integrity failure, on every
 * read. What this cannot see is a whole old row put back; the threat model says so.
 */
import { LocketError } from '../core/errors.ts'
import { type DataKey, macsEqual } from '../crypto/data-key.ts'
import type { KeySet } from '../crypto/keyring.ts'
import { type Column, type Tables, tables } from './tables.ts'

/** The tables whose rows carry a MAC. */
export type PowerTable = {
  [Name in keyof Tables]: Tables[Name] extends { mac: Uint8Array } ? Name : never
}[keyof Tables]

export type Unsigned<Name extends PowerTable> = Omit<Tables[Name], 'mac'>

/** Key version (4 bytes, big-endian) | HMAC-SHA-256 over the table's name and the row's columns. */
export function rowMac<Name extends PowerTable>(
  key: DataKey,
  table: Name,
  row: Unsigned<Name>,
): Uint8Array {
  const mac = Buffer.alloc(36)
  mac.writeUInt32BE(key.version)
  mac.set(key.mac('row', rowParts(table, row)), 4)
  return mac
}

/** The row itself when its MAC is right; else `integrity_failed`. */
export function checkRow<Name extends PowerTable>(
  keys: KeySet,
  table: Name,
  row: Tables[Name],
): Tables[Name] {
  const version = macVersion(row.mac)
  if (version === undefined || !macsEqual(rowMac(keys.version(version), table, row), row.mac)) {
    const cause = new Error(`a row of ${table} does not carry the MAC of its content`)
    throw new LocketError('integrity_failed', undefined, { cause })
  }
  return row
}

/** The version of the key that made it; undefined when it is no MAC. */
export function macVersion(mac: Uint8Array): number | undefined {
  return mac.length === 36 ? new DataView(mac.buffer, mac.byteOffset).getUint32(0) : undefined
}

/** Every covered column in declared order, with a mark for its type so that null is not ''. */
function rowParts(table: PowerTable, row: object): (string | Uint8Array)[] {
  const columns: Record<string, Column<unknown>> = tables[table]
  const parts: (string | Uint8Array)[] = [table]
  for (const [name, column] of Object.entries(columns)) {
    if (name === 'mac' || column.counter) continue
    const value: unknown = Reflect.get(row, name)
    if (value === null) parts.push(name, 'null', '')
    else if (value instanceof Uint8Array) parts.push(name, 'bytes', value)
    else parts.push(name, typeof value, String(value))
  }
  return parts
}
