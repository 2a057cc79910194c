/** What an API key may use in a day. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { startEmbeddingEndpoint } from '../../../test/embedding-endpoint.ts'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { day_ms } from '../../core/clock.ts'

const noon = Date.UTC(2026, 2, 14, 12)

interface Keyed {
  readonly locket: Locket
  readonly key: string
  readonly id: string
  readonly set: (time_ms: number) => void
}

async function keyed(
  t: TestContext,
  budget: object,
  options: Parameters<typeof openLocket>[1] = {},
): Promise<Keyed> {
  let now = noon
  const locket = await openLocket(t, { clock: () => now, ...options })
  const alice = await locket.person('user:alice')
  const body = { principalId: alice.id, name: 'bounded', ...budget }
  const made = await locket.call('POST', '/v1/api-keys', { body })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const set = (time_ms: number): void => {
    now = time_ms
  }
  return { locket, key: made.body.key, id: made.body.id, set }
}

const whoami = ({ locket, key }: Keyed) => locket.call('GET', '/v1/whoami', { key })

async function shown({ locket, id }: Keyed) {
  const { body } = await locket.call('GET', '/v1/api-keys?limit=100')
  const { budget, usedToday } = body.items.find((one: { id: string }) => one.id === id)
  return { budget, usedToday }
}

describe('a budget of operations', () => {
  test('is refused with its own code once it is used up, until the day is over', async (t) => {
    const made = await keyed(t, { operationsPerDay: 3 })
    for (let at = 0; at < 3; at += 1) assert.equal((await whoami(made)).status, 200)
    const refused = await whoami(made)
    assert.deepEqual([refused.status, refused.body.code], [429, 'budget_exhausted'])
    assert.equal(refused.body.detail, 'operations of a day')
    assert.equal(refused.headers.get('retry-after'), String(12 * 3600))
    assert.equal((await made.locket.call('GET', '/v1/whoami')).status, 200, 'others are not')
    made.set(noon + 12 * 3_600_000)
    assert.equal((await whoami(made)).status, 200)
    // A clock that is set back does not give yesterday's budget.
    made.set(noon)
    for (let at = 0; at < 2; at += 1) assert.equal((await whoami(made)).status, 200)
    assert.equal((await whoami(made)).status, 429)
  })

  test('lets no more through of a hundred at once [V15.4.2]', async (t) => {
    const made = await keyed(t, { operationsPerDay: 10 })
    const all = await Promise.all(Array.from({ length: 100 }, () => whoami(made)))
    assert.equal(all.filter(({ status }) => status === 200).length, 10)
    const path = '/v1/audit-events?outcome=denied&limit=100'
    const { body } = await made.locket.call('GET', path)
    assert.ok(body.items.some(({ code }: { code: string }) => code === 'budget_exhausted'))
  })

  test('is shown with what was used of it, and survives a restart', async (t) => {
    const made = await keyed(t, { operationsPerDay: 5, bytesPerDay: 1_000 })
    assert.deepEqual((await shown(made)).usedToday, {
      operations: 0,
      bytes: 0,
      embedCharacters: 0,
    })
    for (let at = 0; at < 3; at += 1) await whoami(made)
    const budget = { operationsPerDay: 5, bytesPerDay: 1_000, embedCharactersPerDay: null }
    const usedToday = { operations: 3, bytes: 0, embedCharacters: 0 }
    assert.deepEqual(await shown(made), { budget, usedToday })
    await made.locket.restart()
    assert.deepEqual(await shown(made), { budget, usedToday })
    assert.equal((await whoami(made)).status, 200)
    await made.locket.app.jobs.runAll()
    assert.equal((await whoami(made)).status, 200)
    assert.equal((await whoami(made)).status, 429)
    made.set(noon + day_ms)
    assert.equal((await shown(made)).usedToday.operations, 0)
  })

  test('is one for two nodes as soon as they have written it down', async (t) => {
    const made = await keyed(t, { operationsPerDay: 10 })
    for (let at = 0; at < 4; at += 1) await whoami(made)
    const { jobs } = made.locket.app
    await jobs.runAll()
    // What another node has added.
    const sql = 'update api_key_budgets set operations = operations + 5 where key_id = ?'
    await made.locket.sql(sql, made.id)
    await whoami(made)
    await jobs.runAll()
    assert.equal((await shown(made)).usedToday.operations, 10)
    assert.equal((await whoami(made)).status, 429)
  })
})

test('bytes are those of bodies, also of bodies that are refused', async (t) => {
  const made = await keyed(t, { bytesPerDay: 300 })
  const store = (body: unknown) => made.locket.call('POST', '/v1/memories', { key: made.key, body })
  const whole = { space: 'user:alice', text: 'x'.repeat(100) }
  assert.equal((await store(whole)).status, 201)
  assert.equal((await store(`{"space":"${'y'.repeat(88)}`)).status, 400)
  const { bytes } = (await shown(made)).usedToday
  assert.equal(bytes, JSON.stringify(whole).length + 98)
  assert.equal((await store(whole)).body.code, 'budget_exhausted')
  assert.equal((await whoami(made)).status, 200, 'what has no body is free')
})

test('characters that go to the embedder are those of stores and of queries', async (t) => {
  const { allow, baseUrl } = await startEmbeddingEndpoint(t)
  const model = { model: 'words', dimensions: 32, shorten: false, key: null }
  const bounds = { timeout_ms: 5_000, calls_max: 2 }
  const made = await keyed(
    t,
    { embedCharactersPerDay: 25 },
    { egressAllow: [allow], embedderSettings: { baseUrl, ...model, ...bounds } },
  )
  const call = (path: string, body: object) =>
    made.locket.call('POST', path, { key: made.key, body: { space: 'user:alice', ...body } })
  assert.equal((await call('/v1/memories', { text: 'ten letter' })).status, 201)
  assert.equal((await call('/v1/memories/recall', { query: 'ten letter' })).status, 200)
  assert.equal((await shown(made)).usedToday.embedCharacters, 20)
  const refused = await call('/v1/memories', { text: 'ten letters' })
  assert.deepEqual([refused.status, refused.body.detail], [429, 'embedCharacters of a day'])
})

test('a key with a budget makes no keys', async (t) => {
  const { locket } = await keyed(t, {})
  const body = { name: 'bounded', operationsPerDay: 100 }
  const { key, id } = (await locket.call('POST', '/v1/api-keys', { body })).body
  const made = await locket.call('POST', '/v1/api-keys', { key, body: {} })
  assert.equal(made.body.code, 'above_own_rights')
  const rotated = await locket.call('POST', `/v1/api-keys/${id}/rotate`, { key, body: {} })
  assert.equal(rotated.body.code, 'above_own_rights')
  const byAdmin = await locket.call('POST', `/v1/api-keys/${id}/rotate`, { body: {} })
  assert.equal(byAdmin.body.budget.operationsPerDay, 100)
})

test('a budget is a positive number of everything', async (t) => {
  const locket = await openLocket(t)
  for (const operationsPerDay of [0, -1, 1.5, '5']) {
    const made = await locket.call('POST', '/v1/api-keys', { body: { operationsPerDay } })
    assert.equal(made.body.code, 'invalid_input')
  }
  const { body } = await locket.call('POST', '/v1/api-keys', { body: {} })
  assert.deepEqual([body.budget, body.usedToday], [null, null])
})
