/** What somebody who can write to the database cannot make Locket destroy. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'

async function store(locket: Locket, space: string): Promise<string> {
  const { body } = await locket.call('POST', '/v1/memories', { body: { space, text: 'tulip' } })
  return body.id
}

async function spaceOf(locket: Locket, handle: string): Promise<string> {
  const { body } = await locket.call('GET', '/v1/spaces?limit=100')
  return body.items.find((one: { handle: string }) => one.handle === handle).id
}

async function recalled(locket: Locket, space: string): Promise<string[]> {
  const body = { space, query: 'tulip' }
  const reply = await locket.call('POST', '/v1/memories/recall', { body })
  assert.equal(reply.status, 200, JSON.stringify(reply.body))
  return reply.body.items.map((item: { text: string }) => item.text)
}

/** A space whose row says `state`, written by somebody with the file, and how to put it right. */
async function forged(t: TestContext, state: string) {
  const locket = await openLocket(t)
  await store(locket, 'user:alice')
  const space = await spaceOf(locket, 'user:alice')
  const putBack = await locket.data.backup()
  await locket.restart(() =>
    locket.sql('update spaces set state = ? where space_id = ?', state, space),
  )
  const repair = () => locket.restart(putBack)
  return { locket, space, repair }
}

test('a space that somebody marked destroyed gets no tombstone, and keeps its memories', async (t) => {
  const { locket, space, repair } = await forged(t, 'destroyed')
  await locket.app.jobs.runAll()
  assert.equal(locket.instance.keys.tombstones.has(locket.tenant, space), false)
  assert.equal((await locket.sql('select * from memories')).length, 1)
  await repair()
  assert.deepEqual(await recalled(locket, 'user:alice'), ['tulip'])
})

test('marked spaces do not keep what destroyed ones left from being swept', async (t) => {
  const locket = await openLocket(t)
  for (let n = 10; n < 22; n += 1) await store(locket, `team:t${n}`)
  const last = await spaceOf(locket, 'team:t21')
  const marked = "update spaces set state = 'destroyed' where space_id != ?"
  await locket.sql(marked, last)
  await locket.call('DELETE', `/v1/spaces/${last}`)
  await locket.app.jobs.runAll()
  const left = await locket.sql('select space_id from memories')
  assert.equal(left.length, 11)
  assert.ok(left.every((row) => row['space_id'] !== last))
})

test('a destroyed space that somebody marked active stays shut, and the server starts', async (t) => {
  const locket = await openLocket(t)
  await store(locket, 'user:alice')
  const space = await spaceOf(locket, 'user:alice')
  await locket.call('DELETE', `/v1/spaces/${space}`)
  const marked = "update spaces set state = 'active'"
  await locket.restart(() => locket.sql(marked))
  const reply = await locket.call('GET', `/v1/spaces/${space}/sessions`)
  assert.ok(reply.status >= 400)
  assert.equal((await locket.call('GET', '/v1/whoami')).status, 200)
})

test('a deletion whose tombstone cannot be written is one deletion, and is finished later', async (t) => {
  const locket = await openLocket(t)
  await store(locket, 'user:alice')
  const space = await spaceOf(locket, 'user:alice')
  await recalled(locket, 'user:alice')
  const file = join(locket.directory, 'tombstones')
  rmSync(file)
  mkdirSync(file)
  assert.equal((await locket.call('DELETE', `/v1/spaces/${space}`)).status, 200)
  const { keys } = locket.instance
  assert.equal(keys.cache.get(locket.tenant, space), undefined)
  assert.equal(locket.app.pipeline.services.indexes.bytes, 0)
  assert.equal(keys.tombstones.size, 0)
  const events = await locket.call('GET', '/v1/audit-events?action=space.deleted')
  assert.deepEqual(
    events.body.items.map((event: { outcome: string }) => event.outcome),
    ['allowed'],
  )
  rmSync(file, { recursive: true })
  await locket.app.jobs.runAll()
  assert.ok(keys.tombstones.has(locket.tenant, space))
  assert.ok(existsSync(file))
})
