import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'
import type { FoundFault } from './audit-check.ts'

/** All that a check finds: `event-missing 20`, `memory-altered`. */
async function check(locket: Locket, log = 'tenant'): Promise<string[]> {
  const found: FoundFault[] = []
  let cursor: string | null = null
  for (let steps = 0; ; steps += 1) {
    assert.ok(steps < 50, 'a check comes to its end')
    const body: object = { log, ...(cursor && { cursor }) }
    const reply = await locket.call('POST', '/v1/audit-log/verify', { body })
    assert.equal(reply.status, 200, JSON.stringify(reply.body))
    found.push(...reply.body.items)
    assert.equal(reply.body.unknown, 0)
    cursor = reply.body.nextCursor
    if (cursor === null) break
  }
  return found.map(({ fault, leaf }) => (fault.startsWith('event') ? `${fault} ${leaf}` : fault))
}

async function makeWorld(locket: Locket): Promise<{ first: string; second: string }> {
  const store = async (key: string, text: string): Promise<string> => {
    const body = { space: 'user:alice', key, text }
    return (await locket.call('POST', '/v1/memories', { body })).body.id
  }
  const first = await store('tea', 'Likes tea')
  const items = [{ text: 'Lives in Paris' }, { text: 'Runs on Tuesdays' }]
  await locket.call('POST', '/v1/memories/batch', { body: { space: 'user:alice', items } })
  await store('tea', 'Likes coffee')
  const second = await store('dog', 'Has a dog')
  for (let made = 0; made < 260; made += 1) await locket.call('GET', '/v1/whoami')
  await locket.app.jobs.runAll()
  return { first, second }
}

const copies = ['audit_events', 'audit_tiles', 'audit_logs', 'memories'] as const

async function putBack({ sql }: Locket): Promise<void> {
  for (const table of copies) {
    await sql(`delete from ${table}`)
    await sql(`insert into ${table} select * from kept_${table}`)
  }
}

const ofEvent = 'where tenant_id = ? and leaf = 20'

/** Changes in the database, each with the tenant as its value, and what is told of them. */
const cases: readonly (readonly [string, string, readonly string[]])[] = [
  ['an event is deleted', `delete from audit_events ${ofEvent}`, ['event-missing 20']],
  [
    'an event is deleted after the last full tile',
    'delete from audit_events where tenant_id = ? and leaf = 260',
    ['event-missing 260'],
  ],
  [
    'what an event did is changed',
    `update audit_events set action = 'memory.read' ${ofEvent}`,
    ['event-altered 20', 'content-altered'],
  ],
  [
    'whose key sealed it is changed',
    `update audit_events set scope = 'spc_00000000000000000000000000' ${ofEvent}`,
    ['event-altered 20'],
  ],
  [
    'its proof is changed',
    `update audit_events set proof = commitment ${ofEvent}`,
    ['event-altered 20'],
  ],
  [
    'when it was is changed',
    `update audit_events set time = time + 1 ${ofEvent}`,
    ['event-replaced 20', 'event-altered 20', 'content-altered'],
  ],
  [
    'its place is beyond the end',
    `update audit_events set leaf = 9999 ${ofEvent}`,
    ['event-missing 20', 'event-outside 9999'],
  ],
  [
    'it is as if it had been refused',
    `update audit_events set leaf = -1 ${ofEvent}`,
    ['event-missing 20', 'event-refused null'],
  ],
  [
    'the entries are damaged',
    'update audit_tiles set data = substr(data, 1, 99) where tenant_id = ? and level = -1',
    ['entries-damaged'],
  ],
]

test('a check of a log names what is not as it was written', async (t) => {
  const locket = await openLocket(t)
  await locket.app.jobs.stop()
  const { first, second } = await makeWorld(locket)
  for (const table of copies) {
    await locket.sql(`create table kept_${table} as select * from ${table}`)
  }

  await t.test('nothing is found where nothing was done', async () => {
    assert.deepEqual(await check(locket), [])
    assert.deepEqual(await check(locket, 'instance'), [])
  })

  for (const [name, sql, expected] of cases) {
    await t.test(name, async () => {
      await locket.sql(sql, locket.tenant)
      const found = await check(locket)
      await putBack(locket)
      assert.deepEqual(found, expected)
    })
  }

  await t.test('an event that nobody made', async () => {
    await locket.sql(
      `insert into audit_events (tenant_id, event_id, time, class, action, outcome, scope, commitment, leaf)
        select tenant_id, 'evt_01ARZ3NDEKTSV4RRFFQ69G5FAV', 1, class, action, outcome, scope,
        commitment, null from audit_events ${ofEvent}`,
      locket.tenant,
    )
    const found = await check(locket)
    await putBack(locket)
    assert.deepEqual(found, ['event-waiting null'])
  })

  await t.test('a memory that was put back to what it was before', async () => {
    await rollBack(locket, first)
    const found = await check(locket)
    await putBack(locket)
    assert.deepEqual(found, ['memory-rolled-back'])
  })

  await t.test('a memory of which no event is', async () => {
    const sql = `delete from audit_events where tenant_id = ? and resource_id = '${second}'`
    await locket.sql(sql, locket.tenant)
    const found = await check(locket)
    await putBack(locket)
    assert.deepEqual(found.slice(-1), ['memory-unknown'])
  })

  await t.test('a memory that does not open', async () => {
    await locket.sql('update memories set seq = seq + 100 where memory_id = ?', second)
    const found = await check(locket)
    await putBack(locket)
    assert.deepEqual(found, ['memory-damaged', 'memory-damaged'])
  })

  await t.test('a cursor of something else', async () => {
    const body = { cursor: 'x' }
    const reply = await locket.call('POST', '/v1/audit-log/verify', { body })
    assert.equal(reply.body.code, 'invalid_cursor')
  })
})

/** As a backup of the one row would: its bytes from before it was changed. */
async function rollBack(locket: Locket, id: string): Promise<void> {
  const [kept] = await locket.sql('select * from memories where memory_id = ?', id)
  assert.ok(kept)
  const body = { space: 'user:alice', key: 'tea', text: 'Likes milk' }
  await locket.call('POST', '/v1/memories', { body })
  await locket.app.jobs.runAll()
  const columns = ['seq', 'record', 'key_version'] as const
  const set = columns.map((column) => `${column} = ?`).join(', ')
  const values = columns.map((column) => kept[column] ?? null)
  await locket.sql(`update memories set ${set} where memory_id = ?`, ...values, id)
}
