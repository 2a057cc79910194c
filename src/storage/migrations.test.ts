import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import type { Column } from './column.ts'
import { type Migration, migrate, migrations } from './migrations.ts'
import { primaryKeys } from './primary-keys.ts'
import { SqliteConnection } from './sqlite-connection.ts'
import { type TableName, tables } from './tables.ts'

function connect(t: TestContext, file = join(temporaryDirectory(t), 'locket.db')) {
  const connection = new SqliteConnection({ file, readOnly: false })
  t.after(() => connection.close())
  return connection
}

interface Shape {
  readonly name: string
  readonly type: string
  readonly nullable: boolean
  /** Its place in the primary key, from 1; 0 when it has none. */
  readonly key: number
}

const sqliteTypes = { text: 'TEXT', integer: 'INTEGER', bytes: 'BLOB' } as const

function declared(table: TableName): Shape[] {
  const key: readonly string[] = primaryKeys[table]
  return Object.entries<Column<unknown>>(tables[table]).map(([name, column]) => ({
    name,
    type: sqliteTypes[column.type],
    nullable: column.nullable,
    key: key.indexOf(name) + 1,
  }))
}

function found(connection: SqliteConnection, table: string): Shape[] {
  const rows = connection.all('SELECT * FROM pragma_table_info(?) ORDER BY cid', [table])
  return (rows as { name: string; type: string; notnull: number; pk: number }[]).map((row) => ({
    name: row.name,
    type: row.type,
    nullable: row.notnull === 0,
    key: row.pk,
  }))
}

function tableNames(connection: SqliteConnection): string[] {
  const rows = connection.all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
  return (rows as { name: string }[]).map((row) => row.name)
}

for (const table of Object.keys(tables) as TableName[]) {
  test(`the database has ${table} as tables.ts declares it`, (t) => {
    const connection = connect(t)
    migrate(connection, migrations)
    assert.deepEqual(found(connection, table), declared(table))
  })
}

test('the database has the declared tables, all strict, and no other', (t) => {
  const connection = connect(t)
  migrate(connection, migrations)
  assert.deepEqual(tableNames(connection), [...Object.keys(tables), 'migrations'].sort())
  const list = connection.all(
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND NOT strict",
  )
  assert.deepEqual(list, [{ name: 'sqlite_schema' }])
})

test('keys and unique indexes begin with the tenant', (t) => {
  const connection = connect(t)
  migrate(connection, migrations)
  const rows = connection.all(`
    SELECT tables.name || '.' || columns.name AS first
    FROM sqlite_schema AS tables, pragma_index_list(tables.name) AS indexes,
      pragma_index_info(indexes.name) AS columns
    WHERE tables.type = 'table' AND columns.seqno = 0 AND columns.name <> 'tenant_id'
    ORDER BY first`)
  assert.deepEqual(
    (rows as { first: string }[]).map((row) => row.first),
    [
      'credential_directory.public_id',
      'factors.expires_at',
      'idempotency_keys.expires_at',
      'instance.name',
      'mails.due_at',
      'memories.expires_at',
      'migrations.name',
      'passkey_challenges.expires_at',
      'password_links.expires_at',
      'principal_emails.expires_at',
      'provider_sign_ins.expires_at',
      'sign_ins.expires_at',
      'tenants.slug_index',
      'token_families.ends_at',
    ],
  )
})

/** Two rows that must not stand together: the second insert is refused. */
const refused = {
  'the same grant twice in a space': [
    "INSERT INTO grants VALUES ('t', '1', 'p', 'admin', 's', 0, 'p', x'')",
    "INSERT INTO grants VALUES ('t', '2', 'p', 'admin', 's', 0, 'p', x'')",
  ],
  'the same grant twice in the whole tenant': [
    "INSERT INTO grants VALUES ('t', '1', 'p', 'admin', NULL, 0, 'p', x'')",
    "INSERT INTO grants VALUES ('t', '2', 'p', 'admin', NULL, 0, 'p', x'')",
  ],
  'two memories with one sequence number': [
    "INSERT INTO memories VALUES ('t', '1', 's', 7, 'live', NULL, 1, NULL, NULL, NULL, NULL, NULL)",
    "INSERT INTO memories VALUES ('t', '2', 's', 7, 'live', NULL, 1, NULL, NULL, NULL, NULL, NULL)",
  ],
  "two memories with one caller's key": [
    "INSERT INTO memories VALUES ('t', '1', 's', 7, 'live', NULL, 1, x'01', NULL, NULL, NULL, NULL)",
    "INSERT INTO memories VALUES ('t', '2', 's', 8, 'live', NULL, 1, x'01', NULL, NULL, NULL, NULL)",
  ],
  'two principals with one handle': [
    "INSERT INTO principals VALUES ('t', '1', 'user', 'active', x'01', NULL, 0, 0, x'')",
    "INSERT INTO principals VALUES ('t', '2', 'user', 'active', x'01', NULL, 0, 0, x'')",
  ],
  'two spaces with one handle': [
    "INSERT INTO spaces VALUES ('t', '1', 'active', NULL, x'01', NULL, 0, 0, 0, 0, x'')",
    "INSERT INTO spaces VALUES ('t', '2', 'active', NULL, x'01', NULL, 0, 0, 0, 0, x'')",
  ],
  'two roles with one name': [
    "INSERT INTO roles VALUES ('t', '1', x'01', x'', 0, 0, x'')",
    "INSERT INTO roles VALUES ('t', '2', x'01', x'', 0, 0, x'')",
  ],
  'two tenants with one slug': [
    "INSERT INTO tenants VALUES ('t', 'active', 0, x'01', x'', 0, 0, x'')",
    "INSERT INTO tenants VALUES ('u', 'active', 0, x'01', x'', 0, 0, x'')",
  ],
} as const

