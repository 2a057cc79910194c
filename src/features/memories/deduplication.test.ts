import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import { hour_ms } from '../../core/clock.ts'

const start = Date.parse('2026-01-01T10:20:30.000Z')
const at = (offset_ms: number): string => new Date(start + offset_ms).toISOString()
const space = 'user:alice'

/** A Locket whose time only moves when it is told to, and a service that stores in it. */
async function scene(t: TestContext) {
  const time = { now: start }
  const locket = await openLocket(t, { clock: () => time.now })
  const store = async (body: object, key = locket.admin): Promise<Reply['body']> => {
    const reply = await locket.call('POST', '/v1/memories', { key, body: { space, ...body } })
    assert.equal(reply.status, 201, JSON.stringify(reply.body))
    return reply.body
  }
  const call = async (method: string, path: string, body?: object): Promise<Reply['body']> =>
    (await locket.call(method, path, body === undefined ? {} : { body })).body
  const pass = (ms: number): void => {
    time.now += ms
  }
  return { locket, store, call, pass }
}

async function idsIn(locket: Locket): Promise<string[]> {
  const rows = await locket.sql("SELECT memory_id FROM memories WHERE state <> 'deleted'")
  return rows.map((row) => String(row['memory_id'])).sort()
}

async function roleWith(locket: Locket, permissions: readonly string[]): Promise<string> {
  const body = { name: `role-${permissions.length}`, description: '', permissions, reach: 'tenant' }
  return (await locket.call('POST', '/v1/roles', { body })).body.id
}

test('what is said again is there once, unchanged', async (t) => {
  const { locket, store, call, pass } = await scene(t)
  const said = { text: 'likes tea', tags: ['a'], metadata: { a: 1 }, sessionId: 's' }
  const { deduplicated, ...first } = await store(said)
  assert.equal(deduplicated, false)
  pass(hour_ms)
  const again = await store({ ...said, text: '  likes tea\n' })
  assert.deepEqual(again, { ...first, deduplicated: true })
  assert.deepEqual(await idsIn(locket), [first.id])
  assert.equal((await call('GET', `/v1/memories/${first.id}/history`)).items.length, 1)
})

test('what is said besides is added: all tags and metadata, the stricter level, the longer life', async (t) => {
  const { locket, store, call, pass } = await scene(t)
  const first = await store({
    text: 'likes tea',
    tags: ['a', 'b'],
    metadata: { a: 1, b: 1 },
    importance: 7,
    privacyLevel: 'internal',
    expiresAt: at(2 * hour_ms),
  })
  pass(60_000)
  const second = await store({
    text: 'likes tea',
    tags: ['b', 'c'],
    metadata: { b: 2, c: 3 },
    importance: 3,
    privacyLevel: 'sensitive',
    expiresAt: at(5 * hour_ms),
  })
  assert.deepEqual(second, {
    ...first,
    tags: ['a', 'b', 'c'],
    metadata: { a: 1, b: 2, c: 3 },
    privacyLevel: 'sensitive',
    expiresAt: at(5 * hour_ms),
    updatedAt: at(60_000),
    version: 2,
    deduplicated: true,
  })
  const third = await store({ text: 'likes tea', privacyLevel: 'public', importance: 9 })
  assert.deepEqual([third.privacyLevel, third.importance, third.expiresAt], ['sensitive', 9, null])
  assert.deepEqual(await idsIn(locket), [first.id])
  const found = await call('POST', '/v1/memories/recall', { space, query: 'tea' })
  assert.deepEqual(found.items[0].tags, ['a', 'b', 'c'])
})

