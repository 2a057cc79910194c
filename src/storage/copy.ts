/**
 * Whole tables, carried from one database to another as they stand: what is sealed stays sealed. Two
 * databases hold the same when the digests over their rows are the same; they are taken over a form
 * of the values that no engine has a say in.
 */
import { assert } from '../core/assert.ts'
import { lengthPrefixed } from '../core/encoding.ts'
import type { Id } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { sha256 } from '../crypto/digest.ts'
import {
  type AnyRow,
  columnOf,
  columnsOf,
  copyQueries,
  hasTenants,
  slotOf,
} from './copy-queries.ts'
import type { Transaction } from './database.ts'
import { type TableName, tables } from './tables.ts'

/**
 * All but the marks of the instance itself, which say where it is and not what is in it
 * (`instance.ts`).
 */
export const copiedTables = (Object.keys(tables) as TableName[]).filter(
  (name) => name !== 'instance',
)

/** What a table holds. */
export interface TableSummary {
  readonly rows: number
  /** Of the values and what tells them apart. */
  readonly bytes: number
  /** In hex; over every value of every row, in the order of the primary key. */
  readonly digest: string
}

export type Progress = (table: TableName, rows: number) => void

/** The tenants whose rows are meant, the instance itself among them. */
type Tenants = readonly Id<'ten'>[]

/** Puts every row of a table into the same table of another database, where it is empty. */
export async function copyTable(
  table: TableName,
  ends: { from: Transaction; to: Transaction },
  options: { tenants: Tenants; progress: Progress },
): Promise<void> {
  let rows = 0
  for (const tenant of seatsOf(table, options.tenants)) {
    const to = tenant === null ? ends.to : ends.to.as(tenant)
    for await (const page of pagesOf(table, ends.from, tenant)) {
      await insertAll(table, to, page)
      rows += page.length
      options.progress(table, rows)
    }
  }
}

/** Reads a table from end to end. */
export async function summarise(
  table: TableName,
  tx: Transaction,
  options: { tenants: Tenants; progress: Progress },
): Promise<TableSummary> {
  let digest = sha256(lengthPrefixed([table, ...columnsOf(table)]))
  let rows = 0
  let bytes = 0
  for (const tenant of seatsOf(table, options.tenants)) {
    for await (const page of pagesOf(table, tx, tenant)) {
      for (const row of page) {
        const canonical = canonicalBytes(table, row)
        digest = sha256(Buffer.concat([digest, canonical]))
        bytes += canonical.length
      }
      rows += page.length
      options.progress(table, rows)
    }
  }
  return { rows, bytes, digest: digest.toString('hex') }
}

/** The first rows of a tenant's table. */
export async function firstRows(
  table: TableName,
  tx: Transaction,
  tenant: Id<'ten'>,
): Promise<readonly AnyRow[]> {
  const limit = limits.copyPage_rows
  return tx.as(tenant).all(copyQueries(table).first, { tenant, limit })
}

function seatsOf(table: TableName, tenants: Tenants): readonly (Id<'ten'> | null)[] {
  return hasTenants(table) ? tenants : [null]
}

async function* pagesOf(
  table: TableName,
  tx: Transaction,
  tenant: Id<'ten'> | null,
): AsyncGenerator<readonly AnyRow[]> {
  const { first, next } = copyQueries(table)
  const view = tenant === null ? tx : tx.as(tenant)
  const limit = limits.copyPage_rows
  let page = await view.all(first, { tenant, limit })
  while (page.length > 0) {
    yield page
    const last = page.at(-1)
    if (next === null || page.length < limit) return
    page = await view.all(next, { ...last, tenant, limit })
  }
}

async function insertAll(
  table: TableName,
  to: Transaction,
  page: readonly AnyRow[],
): Promise<void> {
  const columns = columnsOf(table)
  let at = 0
  for (const insert of copyQueries(table).inserts) {
    for (; page.length - at >= insert.rows; at += insert.rows) {
      const slots = page
        .slice(at, at + insert.rows)
        .flatMap((row, slot) => columns.map((name) => [slotOf(slot, name), row[name]] as const))
      await to.run(insert.query, Object.fromEntries(slots))
    }
  }
}

/** The same bytes for the same row, whichever engine gave it. */
function canonicalBytes(table: TableName, row: AnyRow): Buffer {
  return lengthPrefixed(columnsOf(table).flatMap((name) => canonicalValue(table, name, row[name])))
}

/** With a mark for its type, so that null is not ''. A value of another type is no value of ours. */
function canonicalValue(
  table: TableName,
  name: string,
  value: unknown,
): [mark: string, value: string | Uint8Array] {
  const { type, nullable } = columnOf(table, name)
  if (value === null && nullable) return ['null', '']
  if (type === 'bytes' && value instanceof Uint8Array) return ['bytes', value]
  if (type === 'text' && typeof value === 'string') return ['text', value]
  assert(type === 'integer' && Number.isSafeInteger(value), `${table}.${name} holds its own type`)
  return ['integer', String(value)]
}
