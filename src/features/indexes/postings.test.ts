import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createPostings, createPostingsBuffer, frequencyMax, type Postings } from './postings.ts'

const buffer = createPostingsBuffer()

/** What is filed under a term, as [document, frequency] pairs. */
function read(postings: Postings, [low, high]: readonly [number, number]): [number, number][] {
  const count = postings.read(low, high, buffer)
  return Array.from({ length: count }, (_, i) => [
    buffer.documents[i] as number,
    buffer.frequencies[i] as number,
  ])
}

const tea = [7, 9] as const
const milk = [7, 10] as const

describe('postings', () => {
  test('a term that was never added has none', () => {
    assert.deepEqual(read(createPostings(), tea), [])
  })

  test('occurrences in one document are counted', () => {
    const postings = createPostings()
    postings.add(...tea, 0)
    postings.add(...milk, 0)
    postings.add(...tea, 0)
    postings.add(...tea, 3)
    assert.deepEqual(read(postings, tea), [
      [0, 2],
      [3, 1],
    ])
    assert.deepEqual(read(postings, milk), [[0, 1]])
    assert.equal(postings.terms, 2)
  })

  test('a frequency stops at what a posting can say', () => {
    const postings = createPostings()
    for (let i = 0; i < 100; i++) postings.add(...tea, 5)
    assert.deepEqual(read(postings, tea), [[5, frequencyMax]])
  })

  test('both halves of a hash tell terms apart, zero among them', () => {
    const postings = createPostings()
    const terms = [
      [0, 0],
      [0, 1],
      [1, 0],
      [0xffffffff, 0xffffffff],
      // The same place in the table, and the same low half.
      [0, 1 + 2 ** 20],
    ] as const
    for (const [document, [low, high]] of terms.entries()) postings.add(low, high, document)
    for (const [document, term] of terms.entries()) {
      assert.deepEqual(read(postings, term), [[document, 1]])
    }
  })

  test('chains of every length up to several slices and pages come back whole', () => {
    for (const length of [1, 2, 3, 4, 5, 11, 12, 126, 127, 128, 255, 256, 1000, 20_000]) {
      const postings = createPostings()
      for (let document = 0; document < length; document++) postings.add(...tea, document)
      const found = read(postings, tea)
      assert.equal(found.length, length)
      assert.ok(found.every(([document], i) => document === i))
    }
  })

  test('document numbers of 28 bits survive', () => {
    const postings = createPostings()
    const numbers = [0, 2 ** 27 - 1, 2 ** 27, 2 ** 28 - 1]
    for (const document of numbers) postings.add(...tea, document)
    assert.deepEqual(
      read(postings, tea).map(([document]) => document),
      numbers,
    )
  })

  test('many terms grow the dictionary and none is lost', () => {
    const postings = createPostings()
    // One high half for all: every term lands on the same place first.
    for (let low = 0; low < 3000; low++) postings.add(low, 42, low)
    for (let low = 0; low < 3000; low++) assert.deepEqual(read(postings, [low, 42]), [[low, 1]])
  })

  test('the arena grows by pages and the size is said', () => {
    const postings = createPostings()
    const empty = postings.bytes
    for (let document = 0; document < 50_000; document++) postings.add(...tea, document)
    const grown = postings.bytes - empty
    assert.ok(grown >= 50_000 * 4 && grown < 50_000 * 4.4, `${grown} bytes`)
  })
})

describe('compaction', () => {
  test('renumbers, drops what is gone and forgets empty terms', () => {
    const postings = createPostings()
    for (const document of [0, 1, 2, 3]) postings.add(...tea, document)
    postings.add(...tea, 3)
    postings.add(...milk, 1)
    const compacted = postings.compact(Int32Array.of(-1, -1, 0, 1))
    assert.deepEqual(read(compacted, tea), [
      [0, 1],
      [1, 2],
    ])
    assert.deepEqual(read(compacted, milk), [])
    assert.equal(compacted.terms, 1)
  })

  test('what is added afterwards follows', () => {
    const postings = createPostings()
    for (let document = 0; document < 300; document++) postings.add(...tea, document)
    const compacted = postings.compact(Int32Array.from({ length: 300 }, (_, i) => i))
    compacted.add(...tea, 299)
    compacted.add(...tea, 300)
    const found = read(compacted, tea)
    assert.equal(found.length, 301)
    assert.deepEqual(found.slice(-2), [
      [299, 2],
      [300, 1],
    ])
  })
})

test('postings agree with a map of maps', () => {
  const texts = fc.array(fc.array(fc.nat(40), { maxLength: 30 }), { maxLength: 60 })
  fc.assert(
    fc.property(texts, fc.func(fc.boolean()), (documents, keeps) => {
      const postings = createPostings()
      const expected = new Map<number, Map<number, number>>()
      for (const [document, terms] of documents.entries()) {
        for (const term of terms) {
          postings.add(term, term * 31, document)
          const counts = expected.get(term) ?? new Map<number, number>()
          expected.set(term, counts.set(document, (counts.get(document) ?? 0) + 1))
        }
      }
      const kept = documents.map((_, document) => keeps(document))
      let next = 0
      const renumbered = Int32Array.from(kept, (keep) => (keep ? next++ : -1))
      const compacted = postings.compact(renumbered)
      for (const [term, counts] of expected) {
        const pairs = [...counts].map(([d, n]): [number, number] => [d, Math.min(n, frequencyMax)])
        assert.deepEqual(read(postings, [term, term * 31]), pairs)
        const left = pairs.filter(([document]) => kept[document])
        const moved = left.map(([d, n]) => [renumbered[d] as number, n])
        assert.deepEqual(read(compacted, [term, term * 31]), moved)
      }
    }),
  )
})