test('another type, session, agent, space, text or caller is another memory', async (t) => {
  const { locket, store } = await scene(t)
  const bot = await locket.person('agent:bot', { role: 'service' })
  const said = { text: 'likes tea', sessionId: 's', agentId: 'x' }
  const others = [
    await store(said),
    await store({ ...said, type: 'preference' }),
    await store({ ...said, sessionId: 't' }),
    await store({ ...said, sessionId: null }),
    await store({ ...said, agentId: 's', sessionId: 'x' }),
    await store({ ...said, text: 'likes Tea' }),
    await store({ ...said, space: 'team:other' }),
    await store(said, bot.key),
  ]
  assert.ok(others.every(({ deduplicated }) => deduplicated === false))
  assert.equal(new Set(others.map(({ id }) => id)).size, others.length)
})

test('who may only write learns nothing of what is there', async (t) => {
  const { locket, store } = await scene(t)
  const role = await roleWith(locket, ['memory:write'])
  const writer = await locket.person('service:writer', { role })
  await store({ text: 'first' })
  const told = [
    await store({ text: 'secret' }, writer.key),
    await store({ text: 'secret' }, writer.key),
    await store({ text: 'guess', key: 'k' }, writer.key),
    await store({ text: 'guess', key: 'k' }, writer.key),
  ]
  assert.deepEqual(
    told.map(({ deduplicated, version }) => [deduplicated, version]),
    [
      [false, 1],
      [false, 1],
      [false, 1],
      [false, 2],
    ],
  )
  assert.equal(new Set(told.map(({ id }) => id)).size, 3)
})

test('a memory with a key is the same as no other, and the same content under its key is no version', async (t) => {
  const { store, pass } = await scene(t)
  const loose = await store({ text: 'likes tea' })
  const said = { text: 'likes tea', key: 'k', occurredAt: at(-hour_ms), tags: ['a'] }
  const first = await store(said)
  assert.notEqual(first.id, loose.id)
  pass(60_000)
  assert.deepEqual(await store(said), { ...first, deduplicated: true })
  const { occurredAt: _, ...timeless } = said
  assert.deepEqual(await store(timeless), { ...first, deduplicated: true })
  for (const change of [{ tags: [] }, { occurredAt: at(0) }, { importance: 6 }, { text: 'x' }]) {
    const { version, deduplicated } = await store({ ...said, ...change })
    assert.equal(deduplicated, false, JSON.stringify(change))
    assert.ok(version > 1)
    await store(said)
  }
})

test('another who says the same under a key makes a version of his own', async (t) => {
  const { locket, store } = await scene(t)
  const bot = await locket.person('agent:bot', { role: 'service' })
  await store({ text: 'likes tea', key: 'k' })
  const second = await store({ text: 'likes tea', key: 'k' }, bot.key)
  assert.deepEqual([second.version, second.deduplicated], [2, false])
  assert.equal(second.provenance.principalId, bot.id)
})

test('what is over or deleted is not what a new memory is merged with', async (t) => {
  const { locket, store, call, pass } = await scene(t)
  const over = await store({ text: 'likes tea', expiresAt: at(hour_ms) })
  pass(hour_ms)
  const fresh = await store({ text: 'likes tea' })
  assert.deepEqual([fresh.deduplicated, fresh.version], [false, 1])
  assert.notEqual(fresh.id, over.id)
  await call('DELETE', `/v1/memories/${fresh.id}`)
  const last = await store({ text: 'likes tea' })
  assert.equal(last.deduplicated, false)
  assert.deepEqual(await idsIn(locket), [last.id])
})

test('a memory that was updated is found by what it says now', async (t) => {
  const { store, call } = await scene(t)
  const { id } = await store({ text: 'likes tea' })
  await call('PATCH', `/v1/memories/${id}`, { text: 'likes coffee' })
  assert.equal((await store({ text: 'likes coffee' })).id, id)
  assert.notEqual((await store({ text: 'likes tea' })).id, id)
})

