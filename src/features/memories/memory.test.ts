import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Call, type Locket, openLocket } from '../../../test/harness.ts'
import { day_ms, hour_ms, second_ms } from '../../core/clock.ts'

const start = Date.parse('2026-01-01T10:20:30.000Z')
const at = (offset_ms: number): string => new Date(start + offset_ms).toISOString()

/** A Locket whose time only moves when it is told to. */
async function timed(t: TestContext) {
  const time = { now: start }
  const locket = await openLocket(t, { clock: () => time.now })
  const pass = (ms: number): void => {
    time.now += ms
  }
  return { locket, pass }
}

const space = 'user:alice'
const store = async (locket: Locket, body: object, call: Call = {}) => {
  const reply = await locket.call('POST', '/v1/memories', { ...call, body: { space, ...body } })
  const { deduplicated: _, ...memory } = reply.body
  return memory
}
const get = async (locket: Locket, id: string) =>
  (await locket.call('GET', `/v1/memories/${id}`)).body
type Change = Readonly<Record<string, unknown>> & { headers?: object }
const patch = (locket: Locket, id: string, { headers = {}, ...body }: Change) =>
  locket.call('PATCH', `/v1/memories/${id}`, { body, headers: { ...headers } })
const history = async (locket: Locket, id: string) =>
  (await locket.call('GET', `/v1/memories/${id}/history`)).body
const list = async (locket: Locket, body: object = {}): Promise<string[]> => {
  const reply = await locket.call('POST', '/v1/memories/list', { body: { space, ...body } })
  return reply.body.items.map((item: { text: string }) => item.text)
}
const recall = async (locket: Locket, query: string): Promise<string[]> => {
  const reply = await locket.call('POST', '/v1/memories/recall', { body: { space, query } })
  return reply.body.items.map((item: { text: string }) => item.text)
}

test('a memory has defaults for all that is not said', async (t) => {
  const { locket } = await timed(t)
  const me = (await locket.call('GET', '/v1/whoami')).body
  const { id, ...memory } = await store(locket, { text: '  tea\n' })
  assert.match(id, /^mem_/)
  assert.deepEqual(memory, {
    space,
    key: null,
    text: 'tea',
    type: 'fact',
    tags: [],
    metadata: {},
    importance: 5,
    privacyLevel: 'internal',
    sessionId: null,
    agentId: null,
    occurredAt: at(0),
    provenance: {
      kind: 'service',
      principalId: me.principalId,
      credentialId: me.credentialId,
      door: 'http',
    },
    status: 'active',
    derivedFrom: [],
    superseded: null,
    createdAt: at(0),
    updatedAt: at(0),
    expiresAt: null,
    version: 1,
    createdBy: me.principalId,
  })
})

test('a memory comes back with all that was said, after a restart too', async (t) => {
  const { locket } = await timed(t)
  const said = {
    key: 'k',
    text: 'tea 😀',
    type: 'preference',
    tags: ['a', 'ä'],
    metadata: { a: [1, { b: null }] },
    importance: 9.5,
    privacyLevel: 'restricted',
    sessionId: 's',
    agentId: 'bot',
    occurredAt: '2020-02-29T23:59:59.999+02:00',
    expiresAt: at(day_ms),
  }
  const memory = await store(locket, said)
  assert.deepEqual({ ...memory, ...said, occurredAt: '2020-02-29T21:59:59.999Z' }, memory)
  await locket.restart()
  assert.deepEqual(await get(locket, memory.id), memory)
})

const lengths: readonly (readonly [what: string, text: string, good: boolean])[] = [
  ['one character', 'x', true],
  ['10,000 letters', 'x'.repeat(10_000), true],
  ['10,001 letters', 'x'.repeat(10_001), false],
  ['10,000 emoji', '😀'.repeat(10_000), true],
  ['10,001 emoji', '😀'.repeat(10_001), false],
  ['10,000 letters between spaces', ` ${'x'.repeat(10_000)}\n`, true],
  ['nothing', '', false],
  ['white space', ' \t\n\u00a0\u2003', false],
]

test('a text has 1 to 10,000 code points after trimming', async (t) => {
  const { locket } = await timed(t)
  for (const [what, text, good] of lengths) {
    const reply = await store(locket, { text })
    assert.equal(good ? reply.text : reply.code, good ? text.trim() : 'invalid_input', what)
  }
})

