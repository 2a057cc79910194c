/**
 * One connection to a SQLite file, with everything that makes it safe switched on and read back:
 * a setting that SQLite ignores in silence must not pass for one that holds.
 */
import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { assert } from '../core/assert.ts'
import { LocketError } from '../core/errors.ts'

/** The queries are constants, so this is reached only if someone starts to build them. */
const statements_max = 500

/** Nobody else has the file open; waiting blocks the whole process, so it is short. */
export const busy_timeout_ms = 100

/** Each setting and what it must read as afterwards. */
const settings = [
  ['busy_timeout', busy_timeout_ms, busy_timeout_ms],
  ['secure_delete', 'ON', 1],
  ['trusted_schema', 'OFF', 0],
  ['cell_size_check', 'ON', 1],
  ['temp_store', 'MEMORY', 2],
  ['synchronous', 'FULL', 2],
] as const

export interface ConnectionOptions {
  readonly file: string
  readonly readOnly: boolean
}

export class SqliteConnection {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor({ file, readOnly }: ConnectionOptions) {
    if (!readOnly) keepPrivate(file)
    this.#db = new DatabaseSync(file, {
      readOnly,
      timeout: busy_timeout_ms,
      enableForeignKeyConstraints: false,
      enableDoubleQuotedStringLiterals: false,
      allowExtension: false,
    })
    try {
      this.#configure(readOnly)
    } catch (error) {
      this.#db.close()
      throw translated(error)
    }
  }

  #configure(readOnly: boolean): void {
    this.#db.enableDefensive(true)
    if (!readOnly) this.#db.exec('PRAGMA journal_mode = WAL')
    assert(this.pragma('journal_mode') === 'wal', 'SQLite keeps a write-ahead log')
    for (const [name, value, expected] of settings) {
      this.#db.exec(`PRAGMA ${name} = ${value}`)
      assert(this.pragma(name) === expected, `SQLite takes ${name} = ${value}`)
    }
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
    attempt(() => this.#db.exec(sql))
  }

  all(sql: string, values: readonly unknown[] = []): unknown[] {
    return attempt(() => this.#prepared(sql).all(...inputs(values))).map(plain)
  }

  first(sql: string, values: readonly unknown[] = []): unknown {
    const row = attempt(() => this.#prepared(sql).get(...inputs(values)))
    return row === undefined ? undefined : plain(row)
  }

  /** How many rows the statement changed. */
  run(sql: string, values: readonly unknown[] = []): number {
    return Number(attempt(() => this.#prepared(sql).run(...inputs(values))).changes)
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

  /** The least recently used statement makes room. */
  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) this.#statements.delete(sql)
    const statement = known ?? this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    if (this.#statements.size > statements_max) {
      const [oldest] = this.#statements.keys()
      if (oldest !== undefined) this.#statements.delete(oldest)
    }
    return statement
  }
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

/** The driver itself refuses what SQLite cannot hold. */
function inputs(values: readonly unknown[]): SQLInputValue[] {
  return values as SQLInputValue[]
}

/** The driver's rows have no prototype; those of the other engine do. */
function plain(row: object): object {
  return { ...row }
}

function attempt<T>(statement: () => T): T {
  try {
    return statement()
  } catch (error) {
    throw translated(error)
  }
}

/** SQLite's primary result codes. */
const busy = 5
const full = 13

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

function primaryCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
}
