/** Migrates the database in argv and is killed between two statements of the migration. */
import { createLog } from '../../src/core/log.ts'
import { openSqlite } from '../../src/storage/sqlite.ts'

const statements = [
  'CREATE TABLE half (id INTEGER) STRICT',
  'CREATE TABLE done (id INTEGER) STRICT',
]
Object.defineProperty(statements, 1, { get: () => process.kill(process.pid, 'SIGKILL') })

const migrations = [{ name: '001-interrupted', sqlite: statements, postgres: [] }]
await openSqlite({ file: process.argv[2] ?? '', log: createLog('silent'), migrations })
