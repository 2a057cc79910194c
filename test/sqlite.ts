/** The file of the embedded engine, as whoever has it can use it. */
import { copyFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { openSqlite } from '../src/storage/sqlite.ts'
import type { Cell, Row, Sql, TestData } from './test-data.ts'

const busy_timeout_ms = 5_000

/** The database in one file, which need not be there yet. */
export function sqliteData(file: string): TestData {
  const opened = <T>(work: (db: DatabaseSync) => T): T => {
    const db = new DatabaseSync(file, { timeout: busy_timeout_ms })
    try {
      return work(db)
    } finally {
      db.close()
    }
  }
  const sql: Sql = async (text, ...values) => opened((db) => rowsOf(db, text, values))
  let backups = 0
  return {
    config: null,
    open: (log) => openSqlite({ file, log }),
    sql,
    // To open a file reads its schema, which takes longer than most questions.
    ask: async (questions) =>
      opened((db) => {
        db.exec('BEGIN')
        return questions.map((text) => rowsOf(db, text, []))
      }),
    bytesOf: (text) => `cast(${text} as blob)`,
    refuseInserts: async (table) => {
      const refuse = "begin select raise(abort, 'refused by the test'); end"
      await sql(`create trigger refuse before insert on ${table} ${refuse}`)
      return async () => {
        await sql('drop trigger refuse')
      }
    },
    backup: async () => {
      backups += 1
      const copy = `${file}.backup-${backups}`
      await sql('vacuum into ?', copy)
      return async () => copyFileSync(copy, file)
    },
    copyOutside: async () => null,
  }
}

function rowsOf(db: DatabaseSync, text: string, values: readonly Cell[]): Row[] {
  const rows = db.prepare(text).all(...values)
  return rows.map((row) => ({ ...row }) as Row)
}