test('what does not fit into one memory stays two, whatever of it is said again', async (t) => {
  const { locket, store } = await scene(t)
  const tags = (from: number): string[] => Array.from({ length: 20 }, (_, n) => `t${from + n}`)
  const first = await store({ text: 'likes tea', tags: tags(0) })
  const second = await store({ text: 'likes tea', tags: tags(20) })
  assert.notEqual(second.id, first.id)
  assert.equal(second.deduplicated, false)
  const again = [
    await store({ text: 'likes tea', tags: tags(0) }),
    await store({ text: 'likes tea', tags: tags(20) }),
    await store({ text: 'likes tea', tags: tags(30) }),
  ]
  assert.deepEqual(
    again.map(({ id, deduplicated }) => [id, deduplicated]),
    [first, second, second].map(({ id }) => [id, true]),
  )
  assert.equal((await idsIn(locket)).length, 2)
})

test('it holds across a new key of the space, and in a batch', async (t) => {
  const { locket, store, call } = await scene(t)
  const { id } = await store({ text: 'likes tea' })
  const { items } = await call('GET', '/v1/spaces')
  await call('POST', '/v1/encryption-keys/rotate', { scope: items[0].id })
  assert.equal((await store({ text: 'likes tea' })).id, id)
  await locket.app.jobs.runAll()
  const batch = await call('POST', '/v1/memories/batch', {
    space,
    items: [{ text: 'likes tea' }, { text: 'new' }, { text: 'new' }],
  })
  const told = batch.items.map(({ memory }: Reply['body']) => memory.deduplicated)
  assert.deepEqual(told, [true, false, true])
  assert.equal(batch.items[0].memory.id, id)
  assert.equal((await idsIn(locket)).length, 2)
})

test('a row under another content’s index is not taken for it', async (t) => {
  const { locket, store } = await scene(t)
  const { id } = await store({ text: 'likes tea' })
  await store({ text: 'owes money' })
  await locket.sql(
    `UPDATE memories SET content_index = (SELECT m.content_index FROM memories m WHERE
     m.memory_id <> ?) WHERE memory_id = ?`,
    id,
    id,
  )
  await locket.sql('UPDATE memories SET content_index = NULL WHERE memory_id <> ?', id)
  const reply = await locket.call('POST', '/v1/memories', { body: { space, text: 'owes money' } })
  assert.equal(reply.body.code, 'integrity_failed')
})

test('the event of a merge says so, and nothing of what was said', async (t) => {
  const { locket, store } = await scene(t)
  const { id } = await store({ text: 'likes canary' })
  await store({ text: 'likes canary' })
  const { items } = (await locket.call('GET', '/v1/audit-events?limit=1')).body
  assert.equal(items[0].action, 'memory.stored')
  assert.deepEqual(items[0].details.changes, [{ id, version: 1, deduplicated: true }])
  assert.ok(!JSON.stringify(items).includes('canary'))
})

test('what says nearly the same is told, and only when it is asked for', async (t) => {
  const { locket, store } = await scene(t)
  const text = 'Alice drinks green tea every morning before work'
  const first = await store({ text })
  await store({ text: 'Bob owns a red bicycle' })
  const near = { text: 'Alice drinks green tea every morning before lunch', sessionId: 's' }
  const told = await store({ ...near, reportSimilar: true })
  assert.deepEqual(told.similar, [{ id: first.id, similarity: 0.75 }])
  assert.equal(told.deduplicated, false)
  const again = await store({ ...near, reportSimilar: true })
  assert.deepEqual([again.id, again.deduplicated], [told.id, true])
  assert.deepEqual(again.similar, [{ id: first.id, similarity: 0.75 }], 'not itself')
  assert.equal((await store(near)).similar, undefined)
  assert.deepEqual((await store({ text: 'nothing like it', reportSimilar: true })).similar, [])
  const role = await roleWith(locket, ['memory:write'])
  const writer = await locket.person('service:writer', { role })
  assert.deepEqual((await store({ text, reportSimilar: true }, writer.key)).similar, [])
})

test('a space that is made by the store has nothing similar', async (t) => {
  const { store } = await scene(t)
  assert.deepEqual((await store({ text: 'x', reportSimilar: true })).similar, [])
})
