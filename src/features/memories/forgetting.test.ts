/** Deleting a memory deletes what was kept of it for requests that might be sent again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../../test/harness.ts'

const headers = { 'Idempotency-Key': 'once' }
const body = { space: 'user:alice', text: 'Alice has a twin' }

test('a deletion forgets the kept answers about its space, and nothing is done twice', async (t) => {
  const { call } = await openLocket(t)
  const first = await call('POST', '/v1/memories', { headers, body })
  const again = await call('POST', '/v1/memories', { headers, body })
  assert.equal(again.body.id, first.body.id)
  await call('DELETE', `/v1/memories/${first.body.id}`)
  const after = await call('POST', '/v1/memories', { headers, body })
  assert.equal(after.status, 409)
  assert.equal(after.body.code, 'answer_not_kept')
  const { items } = (await call('POST', '/v1/memories/list', { body: { space: body.space } })).body
  assert.deepEqual(items, [])
})

test('a deletion by filter forgets them too, and other spaces keep theirs', async (t) => {
  const { call } = await openLocket(t)
  const other = { space: 'user:bob', text: 'Bob has a boat' }
  await call('POST', '/v1/memories', { headers, body })
  const kept = { headers: { 'Idempotency-Key': 'other' }, body: other }
  const bobs = await call('POST', '/v1/memories', kept)
  const filter = { type: 'fact' }
  await call('POST', '/v1/memories/delete', { body: { space: body.space, filter } })
  assert.equal((await call('POST', '/v1/memories', { headers, body })).body.code, 'answer_not_kept')
  assert.equal((await call('POST', '/v1/memories', kept)).body.id, bobs.body.id)
})
