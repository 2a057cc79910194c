import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { LocketError } from '../core/errors.ts'
import { SqliteConnection } from './sqlite-connection.ts'

function connect(t: TestContext) {
  const file = join(temporaryDirectory(t), 'locket.db')
  const connection = new SqliteConnection({ file, readOnly: false })
  t.after(() => connection.close())
  return { connection, file }
}

test('what keeps the data safe is on', (t) => {
  const { connection } = connect(t)
  const expected = {
    journal_mode: 'wal',
    synchronous: 2,
    secure_delete: 1,
    trusted_schema: 0,
    cell_size_check: 1,
    temp_store: 2,
  }
  for (const [name, value] of Object.entries(expected)) {
    assert.equal(connection.pragma(name), value, name)
  }
})

test('ordinary SQL cannot corrupt the file', (t) => {
  const { connection } = connect(t)
  connection.exec('PRAGMA writable_schema = ON')
  assert.throws(() => connection.exec('DELETE FROM sqlite_schema'), /may not be modified/)
})

test('a statement is prepared once; and when there are too many, the oldest makes room', (t) => {
  const { connection } = connect(t)
  const prepare = t.mock.method(DatabaseSync.prototype, 'prepare')
  const preparing = (sql: string) => {
    const before = prepare.mock.callCount()
    connection.first(sql)
    return prepare.mock.callCount() - before
  }
  assert.equal(preparing('SELECT 0'), 1)
  assert.equal(preparing('SELECT 1'), 1)
  assert.equal(preparing('SELECT 0'), 0)
  for (let index = 2; index <= 500; index += 1) preparing(`SELECT ${index}`)
  assert.equal(preparing('SELECT 1'), 0)
  assert.equal(preparing('SELECT 0'), 1)
  assert.equal(preparing('SELECT 2'), 0)
  assert.equal(preparing('SELECT 1'), 1)
})

test('a file that another holds is unavailable', (t) => {
  const { connection, file } = connect(t)
  const other = new DatabaseSync(file)
  t.after(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  assert.throws(
    () => connection.exec('BEGIN IMMEDIATE'),
    (error) => error instanceof LocketError && error.code === 'unavailable',
  )
})
