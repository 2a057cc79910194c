/** Turns: what waits for what, on however many nodes, and that waiting takes nothing from others. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { LocketError } from '../src/core/errors.ts'
import type { Id } from '../src/core/ids.ts'
import { createLog } from '../src/core/log.ts'
import type { Database, Turn } from '../src/storage/database.ts'
import { openPostgres } from '../src/storage/postgres.ts'
import { add, ids } from './contract/database.ts'
import { onlyOn } from './engine.ts'
import { createDatabase, type PostgresData } from './postgres.ts'

const log = createLog('silent')
const isUnavailable = (error: unknown) =>
  error instanceof LocketError && error.code === 'unavailable'
const tenant: Id<'ten'> = 'ten_00000000000000000000000001'
const other: Id<'ten'> = 'ten_00000000000000000000000002'
const space = (n: number): Id<'spc'> => `spc_${String(n).padStart(26, '0')}`

interface Settings {
  readonly connections_max?: number
  readonly statement_ms_max?: number
}

/** Two nodes, and a hand that can hold a turn as a third would. */
async function twoNodes(t: TestContext, settings: Settings = {}) {
  const data = await createDatabase(t)
  const open = (): Database => openPostgres({ target: { ...data.config, ...settings }, log })
  const nodes = [open(), open()] as const
  t.after(() => Promise.all(nodes.map((node) => node.close())))
  return { data, nodes }
}

const hold = (data: PostgresData, id: string) =>
  data.sql(`select pg_advisory_lock(hashtextextended('${id}', 0))`)
const letGo = (data: PostgresData) => data.sql('select pg_advisory_unlock_all()')

const change = (node: Database, id: string, turn: Turn) =>
  node.write(add(id), { durability: 'full', turn })

async function areWaiting(data: PostgresData, count = 1): Promise<void> {
  const waiting =
    'select count(*) as n from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())'
  const deadline = performance.now() + 60_000
  while (Number((await data.sql(waiting))[0]?.['n']) < count) {
    assert.ok(performance.now() < deadline, `fewer than ${count} wait`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('a turn', onlyOn('postgres', 'SQLite has one writer'), () => {
  test('of a space waits for the same space and for its tenant, and for nothing else', async (t) => {
    const { data, nodes } = await twoNodes(t)
    const [one, two] = nodes
    await hold(data, space(1))
    const first = change(one, 'same space', { tenant, spaces: [space(1)] })
    await areWaiting(data)
    await change(two, 'another space', { tenant, spaces: [space(2)] })
    await change(two, 'another tenant', { tenant: other })
    const whole = change(two, 'the tenant', { tenant })
    await areWaiting(data, 2)
    const several = change(one, 'several', { tenant, spaces: [space(3), space(1)] })
    await areWaiting(data, 3)
    assert.deepEqual(await ids(one), ['another space', 'another tenant'])
    await letGo(data)
    await Promise.all([first, whole, several])
    assert.equal((await ids(two)).length, 5)
  })

  test('of a log that goes by what its tenant says is not beside a change of the tenant', async (t) => {
    const { data, nodes } = await twoNodes(t)
    const [one, two] = nodes
    await hold(data, tenant)
    await change(one, 'only the log', { tenant, log: true })
    const purge = change(one, 'purge', { tenant, log: true, heeds: true })
    await areWaiting(data)
    assert.deepEqual(await ids(two), ['only the log'])
    await letGo(data)
    await purge
  })

  test('of a tenant that changes another takes that one’s, too', async (t) => {
    const { data, nodes } = await twoNodes(t)
    await hold(data, other)
    const disabling = change(nodes[0], 'disable', { tenant, also: other })
    await areWaiting(data)
    assert.deepEqual(await ids(nodes[1]), [])
    await letGo(data)
    await disabling
  })

  test('that is not to be had in time fails all who waited, and does nothing without it', async (t) => {
    const { data, nodes } = await twoNodes(t, { statement_ms_max: 500 })
    await hold(data, tenant)
    const waiting = ['a', 'b', 'c', 'd'].map((id) => change(nodes[0], id, { tenant }))
    const outcomes = await Promise.allSettled(waiting)
    assert.ok(outcomes.every((one) => one.status === 'rejected' && isUnavailable(one.reason)))
    assert.deepEqual(await ids(nodes[0]), [])
    await letGo(data)
    await change(nodes[0], 'after', { tenant })
    assert.deepEqual(await ids(nodes[0]), ['after'])
  })

  test('that one tenant waits for leaves connections to others, and to reads', async (t) => {
    const { data, nodes } = await twoNodes(t, { connections_max: 4 })
    const [node] = nodes
    await hold(data, tenant)
    const waiting = Array.from({ length: 12 }, (_, n) =>
      change(node, `waiting ${n}`, { tenant, spaces: [space(n)] }),
    )
    await areWaiting(data)
    assert.deepEqual(await ids(node), [])
    await change(node, 'another', { tenant: other })
    assert.deepEqual(await ids(node), ['another'])
    await letGo(data)
    await Promise.all(waiting)
    assert.equal((await ids(node)).length, 13)
  })
})
