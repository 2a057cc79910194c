/**
 * The queries behind a copy of whole tables, made from the list of tables: one that is added to it is
 * copied like the others.
 */
import type { Kysely } from 'kysely'
import type { Id } from '../core/ids.ts'
import type { Column } from './column.ts'
import { primaryKeys } from './primary-keys.ts'
import { type Query, query } from './query.ts'
import { type TableName, tables } from './tables.ts'

/** A row of any table. */
export type AnyRow = Readonly<Record<string, unknown>>

export interface CopyQueries {
  /** The first rows by primary key; `tenant` is only heeded where rows have tenants. */
  readonly first: Query<{ tenant: Id<'ten'> | null; limit: number }, AnyRow>
  /** Those after a row. Null: a tenant has but one. */
  readonly next: Query<AnyRow, AnyRow> | null
  /** Inserts of so many rows at once, the most first and one at last. */
  readonly inserts: readonly Insert[]
}

export interface Insert {
  readonly rows: number
  readonly query: Query<AnyRow, unknown>
}

/** Each statement costs a journey to the server: so many rows at once take a third of the time. */
const rows_perInsert = [50, 5, 1] as const

/** As the query builder sees tables that are only known by name. */
type AnyTables = Kysely<Record<string, Record<string, unknown>>>

/** Names of the columns of a table, in declared order. */
export function columnsOf(table: TableName): readonly string[] {
  return Object.keys(tables[table])
}

export function columnOf(table: TableName, name: string): Column<unknown> {
  return (tables[table] as Record<string, Column<unknown>>)[name] as Column<unknown>
}

/** Whether each row belongs to one tenant, and is seen by it alone. */
export function hasTenants(table: TableName): boolean {
  return keyOf(table)[0] === 'tenant_id'
}

const known = new Map<TableName, CopyQueries>()

export function copyQueries(table: TableName): CopyQueries {
  const made = known.get(table) ?? {
    first: pageOf(table, []) as CopyQueries['first'],
    next: orderOf(table).length === 0 ? null : pageOf(table, orderOf(table)),
    inserts: rows_perInsert.map((rows) => ({ rows, query: insertOf(table, rows) })),
  }
  known.set(table, made)
  return made
}

/** The argument that one column of one of the rows of an insert is. */
export function slotOf(row: number, column: string): string {
  return `${column}_${row}`
}

function keyOf(table: TableName): readonly string[] {
  return primaryKeys[table]
}

/** The part of the primary key that tells a tenant's rows apart. */
function orderOf(table: TableName): readonly string[] {
  return hasTenants(table) ? keyOf(table).slice(1) : keyOf(table)
}

/** A page of rows: those whose key is greater than the arguments of these names. */
function pageOf(table: TableName, after: readonly string[]): Query<AnyRow, AnyRow> {
  return query((db, arg: AnyRow) => {
    let page = (db as unknown as AnyTables).selectFrom(table).select(columnsOf(table))
    if (hasTenants(table)) page = page.where('tenant_id', '=', arg['tenant'])
    const [only, second, ...others] = after
    if (only !== undefined && second === undefined) page = page.where(only, '>', arg[only])
    if (only !== undefined && second !== undefined) {
      page = page.where(({ eb, refTuple, tuple }) =>
        eb(
          refTuple(only, second, ...(others as [])),
          '>',
          tuple(arg[only], arg[second], ...(others.map((name) => arg[name]) as [])),
        ),
      )
    }
    for (const name of orderOf(table)) page = page.orderBy(name)
    return page.limit(arg['limit'] as number)
  })
}

function insertOf(table: TableName, rows: number): Query<AnyRow, unknown> {
  return query((db, arg: AnyRow) => {
    const row = (at: number): AnyRow =>
      Object.fromEntries(columnsOf(table).map((name) => [name, arg[slotOf(at, name)]]))
    const values = Array.from({ length: rows }, (_, at) => row(at))
    return (db as unknown as AnyTables).insertInto(table).values(values)
  })
}
