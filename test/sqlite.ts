/** The file of the embedded engine, as whoever has it can use it. */
import { copyFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { openSqlite } from '../src/storage/sqlite.ts'
import type { Row, Sql, TestData } from './test-data.ts'

const busy_timeout_ms = 5_000

/** The database in one file, which need not be there yet. */
export function sqliteData(file: string): TestData {
  const sql: Sql = async (text, ...values) => {
    const db = new DatabaseSync(file, { timeout: busy_timeout_ms })
    try {
      const rows = db.prepare(text).all(...values)
      return rows.map((row) => ({ ...row }) as Row)
    } finally {
      db.close()
    }
  }
  let backups = 0
  return {
    config: null,
    open: (log) => openSqlite({ file, log }),
    sql,
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