const wrong: readonly object[] = [
  {},
  { text: null },
  { text: 1 },
  { text: 'x', type: 'Fact' },
  { text: 'x', tags: 'a' },
  { text: 'x', tags: [''] },
  { text: 'x', tags: Array.from({ length: 33 }, () => 'a') },
  { text: 'x', tags: ['a'.repeat(65)] },
  { text: 'x', importance: 10.1 },
  { text: 'x', importance: -1 },
  { text: 'x', importance: '5' },
  { text: 'x', privacyLevel: 'secret' },
  { text: 'x', key: '' },
  { text: 'x', key: 'k'.repeat(201) },
  { text: 'x', sessionId: 's'.repeat(129) },
  { text: 'x', occurredAt: 'yesterday' },
  { text: 'x', expiresAt: at(0) },
  { text: 'x', expiresAt: at(-1) },
  { text: 'x', space: 'alice' },
  ...['provenance', 'createdBy', 'createdAt', 'version', 'id', 'tenant', 'owner', 'status'].map(
    (name) => ({ text: 'x', [name]: 'y' }),
  ),
]

test('what is no memory is refused, and leaves no space behind', async (t) => {
  const { locket } = await timed(t)
  for (const body of wrong) {
    assert.equal((await store(locket, body)).code, 'invalid_input', JSON.stringify(body))
  }
  assert.deepEqual((await locket.call('GET', '/v1/spaces')).body.items, [])
})

test('storing under a key that the space has makes a new version', async (t) => {
  const { locket, pass } = await timed(t)
  const first = await store(locket, { key: 'drink', text: 'tea', tags: ['a'] })
  pass(second_ms)
  const second = await store(locket, { key: 'drink', text: 'coffee' })
  assert.equal(second.id, first.id)
  assert.deepEqual(
    [second.version, second.createdAt, second.updatedAt, second.tags],
    [2, at(0), at(second_ms), []],
  )
  const other = await store(locket, { key: 'drink', text: 'milk', space: 'user:bob' })
  assert.notEqual(other.id, first.id)
  assert.deepEqual(await list(locket), ['coffee'])
  assert.deepEqual(await recall(locket, 'tea'), [])
  await locket.call('POST', '/v1/encryption-keys/rotate', {
    body: { scope: (await locket.call('GET', '/v1/spaces')).body.items[0].id },
  })
  assert.equal((await store(locket, { key: 'drink', text: 'water' })).version, 3)
})

test('each version says where it came from, whoever wrote the others', async (t) => {
  const { locket } = await timed(t)
  const alice = await locket.person(space)
  const { id, createdBy } = await store(locket, { key: 'k', text: 'tea' })
  const bot = await locket.person('agent:bot', { role: 'service' })
  const body = { text: 'coffee' }
  await locket.call('PATCH', `/v1/memories/${id}`, { key: alice.key, body })
  await store(locket, { key: 'k', text: 'water' }, { key: bot.key })
  const { items } = await history(locket, id)
  const seen = items.map((item: { text: string; version: number; createdBy: string }) => {
    return [item.version, item.text, item.createdBy]
  })
  assert.deepEqual(seen, [
    [3, 'water', createdBy],
    [2, 'coffee', createdBy],
    [1, 'tea', createdBy],
  ])
  const sources = items.map((item: { provenance: object }) => item.provenance)
  assert.deepEqual(
    sources.map((one: { kind: string; principalId: string }) => [one.kind, one.principalId]),
    [
      ['agent', bot.id],
      ['user', alice.id],
      ['service', createdBy],
    ],
  )
})

test('an update changes what it names and nothing else', async (t) => {
  const { locket, pass } = await timed(t)
  const { id, ...before } = await store(locket, { text: 'tea', tags: ['a'], sessionId: 's' })
  pass(second_ms)
  const { body } = await patch(locket, id, { importance: 7, sessionId: null })
  const expected = { ...before, importance: 7, sessionId: null, version: 2 }
  assert.deepEqual(body, { id, ...expected, updatedAt: at(second_ms) })
  assert.deepEqual(await get(locket, id), body)
  for (const [name, value] of [
    ['key', 'k'],
    ['space', 'user:bob'],
    ['provenance', {}],
    ['createdAt', at(0)],
    ['text', ''],
    ['text', null],
    ['expiresAt', at(0)],
  ] as const) {
    assert.equal((await patch(locket, id, { [name]: value })).status, 400, name)
  }
  assert.deepEqual(await get(locket, id), body)
})

test('a stale write is refused: 412 for If-Match, 409 for the version in the body', async (t) => {
  const { locket } = await timed(t)
  const { id } = await store(locket, { text: 'tea' })
  const headers = { 'If-Match': '"1"' }
  assert.equal((await patch(locket, id, { text: 'b', version: 1, headers })).status, 200)
  const late = await patch(locket, id, { text: 'c', headers })
  assert.deepEqual([late.status, late.body.code], [412, 'precondition_failed'])
  const later = await patch(locket, id, { text: 'c', version: 1 })
  assert.deepEqual([later.status, later.body.code], [409, 'version_conflict'])
  const path = `/v1/memories/${id}`
  assert.equal((await locket.call('DELETE', path, { headers })).status, 412)
  assert.equal((await get(locket, id)).text, 'b')
  assert.equal((await locket.call('DELETE', path, { headers: { 'If-Match': '"2"' } })).status, 200)
})

