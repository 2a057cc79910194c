import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { add, ids } from '../../test/contract/database.ts'
import { credentials } from '../../test/contract/queries.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { limits } from '../core/limits.ts'
import { createLog } from '../core/log.ts'
import type { Sealed } from '../crypto/aead.ts'
import type { Database, ReadOptions, Transaction, WriteOptions } from './database.ts'
import { insertEvent } from './insert-event.ts'
import { query } from './query.ts'
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

const withoutEvents: ReadOptions = { withoutEvents: true }
const beside: WriteOptions = { durability: 'relaxed', touches: 'events' }

const ofAudit: WriteOptions = { durability: 'full', touches: 'audit' }

const tenant = 'ten_1'

const event = {
  tenant,
  time: 1,
  class: 'read',
  action: 'memory.recalled',
  outcome: 'allowed',
  actor_id: null,
  resource_id: null,
  scope: 'tenant',
  commitment: new Uint8Array(32),
  origin: null,
  body: new Uint8Array(600) as Sealed,
  proof: null,
} as const
const eventRows = query((db, _arg: object) => db.selectFrom('audit_events').select('event_id'))

let made = 0
const addEvent = (tx: Transaction) => tx.run(insertEvent, { ...event, event_id: `evt_${made++}` })
const place = query((db, arg: { leaf: number }) =>
  db.updateTable('audit_events').set({ leaf: arg.leaf }).where('leaf', 'is', null),
)
const placeEvents = (tx: Transaction) => tx.run(place, { leaf: made })
const events = async (tx: Transaction) => (await tx.all(eventRows, {})).length

/** Counts the snapshots of reads; changes begin in another way. */
function snapshots(t: TestContext): () => number {
  const run = t.mock.method(SqliteConnection.prototype, 'run')
  return () => run.mock.calls.filter((call) => call.arguments[0] === 'BEGIN').length
}

describe('reads that ask for no events go on with a snapshot', () => {
  test('while nothing but the audit is changed', async (t) => {
    const db = await open(t)
    const begun = snapshots(t)
    for (let at = 0; at < 10; at += 1) {
      assert.equal(await db.read(look, withoutEvents), 0)
      await db.write(addEvent, beside)
      await db.write(placeEvents, ofAudit)
    }
    assert.equal(begun(), 1)
    assert.equal(await db.read(events), 10, 'who asks for events sees all of them')
    const [seen] = await Promise.all([db.read(events), db.read(look, withoutEvents)])
    assert.equal(seen, 10)
  })

  for (const [what, durability] of [
    ['a change', 'full'],
    ['a change that waits for no disk', 'relaxed'],
  ] as const) {
    test(`until ${what} is committed, which they see at once`, async (t) => {
      const db = await open(t)
      for (let at = 0; at < 5; at += 1) {
        assert.equal(await db.read(look, withoutEvents), at)
        await Promise.all([db.write(addEvent, beside), db.write(add(`a${at}`), durability)])
      }
    })
  }

  test('until another program changes something', async (t) => {
    const { db, other } = await openTwice(t)
    for (let at = 0; at < 5; at += 1) {
      assert.equal(await db.read(look, withoutEvents), at)
      other.run(`INSERT INTO credential_directory VALUES ('b${at}', 'ten_1')`)
    }
  })

  test('and not for long, however many there are: the log is emptied all the same', async (t) => {
    const { db, other, file } = await openTwice(t)
    const begun = snapshots(t)
    for (let at = 0; at < 3_000; at += 1) {
      await db.read(look, withoutEvents)
      await db.write(addEvent, beside)
    }
    assert.ok(begun() < 1_000, `${begun()} snapshots`)
    assert.ok(statSync(`${file}-wal`).size < 8 * 1024 * 1024, `${statSync(`${file}-wal`).size}`)
    await db.read(look, withoutEvents)
    await pause(1_100)
    const emptied = other.first('PRAGMA wal_checkpoint(TRUNCATE)') as { busy: number }
    assert.equal(emptied.busy, 0, 'nobody reads any more')
  })

  test('and the log is emptied while events come all the time', async (t) => {
    const { db, file } = await openTwice(t)
    const end = performance.now() + 5_000
    while (performance.now() < end) {
      await db.read(look, withoutEvents)
      await Promise.all(Array.from({ length: 40 }, () => db.write(addEvent, beside)))
      await pause(1)
    }
    assert.ok(statSync(`${file}-wal`).size < 24 * 1024 * 1024, `${statSync(`${file}-wal`).size}`)
  })

  test('which is none any more when the files are cleaned, or the database is closed', async (t) => {
    const { db, file } = await openTwice(t)
    await db.write(addEvent, beside)
    await db.read(look, withoutEvents)
    await db.scrub()
    assert.equal(statSync(`${file}-wal`).size, 0)
    assert.equal(await db.read(look, withoutEvents), 0)
    await db.close()
  })

  test('and are refused what they have said that they do not ask for', async (t) => {
    const db = await open(t)
    await assert.rejects(db.read(events, withoutEvents), /what it has said/)
    await assert.rejects(db.write(add('a'), beside), /what it has said/)
    await assert.rejects(db.write(add('a'), ofAudit), /what it has said/)
    assert.equal(await db.read(look, withoutEvents), 0)
  })
})

async function openTwice(t: TestContext) {
  const file = join(temporaryDirectory(t), 'locket.db')
  const db = await openSqlite({ file, log: createLog('silent') })
  const other = new SqliteConnection({ file, readOnly: false, guest: 'beside' })
  t.after(async () => {
    other.close()
    await db.close()
  })
  return { db, other, file }
}
