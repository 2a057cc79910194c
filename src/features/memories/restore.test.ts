import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openLocket, type Reply } from '../../../test/harness.ts'
import { hour_ms } from '../../core/clock.ts'

const space = 'user:alice'
const start = Date.parse('2026-01-01T10:20:30.000Z')

async function scene(t: TestContext) {
  const time = { now: start }
  const locket = await openLocket(t, { clock: () => time.now })
  const call = async (path: string, body: object, key = locket.admin): Promise<Reply> =>
    locket.call('POST', path, { key, body })
  const store = async (body: object): Promise<Reply['body']> =>
    (await call('/v1/memories', { space, ...body })).body
  /** Two that say the same; the second one is replaced. */
  const replaced = async (body: object): Promise<string> => {
    await store({ text: 'likes tea', key: 'kept' })
    const { id } = await store({ text: 'Likes tea!', ...body })
    const compaction = { space, strategy: 'duplicates', dryRun: false }
    const done = (await call('/v1/memories/compact', compaction)).body
    assert.deepEqual(done.replaced, [id])
    return id
  }
  return { time, locket, call, store, replaced }
}

test('who may compact and not read gets no text by restoring', async (t) => {
  const { locket, call, store, replaced } = await scene(t)
  const gone = await replaced({})
  const active = await store({ text: 'a secret' })
  const body = {
    name: 'janitor',
    description: '',
    permissions: ['memory:compact'],
    reach: 'tenant',
  }
  const role = (await call('/v1/roles', body)).body.id
  const { key } = await locket.person('service:janitor', { role })
  assert.equal(
    (await call('/v1/memories/compact', { space, strategy: 'duplicates' }, key)).status,
    200,
  )
  for (const id of [gone, active.id]) {
    const refused = await call(`/v1/memories/${id}/restore`, {}, key)
    assert.deepEqual([refused.status, refused.body.code], [403, 'permission_denied'])
  }
  assert.equal((await call(`/v1/memories/${gone}/restore`, {})).body.status, 'active')
})

test('a key is free again once the memory that took it is over', async (t) => {
  const { time, call, store, replaced } = await scene(t)
  const gone = await replaced({ key: 'mine' })
  await store({ text: 'milk', key: 'mine', expiresAt: new Date(start + hour_ms).toISOString() })
  assert.equal((await call(`/v1/memories/${gone}/restore`, {})).body.code, 'already_exists')
  time.now += hour_ms
  const restored = await call(`/v1/memories/${gone}/restore`, {})
  assert.deepEqual([restored.status, restored.body.key], [200, 'mine'])
  assert.equal((await store({ text: 'tea', key: 'mine' })).id, gone)
})
