import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { add, databaseContract, ids } from '../../test/contract/database.ts'
import { addAnswer, addKey, keysOf, setKey } from '../../test/contract/queries.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { LocketError } from '../core/errors.ts'
import type { Id } from '../core/ids.ts'
import { createLog } from '../core/log.ts'
import type { Sealed } from '../crypto/aead.ts'
import type { Blind } from '../crypto/blind-index.ts'
import type { Database, Transaction } from './database.ts'
import { openSqlite, type SqliteOptions } from './sqlite.ts'

const log = createLog('silent')

async function open(t: TestContext, options: Partial<SqliteOptions> = {}) {
  const file = join(temporaryDirectory(t), 'locket.db')
  const db = await openSqlite({ file, log, ...options })
  t.after(() => db.close())
  return { db, file }
}

databaseContract('sqlite', (work) => (t) => open(t).then(({ db }) => work(db)))

/** Each commit leaves one marked frame in the write-ahead log (sqlite.org/fileformat.html). */
function commitsInLog(file: string): number {
  const wal = readFileSync(`${file}-wal`)
  if (wal.length === 0) return 0
  const page_bytes = wal.readUInt32BE(8)
  const salts = wal.subarray(16, 24)
  let commits = 0
  for (let at = 32; at < wal.length; at += 24 + page_bytes) {
    const current = wal.subarray(at + 8, at + 16).equals(salts)
    if (current && wal.readUInt32BE(at + 4) > 0) commits += 1
  }
  return commits
}

test('32 concurrent writes are one commit', async (t) => {
  const { db, file } = await open(t)
  await db.scrub()
  assert.equal(commitsInLog(file), 0)
  await Promise.all(Array.from({ length: 32 }, (_, index) => db.write(add(`id-${index}`), 'full')))
  assert.equal(commitsInLog(file), 1)
  await db.write(add('alone'), 'full')
  assert.equal(commitsInLog(file), 2)
})

test('full and relaxed writes never share a commit', async (t) => {
  const { db, file } = await open(t)
  await db.scrub()
  await Promise.all(
    Array.from({ length: 32 }, (_, index) =>
      db.write(add(`id-${index}`), index % 2 ? 'full' : 'relaxed'),
    ),
  )
  assert.equal(commitsInLog(file), 2)
})

test('nobody else may read the files', async (t) => {
  const { db, file } = await open(t)
  await db.write(add('a'), 'full')
  for (const each of [file, `${file}-wal`, `${file}-shm`]) {
    assert.equal(statSync(each).mode & 0o777, 0o600, each)
  }
})

/** A write that needs more pages than a test of a full disk gives. */
const tooLarge = (tx: Transaction) => {
  const hash = Uint8Array.of(1) as Blind
  return tx.run(addAnswer, { hash, answer: new Uint8Array(1_000_000) as Sealed, expires: 0 })
}

const storageFull = (error: unknown) =>
  error instanceof LocketError && error.code === 'storage_full'

test('on a full disk one work fails, the others of its group are committed', async (t) => {
  const { db } = await open(t, { pageCountMax: 100 })
  const works = [add('a'), add('b'), tooLarge, add('c'), tooLarge, add('d')]
  const outcomes = await Promise.allSettled(works.map((work) => db.write(work, 'full')))
  for (const [index, outcome] of outcomes.entries()) {
    if (works[index] !== tooLarge) assert.equal(outcome.status, 'fulfilled')
    else assert.ok(outcome.status === 'rejected' && storageFull(outcome.reason))
  }
  assert.deepEqual(await ids(db), ['a', 'b', 'c', 'd'])
})

test('a full disk cannot be ignored: nothing is written outside a transaction', async (t) => {
  const { db } = await open(t, { pageCountMax: 100 })
  const stubborn = async (tx: Transaction) => {
    await add('before')(tx)
    await assert.rejects(
      tx.savepoint(() => tooLarge(tx)),
      storageFull,
    )
    await assert.rejects(add('after')(tx), storageFull)
    return 'done'
  }
  const [first, ignored] = await Promise.allSettled([
    db.write(add('a'), 'full'),
    db.write(stubborn, 'full'),
  ])
  assert.equal(first.status, 'fulfilled')
  assert.ok(ignored.status === 'rejected' && storageFull(ignored.reason))
  assert.deepEqual(await ids(db), ['a'])
})