for (const [what, [first, second]] of Object.entries(refused)) {
  test(`the database refuses ${what}`, (t) => {
    const connection = connect(t)
    migrate(connection, migrations)
    connection.exec(first)
    assert.throws(() => connection.exec(second), /UNIQUE constraint failed/)
  })
}

test('memories without a key do not get in the way of each other', (t) => {
  const connection = connect(t)
  migrate(connection, migrations)
  connection.exec(
    "INSERT INTO memories VALUES ('t', '1', 's', 1, 'live', NULL, 1, NULL, NULL, NULL, NULL, NULL)",
  )
  connection.exec(
    "INSERT INTO memories VALUES ('t', '2', 's', 2, 'live', NULL, 1, NULL, NULL, NULL, NULL, NULL)",
  )
})

test('what was stored before the second migration is there after it', (t) => {
  const connection = connect(t)
  migrate(connection, migrations.slice(0, 1))
  connection.exec("INSERT INTO memories VALUES ('t', '1', 's', 1, 'live', NULL, 1, NULL, x'07')")
  migrate(connection, migrations)
  const [row] = connection.all('SELECT state, record, content_index, embedding FROM memories')
  const kept = { state: 'live', record: new Uint8Array([7]), content_index: null, embedding: null }
  assert.deepEqual({ ...(row as object) }, kept)
})

test('what was stored before agents were counted counts for nobody', (t) => {
  const connection = connect(t)
  migrate(connection, migrations.slice(0, 3))
  connection.exec(
    "INSERT INTO memories VALUES ('t', '1', 's', 1, 'live', NULL, 1, NULL, NULL, NULL, NULL)",
  )
  migrate(connection, migrations)
  const [row] = connection.all('SELECT stored_by FROM memories')
  assert.deepEqual({ ...(row as object) }, { stored_by: null })
})

const migration = (name: string, ...sqlite: string[]): Migration => ({ name, sqlite, postgres: [] })
const one = migration('001-one', 'CREATE TABLE one (id INTEGER) STRICT')
const two = migration('002-two', 'CREATE TABLE two (id INTEGER) STRICT')

test('each migration runs once, and new ones are added', (t) => {
  const connection = connect(t)
  migrate(connection, [one])
  migrate(connection, [one])
  migrate(connection, [one, two])
  assert.deepEqual(tableNames(connection), ['migrations', 'one', 'two'])
})

test('a migration that fails leaves the database as it was, also of those before it', (t) => {
  const connection = connect(t)
  const broken: Migration = { ...two, sqlite: [...two.sqlite, 'CREATE TABLE one (id INTEGER)'] }
  assert.throws(() => migrate(connection, [one, broken]), /already exists/)
  assert.deepEqual(tableNames(connection), ['migrations'])
  migrate(connection, [one, two])
  assert.deepEqual(tableNames(connection), ['migrations', 'one', 'two'])
})

test('a migration interrupted by kill -9 leaves nothing half-done', async (t) => {
  const file = join(temporaryDirectory(t), 'locket.db')
  const program = join(import.meta.dirname, '../../test/programs/migrate-and-die.ts')
  const child = spawn(process.execPath, [program, file], { stdio: 'ignore' })
  const [, signal] = await once(child, 'exit')
  assert.equal(signal, 'SIGKILL')
  const connection = connect(t, file)
  assert.deepEqual(tableNames(connection), ['migrations'])
  migrate(connection, [one])
  assert.deepEqual(tableNames(connection), ['migrations', 'one'])
})

test('a database of a newer Locket is refused and not touched', (t) => {
  const connection = connect(t)
  migrate(connection, [one, two])
  assert.throws(() => migrate(connection, [one]), /written by a newer Locket \(migration 002-two\)/)
  const third = migration('003-three', 'CREATE TABLE three (id INTEGER)')
  assert.throws(() => migrate(connection, [one, third]), /newer Locket/)
  assert.deepEqual(tableNames(connection), ['migrations', 'one', 'two'])
})
