/** Who is at a database: a node that lost its place, and one that must be alone. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { LocketError } from '../src/core/errors.ts'
import { createLog } from '../src/core/log.ts'
import { insertInstance, markDeparture } from '../src/storage/instance.ts'
import { openPostgres } from '../src/storage/postgres.ts'
import { holdPresence, type PresenceOptions } from '../src/storage/postgres-presence.ts'
import { add, ids } from './contract/database.ts'
import { onlyOn } from './engine.ts'
import { createDatabase, type PostgresData } from './postgres.ts'

const log = createLog('silent')
const isUnavailable = (error: unknown) =>
  error instanceof LocketError && error.code === 'unavailable'
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(10)
}

const ofDatabase =
  "locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"

/** Ends the connections that hold a lock: what a network does to one of several connections. */
const cutOff = (data: PostgresData) =>
  data.sql(`select pg_terminate_backend(pid) from pg_locks where granted and ${ofDatabase}`)

const locks = async (data: PostgresData): Promise<number> => {
  const [row] = await data.sql(`select count(*) as n from pg_locks where ${ofDatabase}`)
  return Number(row?.['n'])
}

async function node(t: TestContext, options: Partial<PresenceOptions> = {}) {
  const data = await createDatabase(t)
  const isUsable = async () => true
  const target = data.config
  const presence = await holdPresence({ target, log, alone: false, isUsable, ...options })
  const database = openPostgres({ target, log, mayChange: () => presence.held })
  t.after(async () => {
    await database.close()
    await presence.end()
  })
  return { data, presence, database }
}

describe(
  'a node that lost its place',
  onlyOn('postgres', 'a file is locked by its process'),
  () => {
    test('takes no change until it has it again', async (t) => {
      const { data, presence, database } = await node(t)
      await database.write(add('a'), 'full')
      await cutOff(data)
      await until(() => !presence.held)
      assert.equal(database.takesChanges, false)
      await assert.rejects(database.write(add('b'), 'full'), isUnavailable)
      assert.deepEqual(await ids(database), ['a'])
      await until(() => presence.held)
      await database.write(add('c'), 'full')
    })

    test('does not have it again before the data was found usable, and leaves nothing behind', async (t) => {
      const asked = { times: 0, answer: 'throw' as 'throw' | 'no' }
      const held: { now: () => boolean } = { now: () => false }
      const { data, presence, database } = await node(t, {
        isUsable: async () => {
          asked.times += 1
          await pause(100)
          assert.equal(held.now(), false, 'while it is being asked')
          if (asked.answer === 'throw') throw new Error('cannot be asked')
          return false
        },
      })
      held.now = () => presence.held
      await cutOff(data)
      await until(() => asked.times >= 3)
      asked.answer = 'no'
      // Whether it is just being asked or is asked again: it has its place, and may not use it.
      await pause(1500)
      assert.equal(presence.held, false)
      await assert.rejects(database.write(add('b'), 'full'), isUnavailable)
      assert.equal(await locks(data), 1)
      await presence.end()
      await until(async () => (await locks(data)) === 0)
    })
  },
)

describe('one who must be alone', onlyOn('postgres', 'a file is locked by its process'), () => {
  test('keeps out changes of a node that does not know of it, also those that were let in', async (t) => {
    const { data, presence } = await node(t)
    await presence.end()
    const late = openPostgres({ target: data.config, log })
    t.after(() => late.close())
    const tenant = 'ten_00000000000000000000000001'
    await data.sql(`select pg_advisory_lock(hashtextextended('${tenant}', 0))`)
    const waiting = late.write(add('a'), { durability: 'full', turn: { tenant } })
    const outcome = assert.rejects(waiting, isUnavailable)
    await until(async () => (await locks(data)) > 1)
    const isUsable = async () => true
    const alone = await holdPresence({ target: data.config, log, alone: true, isUsable })
    await data.sql('select pg_advisory_unlock_all()')
    await outcome
    const own = openPostgres({ target: data.config, log, alone: true })
    await own.write(add('b'), 'full')
    await own.close()
    await alone.end()
    await late.write(add('c'), 'full')
    assert.deepEqual(await ids(late), ['b', 'c'])
  })

  test('data that was moved elsewhere takes no change, from whichever node', async (t) => {
    const { database } = await node(t)
    await database.write(add('a'), 'full')
    await database.write((tx) => insertInstance(tx, 1), 'full')
    await database.write((tx) => markDeparture(tx, 2), 'full')
    await assert.rejects(database.write(add('b'), 'full'), isUnavailable)
    assert.deepEqual(await ids(database), ['a'])
  })
})