test('a foreign reader is waited for by scrub, but not for ever', async (t) => {
  const { db, file } = await open(t)
  await db.write(add('a'), 'full')
  const foreign = new DatabaseSync(file, { readOnly: true })
  t.after(() => foreign.close())
  foreign.exec('BEGIN')
  foreign.prepare('SELECT * FROM credential_directory').all()
  await db.write(add('b'), 'full')
  await assert.rejects(db.scrub(), /keeps the database from being scrubbed/)
  setTimeout(() => foreign.exec('COMMIT'), 50)
  await db.scrub()
  assert.equal(statSync(`${file}-wal`).size, 0)
})

/** Bytes that stand nowhere else, the same in every run. */
function bytes(name: string, size: number): Sealed {
  const parts = Array.from({ length: Math.ceil(size / 32) }, (_, index) =>
    createHash('sha256').update(`${name} ${index}`).digest(),
  )
  return new Uint8Array(Buffer.concat(parts).subarray(0, size)) as Sealed
}

/** Which of `secrets` left so much as 8 bytes in a file of the directory. */
function remainders(directory: string, secrets: readonly Uint8Array[]): number {
  const seen = new Set<bigint>()
  for (const name of readdirSync(directory)) {
    const content = readFileSync(join(directory, name))
    for (let at = 0; at + 8 <= content.length; at += 1) seen.add(content.readBigUInt64LE(at))
  }
  return secrets.filter((secret) => {
    const view = Buffer.from(secret)
    return Array.from({ length: view.length >> 3 }, (_, index) => index * 8).some((at) =>
      seen.has(view.readBigUInt64LE(at)),
    )
  }).length
}

/** Grows and shrinks rows, so that SQLite moves them between pages. */
test('after scrub no byte of an overwritten key is in any file', async (t) => {
  const { db, file } = await open(t)
  const put = async (round: number, spaces: readonly Id<'spc'>[], grow: number) => {
    const wrapped = spaces.map((space) => {
      const name = `${round} ${space}`
      const [chance = 0] = bytes(`size of ${name}`, 1)
      return bytes(name, 90 + Math.floor((chance * grow) / 255))
    })
    const change = round === 0 ? addKey : setKey
    for (const [index, space] of spaces.entries()) {
      const value = wrapped[index] as Sealed
      await db.write((tx) => tx.run(change, { space, wrapped: value }), 'relaxed')
    }
    return wrapped
  }
  const spaces = Array.from({ length: 1_500 }, (_, index): Id<'spc'> => `spc_${index}`)
  const first = await put(0, spaces, 40)
  const second = await put(1, everyNth(spaces, 3), 400)
  await put(2, everyNth(spaces, 2), 0)
  const before = await db.read((tx) => tx.all(keysOf, {}))
  const alive = new Set(before.map((row) => Buffer.from(row.wrapped).toString('hex')))
  const gone = [...first, ...second].filter((key) => !alive.has(Buffer.from(key).toString('hex')))
  await db.scrub()
  assert.equal(remainders(join(file, '..'), gone), 0)
  assert.deepEqual(await db.read((tx) => tx.all(keysOf, {})), before)
})

function everyNth<T>(items: readonly T[], n: number): T[] {
  return items.filter((_, index) => index % n === 0)
}

/** Reads what a program prints until it has `lines` whole lines, then kills it as a crash would. */
async function killAfter(child: ChildProcess, lines: number): Promise<string[]> {
  let printed = ''
  child.stdout?.on('data', (chunk) => {
    printed += String(chunk)
    if (printed.split('\n').length > lines) child.kill('SIGKILL')
  })
  await once(child, 'close')
  return printed.split('\n').slice(0, -1)
}

test('kill -9 under load loses nothing that was acknowledged', async (t) => {
  const file = join(temporaryDirectory(t), 'locket.db')
  const program = join(import.meta.dirname, '../../test/programs/write-until-killed.ts')
  const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const acknowledged = await killAfter(child, 500)
  assert.ok(acknowledged.length >= 500)
  const db: Database = await openSqlite({ file, log })
  t.after(() => db.close())
  const kept = new Set(await ids(db))
  assert.deepEqual(
    acknowledged.filter((id) => !kept.has(id)),
    [],
  )
})
