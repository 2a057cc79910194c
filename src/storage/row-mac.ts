/**
 * MACs over the rows that grant power. Whoever can write to the database can still not make himself
 * an administrator: a row whose MAC is not that of its content is an integrity failure, on every
 * read. What this cannot see is a whole old row put back; the threat model says so.
 *
 * Every request reads the row of its tenant. The one that was found right under a key is remembered
 * with that key, and a row that is the same to the last byte, MAC included, is right without computing
 * the MAC anew; one that differs in anything is checked. Rows of spaces are not remembered: how long a
 * check takes must not tell which spaces there are.
 */
import { assert } from '../core/assert.ts'
import { LocketError } from '../core/errors.ts'
import { Fault } from '../core/fault.ts'
import { type DataKey, macsEqual } from '../crypto/data-key.ts'
import type { KeySet } from '../crypto/keyring.ts'
import type { Column } from './column.ts'
import { type Tables, tables } from './tables.ts'

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
  const key = version === undefined ? undefined : keys.version(version)
  if (key && table === 'tenants' && isProven(key, row)) return row
  if (!key || !macsEqual(rowMac(key, table, row), row.mac)) {
    const cause = new Fault(`a row of ${table} does not carry the MAC of its content`)
    throw new LocketError('integrity_failed', undefined, { cause })
  }
  if (table === 'tenants') proven.set(key, copyOf(row))
  return row
}

/** The version of the key that made it; undefined when it is no MAC. */
export function macVersion(mac: Uint8Array): number | undefined {
  return mac.length === 36 ? new DataView(mac.buffer, mac.byteOffset).getUint32(0) : undefined
}

/** The row of the tenant that a key is of, as it was found right; kept as long as the key is. */
const proven = new WeakMap<DataKey, object>()

function isProven(key: DataKey, row: object): boolean {
  const known = proven.get(key)
  if (!known) return false
  const same = (name: string): boolean => isSame(Reflect.get(known, name), Reflect.get(row, name))
  return same('mac') && covered('tenants').every(same)
}

/** Nothing that is done to the row later can pass for what was checked. */
function copyOf(row: object): object {
  const entries = Object.entries(row).map(([name, value]: [string, unknown]) => {
    return [name, value instanceof Uint8Array ? Uint8Array.from(value) : value]
  })
  return Object.fromEntries(entries)
}

function isSame(one: unknown, other: unknown): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array) return macsEqual(one, other)
  return one === other
}

const coveredColumns = new Map<string, readonly string[]>(
  Object.entries(tables).map(([table, columns]) => [table, coveredOf(columns)]),
)

/** The columns that the MAC covers, in declared order. */
function covered(table: PowerTable): readonly string[] {
  const names = coveredColumns.get(table)
  assert(names, 'the table is declared')
  return names
}

function coveredOf(columns: Readonly<Record<string, Column<unknown>>>): string[] {
  const entries = Object.entries(columns)
  return entries.flatMap(([name, { counter }]) => (name === 'mac' || counter ? [] : [name]))
}

/** Every covered column with a mark for its type, so that null is not ''. */
function rowParts(table: PowerTable, row: object): (string | Uint8Array)[] {
  const parts: (string | Uint8Array)[] = [table]
  for (const name of covered(table)) {
    const value: unknown = Reflect.get(row, name)
    if (value === null) parts.push(name, 'null', '')
    else if (value instanceof Uint8Array) parts.push(name, 'bytes', value)
    else parts.push(name, typeof value, String(value))
  }
  return parts
}
