/** The embedded engine: one connection that writes, one that reads, both on one file. */
import { setTimeout as pause } from 'node:timers/promises'
import { LocketError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import type { Database, Durability, ReadOptions, Transaction, WriteOptions } from './database.ts'
import { type EventJournal, journalFile, openEventJournal } from './event-journal.ts'
import { GroupCommit } from './group-commit.ts'
import { GroupRead } from './group-read.ts'
import { type Migration, migrate, migrations } from './migrations.ts'
import { busy_timeout_ms, SqliteConnection } from './sqlite-connection.ts'
import { tables } from './tables.ts'

export interface SqliteOptions {
  readonly file: string
  readonly log: Log
  /** For tests of a full disk: how many pages the file may have. */
  readonly pageCountMax?: number
  /** For tests of migrations. */
  readonly migrations?: readonly Migration[]
}

const scrub_attempts_max = 10
const scrub_pause_ms = 100

/** Opens the file, creates it when new, and brings its schema up to date. */
export async function openSqlite(options: SqliteOptions): Promise<Database> {
  const { file, log } = options
  const writer = new SqliteConnection({ file, readOnly: false })
  try {
    migrate(writer, options.migrations ?? migrations)
    if (options.pageCountMax) writer.exec(`PRAGMA max_page_count = ${options.pageCountMax}`)
    const journal = openEventJournal({ file: journalFile(file), log })
    const reader = new SqliteConnection({ file, readOnly: true })
    return new SqliteDatabase({ writer, reader, journal, log })
  } catch (error) {
    writer.close()
    throw error
  }
}

interface Opened {
  readonly writer: SqliteConnection
  readonly reader: SqliteConnection
  readonly journal: EventJournal
  readonly log: Log
}

class SqliteDatabase implements Database {
  readonly engine = 'sqlite'
  readonly damagedNotes: number
  readonly #writer: SqliteConnection
  readonly #journal: EventJournal
  readonly #commits: GroupCommit
  readonly #reads: GroupRead
  #closing: Promise<void> | undefined
  /** Reads that wait until events are rows. */
  #settling = 0

  constructor({ writer, reader, journal, log }: Opened) {
    this.#writer = writer
    this.#journal = journal
    this.damagedNotes = journal.damaged
    const reads = new GroupRead({ connection: reader, log, version: () => versionOf(writer) })
    const committing = (onlyAudit: boolean): void => reads.committing(onlyAudit)
    this.#reads = reads
    this.#commits = new GroupCommit({ connection: writer, journal, log, committing })
  }

  get takesChanges(): boolean {
    return this.#closing === undefined
  }

  get queued(): Database['queued'] {
    return { writes: this.#commits.waiting, reads: this.#reads.waiting + this.#settling }
  }

  read<T>(work: (tx: Transaction) => Promise<T>, options?: ReadOptions): Promise<T> {
    if (!this.takesChanges || this.queued.reads >= limits.readQueue_max) {
      return Promise.reject(new LocketError('unavailable'))
    }
    if (options?.withoutEvents || this.#journal.waiting === 0) {
      return this.#reads.read(work, options)
    }
    this.#settling += 1
    const over = (): void => {
      this.#settling -= 1
    }
    const settled = this.#commits.settle().finally(over)
    return settled.then(
      () => this.#reads.read(work, options),
      (reason) => this.#reads.read(work, { ...options, eventsWithheld: reason }),
    )
  }

  /** There is one writer, so there is but one turn. */
  write<T>(work: (tx: Transaction) => Promise<T>, options: Durability | WriteOptions): Promise<T> {
    return this.#commits.write(work, options)
  }

  /** Our own reads are kept out meanwhile; a foreign one, of a backup say, is waited for. */
  async scrub(): Promise<void> {
    await this.#alone(() => rewriteSecrets(this.#writer))
    for (let attempt = 1; attempt <= scrub_attempts_max; attempt += 1) {
      if (await this.#alone(() => truncateLog(this.#writer))) return
      await pause(scrub_pause_ms)
    }
    throw new LocketError('unavailable', 'Another program keeps the database from being scrubbed.')
  }

  async close(): Promise<void> {
    this.#closing ??= this.#shut()
    return this.#closing
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LocketError('unavailable')
  }

  /** Runs `task` while neither connection has a transaction open. */
  async #alone<T>(task: () => T): Promise<T> {
    this.#assertOpen()
    return this.#reads.between(() => this.#commits.between(task))
  }

  async #shut(): Promise<void> {
    await this.#commits.close()
    await this.#reads.close()
    try {
      this.#journal.close()
    } finally {
      this.#writer.close()
    }
  }
}

/** Changes with every commit that is not this connection's own. */
function versionOf(writer: SqliteConnection): unknown {
  const row = writer.first('PRAGMA data_version') as { data_version: number }
  return row.data_version
}

/** Tables with a column that, once overwritten, must not be found in any file. */
const secretTables = Object.entries(tables)
  .filter(([, columns]) => Object.values(columns).some((one) => one.classification === 'secret'))
  .map(([name]) => name)

/**
 * `secure_delete` blanks a row where it stands, but when SQLite rebalances its pages it moves rows
 * and leaves what they were in the gaps (found by a test). Pages that are freed are blanked whole,
 * so the table is emptied and filled again; 10,000 keys take 25 ms.
 */
function rewriteSecrets(connection: SqliteConnection): void {
  connection.atomically(() => {
    for (const table of secretTables) {
      connection.exec(`CREATE TEMP TABLE moving AS SELECT * FROM main.${table} ORDER BY rowid`)
      connection.exec(`DELETE FROM main.${table}`)
      connection.exec(`INSERT INTO main.${table} SELECT * FROM moving`)
      connection.exec('DROP TABLE moving')
    }
  })
}

/** Empties the write-ahead log; false while somebody still reads from it. Does not wait itself. */
function truncateLog(connection: SqliteConnection): boolean {
  connection.exec('PRAGMA busy_timeout = 0')
  try {
    const state = connection.first('PRAGMA wal_checkpoint(TRUNCATE)') as { busy: number }
    return state.busy === 0
  } finally {
    connection.exec(`PRAGMA busy_timeout = ${busy_timeout_ms}`)
  }
}
