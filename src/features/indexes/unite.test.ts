import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Scored } from './top.ts'
import { unite } from './unite.ts'

const hit = (document: number, score = 1): Scored => ({ document, score })
const numbers = (hits: readonly Scored[]): number[] => hits.map(({ document }) => document)

test('what both have found comes first, then by rank, whatever the scores', () => {
  const words = [hit(1, 900), hit(2, 800), hit(3, 1)]
  const vectors = [hit(4, 0.9), hit(3, 0.8), hit(5, 0.7)]
  const united = unite(words, vectors, 10)
  assert.deepEqual(numbers(united), [3, 1, 4, 2, 5])
  assert.deepEqual(united[0], {
    document: 3,
    score: 1 / 63 + 1 / 62,
    words: { rank: 3, score: 1 },
    vectors: { rank: 2, score: 0.8 },
  })
  assert.deepEqual(united[1]?.vectors, null)
  assert.deepEqual(united[2], {
    document: 4,
    score: 1 / 61,
    words: null,
    vectors: { rank: 1, score: 0.9 },
  })
  assert.deepEqual(numbers(unite(words, vectors, 2)), [3, 1])
})

const lists = fc
  .uniqueArray(fc.nat(200), { maxLength: 120 })
  .map((all) => all.map((one) => hit(one)))

test('the union is what adding up the points of each and sorting gives, ties included', () => {
  fc.assert(
    fc.property(lists, lists, fc.integer({ min: 1, max: 300 }), (words, vectors, limit) => {
      const points = new Map<number, number>()
      for (const list of [words, vectors]) {
        for (const [at, { document }] of list.entries()) {
          points.set(document, (points.get(document) ?? 0) + 1 / (60 + at + 1))
        }
      }
      const sorted = [...points].toSorted((a, b) => b[1] - a[1]).slice(0, limit)
      assert.deepEqual(
        unite(words, vectors, limit).map(({ document, score }) => [document, score]),
        sorted,
      )
    }),
  )
})

test('each is told its places in both lists', () => {
  fc.assert(
    fc.property(lists, lists, (words, vectors) => {
      const united = unite(words, vectors, 1000)
      assert.equal(united.length, new Set([...numbers(words), ...numbers(vectors)]).size)
      for (const { document, ...places } of united) {
        assert.equal((places.words?.rank ?? 0) - 1, numbers(words).indexOf(document))
        assert.equal((places.vectors?.rank ?? 0) - 1, numbers(vectors).indexOf(document))
      }
    }),
  )
})

test('only what both have found comes before the best of either', () => {
  const list = lists.filter((all) => all.length > 0)
  fc.assert(
    fc.property(list, list, (words, vectors) => {
      const both = new Set(numbers(words).filter((one) => numbers(vectors).includes(one)))
      const first = numbers(unite(words, vectors, both.size + 2))
      assert.ok(first.includes(words[0]?.document ?? -1))
      assert.ok(first.includes(vectors[0]?.document ?? -1))
    }),
  )
})
