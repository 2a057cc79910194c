import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fuse } from './fuse.ts'

const hit = (id: string, score: number) => ({ id, score })
const ids = (hits: readonly { id: string }[]): string[] => hits.map((one) => one.id)

test('one list stays as it is, scores and all', () => {
  const list = [hit('a', 9), hit('b', 3), hit('c', 1)]
  assert.deepEqual(fuse([list], 2), list.slice(0, 2))
  assert.deepEqual(fuse([], 5), [])
  assert.deepEqual(fuse([[]], 5), [])
})

test('of several lists ranks count, not scores', () => {
  const fused = fuse(
    [
      [hit('a', 1000), hit('b', 999)],
      [hit('c', 0.1), hit('d', 0.01)],
    ],
    4,
  )
  assert.deepEqual(ids(fused), ['a', 'c', 'b', 'd'])
  assert.deepEqual(
    fused.map((one) => one.score),
    [1 / 61, 1 / 61, 1 / 62, 1 / 62],
  )
  assert.deepEqual(fused[2]?.fusion, { rank: 2, score: 1 / 62 })
  assert.deepEqual(ids(fuse([[], [hit('c', 1)], [hit('a', 1)]], 1)), ['c'])
})

test('each list keeps its order, nothing is lost or made up, and the best come first', () => {
  const list = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { maxLength: 10 })
  fc.assert(
    fc.property(fc.array(list, { maxLength: 4 }), fc.integer({ min: 0, max: 50 }), (raw, limit) => {
      const lists = raw.map((scores, at) =>
        scores.map((score, rank) => hit(`${at}/${rank}`, score)),
      )
      const fused = fuse(lists, limit)
      assert.equal(fused.length, Math.min(limit, lists.flat().length))
      for (const [at, one] of lists.entries()) {
        const own = ids(fused).filter((id) => id.startsWith(`${at}/`))
        assert.deepEqual(own, ids(one).slice(0, own.length))
      }
      if (lists.length > 1) {
        const scores = fused.map((one) => one.score)
        assert.deepEqual(
          scores,
          scores.toSorted((a, b) => b - a),
        )
      }
    }),
  )
})
