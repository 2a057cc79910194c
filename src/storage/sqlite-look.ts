/**
 * The embedded engine's file as it is, beside the server that has it or while nobody does. No file is
 * made, changed or removed: what SQLite does by itself to read a write-ahead log is kept from it.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LocketError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import type { Transaction } from './database.ts'
import { lockFile } from './directory-lock.ts'
import type { Change, Look } from './look.ts'
import { countApplied, migrations } from './migrations.ts'
import { type Guest, isBusy, SqliteConnection } from './sqlite-connection.ts'
import { sqliteStatements } from './sqlite-statements.ts'
import { StrictTransaction } from './transaction.ts'
import { Turns } from './turns.ts'

/** Whether a server has the directory of this file. */
function isServed(file: string): boolean {
  const lock = join(dirname(file), lockFile)
  if (!existsSync(lock)) return false
  const probe = new DatabaseSync(lock, { readOnly: true, timeout: 0 })
  try {
    probe.prepare('SELECT count(*) FROM sqlite_schema').get()
    return false
  } catch (error) {
    if (isBusy(error)) return true
    throw error
  } finally {
    probe.close()
  }
}

function guestOf(file: string): Guest {
  if (isServed(file)) return 'beside'
  return existsSync(`${file}-wal`) ? 'unsettled' : 'still'
}

/** Opens the file, which must be there. */
export function lookAtSqlite(file: string): Look {
  const guest = guestOf(file)
  const reader = new SqliteConnection({ file, readOnly: true, guest })
  const turns = new Turns()

  const read = async <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => {
    if (turns.taken >= limits.readQueue_max) throw new LocketError('unavailable')
    return turns.take(async () => {
      const value = await undone(reader, { begin: 'BEGIN', work, writable: false })
      // Whoever reads a file that is taken to stand still may see half of what a server writes.
      if (guest === 'still' && existsSync(`${file}-wal`)) {
        throw new LocketError('unavailable', 'A server has started meanwhile.')
      }
      return value
    })
  }

  return {
    engine: 'sqlite',
    pending: async () => turns.take(async () => pendingIn(reader)),
    read,
    rehearse: guest === 'unsettled' ? null : (change) => turns.take(() => rehearse(file, change)),
    close: async () => turns.take(async () => reader.close()),
  }
}

function pendingIn(reader: SqliteConnection): readonly string[] | null {
  const known = migrations.map(({ name }) => name)
  const table = reader.first(
    "SELECT count(*) AS found FROM sqlite_schema WHERE name = 'migrations'",
  )
  if ((table as { found: number }).found === 0) return null
  const rows = reader.all('SELECT name FROM migrations ORDER BY name')
  return known.slice(
    countApplied(
      rows.map((row) => (row as { name: string }).name),
      migrations,
    ),
  )
}

async function rehearse(file: string, change: Change): Promise<void> {
  const writer = new SqliteConnection({ file, readOnly: false, guest: 'beside' })
  try {
    await undone(writer, { begin: 'BEGIN IMMEDIATE', work: change, writable: true })
  } finally {
    writer.close()
  }
}

interface Work<T> {
  readonly begin: string
  readonly work: (tx: Transaction) => Promise<T>
  readonly writable: boolean
}

async function undone<T>(connection: SqliteConnection, { begin, ...rest }: Work<T>): Promise<T> {
  const tx = new StrictTransaction(sqliteStatements(connection), rest.writable)
  connection.exec(begin)
  try {
    const value = await rest.work(tx.view())
    if (tx.failure) throw tx.failure.error
    return value
  } finally {
    tx.end()
    if (connection.isTransaction) connection.exec('ROLLBACK')
  }
}
