import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../../test/harness.ts'
import { limits } from '../../core/limits.ts'

const space = 'user:alice'

test('what cannot be merged is skipped, and nobody is told to call for it for ever', async (t) => {
  const locket = await openLocket(t)
  const post = async (path: string, body: object) =>
    (await locket.call('POST', path, { body })).body
  const many = limits.compactGroup_max + 2
  const memories = Array.from({ length: many }, (_, n) => ({
    text: 'likes tea',
    sessionId: `s${n}`,
    tags: Array.from({ length: limits.tags_max }, (_, tag) => `${n} ${tag}`),
  }))
  for (let done = 0; done < many; done += 50) {
    const items = memories.slice(done, done + 50)
    await post('/v1/memories/batch', { space, items })
  }
  const body = { space, strategy: 'duplicates', dryRun: false }
  const { replaced, skipped, remaining, more } = await post('/v1/memories/compact', body)
  assert.deepEqual([replaced.length, skipped, remaining], [0, limits.compactGroup_max, 1])
  assert.equal(more, false)
})

test('more compactions at once than are planned are told to come again', async (t) => {
  const locket = await openLocket(t)
  await locket.call('POST', '/v1/memories', { body: { space, text: 'likes tea' } })
  const body = { space, strategy: 'duplicates' }
  const compact = () => locket.call('POST', '/v1/memories/compact', { body })
  const { planning } = locket.app.pipeline.services
  const { promise, resolve } = Promise.withResolvers<void>()
  const others = Array.from({ length: limits.compactions_max }, () => planning.run(() => promise))
  const refused = await compact()
  assert.equal(refused.body.code, 'unavailable')
  assert.equal(refused.headers.get('retry-after'), '1')
  resolve()
  await Promise.all(others)
  assert.equal((await compact()).status, 200, 'there is room again')
})
