/** What a replay does not tell: what is over, what was deleted, what the credential may not see. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket, type Reply } from '../../test/harness.ts'
import { minute_ms, toTimestamp } from '../core/clock.ts'

const space = 'user:alice'

type Sent = readonly [path: string, body: unknown]

function send(locket: Locket, [path, body]: Sent, key = locket.admin): Promise<Reply> {
  return locket.call('POST', path, { key, body, headers: { 'Idempotency-Key': 'one' } })
}

function answersOf(locket: Locket): Promise<unknown[]> {
  const sql = 'select answer from idempotency_keys where answer is not null'
  return locket.sql(sql)
}

async function timed(t: Parameters<typeof openLocket>[0]) {
  const time = { now: Date.parse('2026-01-01T00:00:30Z') }
  const locket = await openLocket(t, { clock: () => time.now })
  const pass = (ms: number): void => {
    time.now += ms
  }
  const soon = toTimestamp(time.now + minute_ms)
  return { locket, pass, soon }
}

test('a memory that is over does not come back by a replay', async (t) => {
  const { locket, pass, soon } = await timed(t)
  const one = { space, text: 'tea', expiresAt: soon }
  const batch = { space, items: [{ text: 'milk' }, { text: 'tea', expiresAt: soon }, { text: '' }] }
  for (const [path, body] of [
    ['/v1/memories', one],
    ['/v1/memories/batch', batch],
  ] as const) {
    const first = await send(locket, [path, body])
    assert.deepEqual((await send(locket, [path, body])).body, first.body)
  }
  pass(minute_ms)
  for (const [path, body] of [
    ['/v1/memories', one],
    ['/v1/memories/batch', batch],
  ] as const) {
    const { status, body: told } = await send(locket, [path, body])
    assert.deepEqual([status, told.code], [409, 'answer_not_kept'], path)
  }
  const listed = await locket.call('POST', '/v1/memories/list', { body: { space } })
  assert.equal(listed.body.items.length, 1, 'and nothing was done twice')
})

test('nor does one that was given a shorter life later', async (t) => {
  const { locket, pass, soon } = await timed(t)
  const body = { space, text: 'tea' }
  const first = await send(locket, ['/v1/memories', body])
  const patched = await locket.call('PATCH', `/v1/memories/${first.body.id}`, {
    body: { expiresAt: soon },
  })
  assert.equal(patched.status, 200)
  assert.equal((await send(locket, ['/v1/memories', body])).body.id, first.body.id)
  pass(minute_ms)
  assert.equal((await send(locket, ['/v1/memories', body])).body.code, 'answer_not_kept')
})

test('a memory that is over and makes room for its key takes the kept answers along', async (t) => {
  const { locket, pass, soon } = await timed(t)
  await send(locket, ['/v1/memories', { space, key: 'k', text: 'tea', expiresAt: soon }])
  assert.equal((await answersOf(locket)).length, 1)
  pass(minute_ms)
  await locket.call('POST', '/v1/memories', { body: { space, key: 'k', text: 'coffee' } })
  assert.equal((await answersOf(locket)).length, 0)
})

const role = { name: 'readers', permissions: ['memory:read'] }

/** What is made, what the answer is about, and what takes it away. */
const makings: readonly (readonly [path: string, body: object])[] = [
  ['/v1/spaces', { handle: 'team:sales' }],
  ['/v1/principals', { handle: 'user:bob', name: 'Bob' }],
  ['/v1/roles', role],
]

for (const [path, body] of makings) {
  test(`the kept answer of POST ${path} goes with what was made`, async (t) => {
    const locket = await openLocket(t)
    const first = await send(locket, [path, body])
    assert.equal(first.status, 201, JSON.stringify(first.body))
    assert.deepEqual((await send(locket, [path, body])).body, first.body)
    const scopes = await locket.sql('select scope from idempotency_keys')
    assert.equal(scopes[0]?.['scope'], path === '/v1/roles' ? 'tenant' : first.body.id)
    assert.equal((await locket.call('DELETE', `${path}/${first.body.id}`)).status, 200)
    assert.equal((await answersOf(locket)).length, 0)
    const again = await send(locket, [path, body])
    assert.deepEqual([again.status, again.body.code], [409, 'answer_not_kept'])
  })
}

test('the kept answer to a grant goes with the grant', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person('user:alice')
  const body = { principalId: alice.id, role: 'developer' }
  const grant = await send(locket, ['/v1/grants', body])
  assert.deepEqual((await send(locket, ['/v1/grants', body])).body, grant.body)
  await locket.call('DELETE', `/v1/grants/${grant.body.id}`)
  assert.equal((await send(locket, ['/v1/grants', body])).body.code, 'answer_not_kept')
})

test('a narrower key of the same principal does not get the answer of a broader one', async (t) => {
  const locket = await openLocket(t)
  const make = async (body: object) =>
    (await locket.call('POST', '/v1/api-keys', { body })).body.key as string
  const narrow = await make({ scopes: ['role:manage', 'memory:write'] })
  const equal = await make({})
  const first = await send(locket, ['/v1/roles', role])
  assert.equal(first.status, 201, JSON.stringify(first.body))
  assert.deepEqual((await send(locket, ['/v1/roles', role], equal)).body, first.body)
  const refused = await send(locket, ['/v1/roles', role], narrow)
  assert.deepEqual([refused.status, refused.body.code], [409, 'answer_not_kept'])
  const memory = { space, text: 'tea' }
  const stored = await send(locket, ['/v1/memories', memory], narrow)
  assert.equal(stored.status, 201)
  const broader = await send(locket, ['/v1/memories', memory])
  assert.equal(broader.body.id, stored.body.id, 'a broader one gets that of a narrower')
})
