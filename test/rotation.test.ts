/** What must be remembered across the rotation of the keys that it is remembered by [V11.2.2]. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type Locket, openLocket, type Reply } from './harness.ts'

function rotate(locket: Locket, scope: string): Promise<Reply> {
  return locket.call('POST', '/v1/encryption-keys/rotate', { body: { scope } })
}

async function rotatedTwice(t: TestContext, before: (locket: Locket) => Promise<void>) {
  const locket = await openLocket(t)
  await before(locket)
  for (const _ of [1, 2]) assert.equal((await rotate(locket, 'lookup')).status, 200)
  await locket.restart()
  return locket
}

describe('after the look-up key was rotated', () => {
  test('the handles of deleted people and spaces are still retired', async (t) => {
    const locket = await rotatedTwice(t, async ({ call }) => {
      const person = await call('POST', '/v1/principals', { body: { handle: 'user:gone' } })
      await call('DELETE', `/v1/principals/${person.body.id}`)
      const space = await call('POST', '/v1/spaces', { body: { handle: 'team:gone' } })
      await call('DELETE', `/v1/spaces/${space.body.id}`)
    })
    const replies = [
      await locket.call('POST', '/v1/principals', { body: { handle: 'user:gone' } }),
      await locket.call('POST', '/v1/spaces', { body: { handle: 'team:gone' } }),
      await locket.call('POST', '/v1/spaces', { body: { handle: 'user:gone' } }),
      await locket.call('POST', '/v1/memories', { body: { space: 'team:gone', text: 'x' } }),
    ]
    assert.deepEqual(
      replies.map(({ body }) => body.code),
      replies.map(() => 'handle_retired'),
    )
  })

  test('handles and names in use are found, and cannot be taken twice', async (t) => {
    const role = { name: 'reader', permissions: ['memory:read'] }
    const locket = await rotatedTwice(t, async ({ call }) => {
      await call('POST', '/v1/memories', { body: { space: 'user:alice', text: 'kept' } })
      await call('POST', '/v1/roles', { body: role })
    })
    const list = { body: { space: 'user:alice' } }
    const { items } = (await locket.call('POST', '/v1/memories/list', list)).body
    assert.equal(items[0].text, 'kept')
    for (const [path, body] of [
      ['/v1/principals', { handle: 'user:alice' }],
      ['/v1/spaces', { handle: 'user:alice' }],
      ['/v1/roles', role],
    ] as const) {
      assert.equal((await locket.call('POST', path, { body })).body.code, 'already_exists', path)
    }
  })

  test('a request that is sent again is still answered, not done again', async (t) => {
    const sent = {
      body: { space: 'user:alice', text: 'once' },
      headers: { 'Idempotency-Key': 'the-same' },
    }
    let first: Reply['body']
    const locket = await rotatedTwice(t, async ({ call }) => {
      first = (await call('POST', '/v1/memories', sent)).body
    })
    const again = await locket.call('POST', '/v1/memories', sent)
    assert.deepEqual(again.body, first)
    assert.equal(again.headers.get('idempotency-replayed'), 'true')
    const other = { ...sent, body: { ...sent.body, text: 'twice' } }
    const mismatch = await locket.call('POST', '/v1/memories', other)
    assert.equal(mismatch.body.code, 'idempotency_mismatch')
  })
})

test('an answer about several spaces is not kept: no one key would die with it', async (t) => {
  const locket = await openLocket(t)
  const items = ['user:alice', 'user:bob'].map((space) => ({ space, text: 'x' }))
  const sent = { body: { items }, headers: { 'Idempotency-Key': 'both' } }
  assert.equal((await locket.call('POST', '/v1/memories/batch', sent)).status, 200)
  const again = await locket.call('POST', '/v1/memories/batch', sent)
  assert.equal(again.body.code, 'answer_not_kept')
  assert.equal((await locket.sql('SELECT * FROM memories')).length, 2)
  const kept = await locket.sql('SELECT answer FROM idempotency_keys')
  assert.deepEqual(
    kept.map(({ answer }) => answer),
    [null],
  )
})

test('a batch reaches into eight spaces and no more', async (t) => {
  const locket = await openLocket(t)
  const itemsIn = (count: number): object => ({
    items: Array.from({ length: count }, (_, at) => ({ space: `team:t${at}`, text: 'x' })),
  })
  const nine = await locket.call('POST', '/v1/memories/batch', { body: itemsIn(9) })
  assert.equal(nine.body.code, 'invalid_input')
  assert.equal((await locket.sql('SELECT * FROM spaces')).length, 0)
  const eight = await locket.call('POST', '/v1/memories/batch', { body: itemsIn(8) })
  assert.equal(eight.status, 200)
})
