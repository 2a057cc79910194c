/** The database of one test as whoever has come by it can use it, whatever the engine. */
import type { DatabaseConfig } from '../src/config/config.ts'
import type { Log } from '../src/core/log.ts'
import type { Database } from '../src/storage/database.ts'

export type Cell = string | number | Uint8Array | null
export type Row = Record<string, Cell>

/** Runs one statement past the server; each `?` is the next value. */
export type Sql = (text: string, ...values: readonly Cell[]) => Promise<Row[]>

export interface TestData {
  /** What `Config` says of it: null for SQLite in the data directory. */
  readonly config: DatabaseConfig | null
  /** Opens it as the server does. */
  open(log: Log): Promise<Database>
  readonly sql: Sql
  /** Asks many questions at once; their answers are of one moment. */
  ask(questions: readonly string[]): Promise<readonly Row[][]>
  /** An expression for the bytes of a text, in this engine's SQL. */
  bytesOf(text: string): string
  /** Lets every insert into a table fail, until what is returned is called. */
  refuseInserts(table: string): Promise<() => Promise<void>>
  /** Makes a backup. What is returned puts it back; nobody may have the database open meanwhile. */
  backup(): Promise<() => Promise<void>>
  /** Copies what the engine has outside the data directory, and tells what it could not copy. */
  copyOutside(to: string): Promise<string | null>
}

/** The same, asked after `settle`: once what waits beside the tables is in them. */
export function settledFirst(data: TestData, settle: () => Promise<void>): TestData {
  return {
    ...data,
    sql: async (text, ...values) => {
      await settle()
      return data.sql(text, ...values)
    },
    ask: async (questions) => {
      await settle()
      return data.ask(questions)
    },
    refuseInserts: async (table) => {
      await settle()
      return data.refuseInserts(table)
    },
    backup: async () => {
      await settle()
      return data.backup()
    },
  }
}
