/**
 * One connection to a SQLite file, with everything that makes it safe switched on and read back:
 * a setting that SQLite ignores in silence must not pass for one that holds.
 */
import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { assert } from '../core/assert.ts'
import { LocketError } from '../core/errors.ts'

/** The queries are constants, so this is reached only if someone starts to build them. */
const statements_max = 500

/** Nobody else has the file open; waiting blocks the whole process, so it is short. */
export const busy_timeout_ms = 100

/** Each setting and what it must read as afterwards. */
const settings = [
  ['secure_delete', 'ON', 1],
  ['trusted_schema', 'OFF', 0],
  ['cell_size_check', 'ON', 1],
  ['temp_store', 'MEMORY', 2],
  ['synchronous', 'FULL', 2],
] as const

export interface ConnectionOptions {
  readonly file: string
  readonly readOnly: boolean
  readonly guest?: Guest
}

/**
 * How a database is opened by one who is not its server, and leaves its files as they are. `beside`:
 * a server has it open, or this connection may write. `still`: nobody has, and nothing is waiting in
 * a log. `unsettled`: a server left without settling its log, which is read and not recovered.
 */
export type Guest = 'beside' | 'still' | 'unsettled'

/** SQLite would make the files of its log, or write into them, even to read. */
const guestParameters: Readonly<Record<Guest, string>> = {
  beside: '',
  still: 'immutable=1',
  unsettled: 'readonly_shm=1',
}

/** A guest may wait longer: it has a process to itself, and the server writes all the time. */
const guest_timeout_ms = 1_000

export class SqliteConnection {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, Prepared>()

  constructor({ file, readOnly, guest }: ConnectionOptions) {
    if (!readOnly && !guest) keepPrivate(file)
    const timeout_ms = guest ? guest_timeout_ms : busy_timeout_ms
    this.#db = new DatabaseSync(guest ? addressFor(file, guest) : file, {
      readOnly,
      timeout: timeout_ms,
      enableForeignKeyConstraints: false,
      enableDoubleQuotedStringLiterals: false,
      allowExtension: false,
    })
    try {
      this.#configure(readOnly, guest)
      this.#set('busy_timeout', timeout_ms, timeout_ms)
    } catch (error) {
      this.#db.close()
      throw translated(error)
    }
  }

  #configure(readOnly: boolean, guest: Guest | undefined): void {
    this.#db.enableDefensive(true)
    if (!readOnly && !guest) this.#db.exec('PRAGMA journal_mode = WAL')
    if (guest !== 'still') {
      assert(this.pragma('journal_mode') === 'wal', 'SQLite keeps a write-ahead log')
    }
    for (const [name, value, expected] of settings) this.#set(name, value, expected)
  }

  #set(name: string, value: string | number, expected: number): void {
    this.#db.exec(`PRAGMA ${name} = ${value}`)
    assert(this.pragma(name) === expected, `SQLite takes ${name} = ${value}`)
  }

  /** False, too, after an error that made SQLite undo the whole transaction. */
  get isTransaction(): boolean {
    return this.#db.isTransaction
  }

  /** What a setting is now. */
  pragma(name: string): unknown {
    return Object.values(this.#db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
  }

  /** Runs a statement afresh: settings act when they are prepared, so they must not be cached. */
  exec(sql: string): void {
    try {
      this.#db.exec(sql)
    } catch (error) {
      throw translated(error)
    }
  }

  all(sql: string, values: readonly unknown[] = []): unknown[] {
    try {
      const { statement, columns } = this.#prepared(sql)
      const rows: unknown[] = statement.all(...inputs(values))
      for (let at = 0; at < rows.length; at++) rows[at] = toRow(columns, rows[at])
      return rows
    } catch (error) {
      throw translated(error)
    }
  }

  first(sql: string, values: readonly unknown[] = []): unknown {
    try {
      const { statement, columns } = this.#prepared(sql)
      const row = statement.get(...inputs(values))
      return row && toRow(columns, row)
    } catch (error) {
      throw translated(error)
    }
  }

  /** How many rows the statement changed. */
  run(sql: string, values: readonly unknown[] = []): number {
    try {
      return Number(this.#prepared(sql).statement.run(...inputs(values)).changes)
    } catch (error) {
      throw translated(error)
    }
  }

  /** Does all of `change` or nothing. */
  atomically(change: () => void): void {
    this.exec('BEGIN IMMEDIATE')
    try {
      change()
      this.exec('COMMIT')
    } catch (error) {
      if (this.isTransaction) this.exec('ROLLBACK')
      throw error
    }
  }

  close(): void {
    this.#statements.clear()
    this.#db.close()
  }

  /** When there are too many, the oldest makes room: nobody has so many, and order costs each call. */
  #prepared(sql: string): Prepared {
    const known = this.#statements.get(sql)
    if (known) return known
    const prepared = prepare(this.#db, sql)
    this.#statements.set(sql, prepared)
    if (this.#statements.size > statements_max) {
      const [oldest] = this.#statements.keys()
      if (oldest !== undefined) this.#statements.delete(oldest)
    }
    return prepared
  }
}

interface Prepared {
  readonly statement: StatementSync
  /** The names of what a row of its answer holds. */
  readonly columns: readonly string[]
}

/** Rows come as bare values: the driver's own objects have no prototype and take twice as long. */
function prepare(db: DatabaseSync, sql: string): Prepared {
  const statement = db.prepare(sql)
  statement.setReturnArrays(true)
  return { statement, columns: statement.columns().map(({ name }) => name) }
}

/**
 * Only the owner may read the file and its log, which takes over the file's mode. An existing file
 * is never opened here: closing it again would drop the locks this process holds on it (POSIX).
 */
export function keepPrivate(file: string): void {
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600))
  for (const each of [file, `${file}-wal`, `${file}-shm`]) {
    if (existsSync(each)) chmodSync(each, 0o600)
  }
}

function addressFor(file: string, guest: Guest): URL {
  const url = pathToFileURL(file)
  url.search = guestParameters[guest]
  return url
}

/** The driver itself refuses what SQLite cannot hold. */
function inputs(values: readonly unknown[]): SQLInputValue[] {
  return values as SQLInputValue[]
}

function toRow(columns: readonly string[], row: unknown): object {
  const values = row as readonly unknown[]
  const named: Record<string, unknown> = {}
  let at = 0
  for (const column of columns) named[column] = values[at++]
  return named
}

/** SQLite's primary result codes. */
const busy = 5
const corrupt = 11
const full = 13
const notADatabase = 26

/** A full disk and a locked file have a public face; any other error stays what it is. */
function translated(error: unknown): unknown {
  if (isBusy(error)) return new LocketError('unavailable', undefined, { cause: error })
  const isFull = primaryCode(error) === full
  return isFull ? new LocketError('storage_full', undefined, { cause: error }) : error
}

/** Whether another connection held the file for too long. */
export function isBusy(error: unknown): boolean {
  return primaryCode(error) === busy
}

/** Whether the file is not what SQLite wrote. */
export function isDamaged(error: unknown): boolean {
  const code = primaryCode(error)
  return code === corrupt || code === notADatabase
}

function primaryCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
}