test('of two writes from the same version one wins', async (t) => {
  const { locket } = await timed(t)
  const { id } = await store(locket, { text: 'tea' })
  const writes = ['a', 'b', 'c', 'd'].map((text) => patch(locket, id, { text, version: 1 }))
  const statuses = (await Promise.all(writes)).map((reply) => reply.status)
  assert.deepEqual(statuses.sort(), [200, 409, 409, 409])
})

test('a change and a deletion are seen by the very next recall', async (t) => {
  const { locket } = await timed(t)
  const { id } = await store(locket, { text: 'green tea' })
  await store(locket, { text: 'black coffee' })
  assert.deepEqual(await recall(locket, 'tea'), ['green tea'])
  await patch(locket, id, { text: 'mineral water' })
  assert.deepEqual(await recall(locket, 'tea'), [])
  assert.deepEqual(await recall(locket, 'water'), ['mineral water'])
  assert.equal((await locket.call('DELETE', `/v1/memories/${id}`)).status, 200)
  assert.deepEqual(await recall(locket, 'water'), [])
  assert.deepEqual(await list(locket), ['black coffee'])
  assert.equal((await get(locket, id)).code, 'not_found')
  assert.equal((await history(locket, id)).code, 'not_found')
  assert.equal((await locket.call('DELETE', `/v1/memories/${id}`)).status, 404)
  assert.equal((await patch(locket, id, { text: 'x' })).status, 404)
})

test('an expired memory is not returned, by no way, from that very moment', async (t) => {
  const { locket, pass } = await timed(t)
  const { id } = await store(locket, { text: 'tea', sessionId: 's', expiresAt: at(hour_ms) })
  pass(hour_ms - 1)
  assert.equal((await get(locket, id)).text, 'tea')
  assert.deepEqual(await list(locket), ['tea'])
  assert.deepEqual(await recall(locket, 'tea'), ['tea'])
  pass(1)
  assert.deepEqual(await list(locket), [])
  assert.deepEqual(await recall(locket, 'tea'), [])
  for (const reply of [await get(locket, id), await history(locket, id)]) {
    assert.equal(reply.code, 'not_found')
  }
  assert.equal((await patch(locket, id, { expiresAt: null })).status, 404)
  assert.equal((await locket.call('DELETE', `/v1/memories/${id}`)).status, 404)
  const { body } = await locket.call('GET', '/v1/spaces')
  const sessions = await locket.call('GET', `/v1/spaces/${body.items[0].id}/sessions`)
  assert.deepEqual(sessions.body.items, [])
})

test('storing under the key of an expired memory brings nothing of it back', async (t) => {
  const { locket, pass } = await timed(t)
  const old = await store(locket, { key: 'k', text: 'tea', expiresAt: at(hour_ms) })
  pass(hour_ms)
  const fresh = await store(locket, { key: 'k', text: 'coffee' })
  assert.notEqual(fresh.id, old.id)
  assert.deepEqual([fresh.version, fresh.createdAt], [1, at(hour_ms)])
  const { items } = await history(locket, fresh.id)
  assert.deepEqual(
    items.map((item: { text: string }) => item.text),
    ['coffee'],
  )
  assert.deepEqual(await list(locket), ['coffee'])
})

test('expired memories are deleted by the sweep, with an event that tells which', async (t) => {
  const { locket, pass } = await timed(t)
  const { id } = await store(locket, { text: 'tea', expiresAt: at(hour_ms) })
  const kept = await store(locket, { text: 'coffee', expiresAt: at(hour_ms) })
  await patch(locket, kept.id, { expiresAt: at(day_ms) })
  await locket.app.jobs.runAll()
  const events = async () =>
    (await locket.call('GET', '/v1/audit-events?action=memory.expired')).body.items
  assert.deepEqual(await events(), [])
  pass(2 * hour_ms)
  await locket.app.jobs.runAll()
  await locket.app.jobs.runAll()
  const [event, ...others] = await events()
  assert.deepEqual(others, [])
  assert.deepEqual(event.details, { deleted: [id] })
  assert.deepEqual([event.class, event.actor], ['system', null])
  const { body } = await locket.call('GET', '/v1/spaces')
  assert.equal(body.items[0].memories, 1)
  assert.deepEqual(await list(locket), ['coffee'])
})

test('a space whose row was altered does not keep others from being swept', async (t) => {
  const { locket, pass } = await timed(t)
  await store(locket, { text: 'tea', space: 'team:broken', expiresAt: at(hour_ms) })
  const { id } = await store(locket, { text: 'tea', expiresAt: at(hour_ms) })
  await locket.sql("update spaces set owner_id = 'usr_1' where owner_id is null")
  pass(2 * hour_ms)
  await locket.app.jobs.runAll()
  const [row] = await locket.sql('select state from memories where memory_id = ?', id)
  assert.equal(row?.['state'], 'deleted')
})
