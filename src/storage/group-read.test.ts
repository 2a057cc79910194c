import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { add, ids } from '../../test/contract/database.ts'
import { credentials } from '../../test/contract/queries.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { limits } from '../core/limits.ts'
import { createLog } from '../core/log.ts'
import type { Database, Transaction } from './database.ts'
import { openSqlite } from './sqlite.ts'
import { SqliteConnection } from './sqlite-connection.ts'

async function open(t: TestContext): Promise<Database> {
  const file = join(temporaryDirectory(t), 'locket.db')
  const db = await openSqlite({ file, log: createLog('silent') })
  t.after(() => db.close())
  return db
}

const look = async (tx: Transaction): Promise<number> => (await tx.all(credentials, {})).length

test('reads of one round share a snapshot, up to a bound', async (t) => {
  const db = await open(t)
  const run = t.mock.method(SqliteConnection.prototype, 'run')
  // However busy the machine is, no time goes by.
  t.mock.method(performance, 'now', () => 0)
  const count = limits.readGroup_max + 1
  const seen = await Promise.all(Array.from({ length: count }, () => db.read(look)))
  assert.deepEqual(seen, Array(count).fill(0))
  const begun = run.mock.calls.filter((call) => call.arguments[0] === 'BEGIN')
  assert.equal(begun.length, 2)
})

test('a read sees what was committed before it was asked for, even while others are being read', async (t) => {
  const db = await open(t)
  const held = Promise.withResolvers<void>()
  const slow = db.read(async (tx) => {
    const before = await look(tx)
    await held.promise
    return [before, await look(tx)]
  })
  await new Promise(setImmediate)
  await db.write(add('a'), 'full')
  const later = db.read(look)
  held.resolve()
  assert.deepEqual(await slow, [0, 0], 'one snapshot from beginning to end')
  assert.equal(await later, 1)
})

test('reads that take long let all else of the process have its turn, and keep their order', async (t) => {
  const db = await open(t)
  const seen: string[] = []
  const slow = (name: string) => async (tx: Transaction) => {
    await look(tx)
    const end = performance.now() + 2 * limits.readGroup_ms
    while (performance.now() < end);
    seen.push(name)
  }
  const reads = ['a', 'b', 'c'].map((name) => db.read(slow(name)))
  await reads[0]
  setImmediate(() => seen.push('else'))
  await Promise.all(reads)
  assert.deepEqual(
    seen.filter((name) => name !== 'else'),
    ['a', 'b', 'c'],
  )
  assert.ok(seen.slice(0, 3).includes('else'), seen.join())
})

test('a read that fails takes no other along', async (t) => {
  const db = await open(t)
  await db.write(add('a'), 'full')
  const failure = new Error('mine')
  const [one, other, third] = await Promise.allSettled([
    db.read(look),
    db.read(async (tx) => {
      await look(tx)
      throw failure
    }),
    db.read(look),
  ])
  assert.deepEqual([one, third], Array(2).fill({ status: 'fulfilled', value: 1 }))
  assert.deepEqual(other, { status: 'rejected', reason: failure })
  assert.deepEqual(await ids(db), ['a'])
})

test('what waits is read before the end, and nothing after it', async (t) => {
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const db = await openSqlite({ file: join(temporaryDirectory(t), 'locket.db'), log })
  const reads = Promise.all(Array.from({ length: 100 }, () => db.read(look)))
  await db.close()
  await new Promise(setImmediate)
  assert.deepEqual(lines, [])
  assert.deepEqual(await reads, Array(100).fill(0))
  await assert.rejects(db.read(look), { code: 'unavailable' })
})
