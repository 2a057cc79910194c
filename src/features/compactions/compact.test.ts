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
