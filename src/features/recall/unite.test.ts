import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { unite } from './unite.ts'

const hit = (id: string, score = 1) => ({ id, score })
const ids = (hits: readonly { id: string }[]): string[] => hits.map(({ id }) => id)

test('what both have found comes first, then by rank, whatever the scores', () => {
  const words = [hit('a', 900), hit('b', 800), hit('c', 1)]
  const vectors = [hit('d', 0.9), hit('c', 0.8), hit('e', 0.7)]
  const united = unite([words, vectors], 10)
  assert.deepEqual(ids(united), ['c', 'a', 'd', 'b', 'e'])
  assert.equal(united[0]?.score, 1 / 63 + 1 / 62)
  assert.deepEqual(ids(unite([words, vectors], 2)), ['c', 'a'])
})

test('the union has each hit of either list once, and no other', () => {
  const list = fc.uniqueArray(fc.nat(30)).map((all) => all.map((id) => hit(String(id))))
  fc.assert(
    fc.property(list, list, (words, vectors) => {
      const united = ids(unite([words, vectors], 1000))
      assert.deepEqual(new Set(united), new Set([...ids(words), ...ids(vectors)]))
      assert.equal(new Set(united).size, united.length)
    }),
  )
})

test('only what both have found comes before the best of either', () => {
  const list = fc
    .uniqueArray(fc.nat(30), { minLength: 1 })
    .map((all) => all.map((id) => hit(`${id}`)))
  fc.assert(
    fc.property(list, list, (words, vectors) => {
      const both = new Set(ids(words).filter((id) => ids(vectors).includes(id)))
      const first = unite([words, vectors], both.size + 2)
      assert.ok(ids(first).includes(words[0]?.id ?? ''))
      assert.ok(ids(first).includes(vectors[0]?.id ?? ''))
    }),
  )
})
