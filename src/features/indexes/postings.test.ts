import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { copyOf } from './document-fixture.ts'
import { partReader } from './parts.ts'
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

/** Sweeps to the end in small steps; the documents of length 0 are gone. */
function swept(postings: Postings, lengths: number[]): Postings {
  let isThrough = false
  while (!isThrough) isThrough = postings.sweep(Uint16Array.from(lengths), 1)
  return postings
}

describe('sweeping', () => {
  test('drops what is gone, and terms that have nothing left', () => {
    const postings = createPostings()
    for (const document of [0, 1, 2, 3]) postings.add(...tea, document)
    postings.add(...tea, 3)
    postings.add(...milk, 1)
    swept(postings, [0, 0, 1, 1])
    assert.deepEqual(read(postings, tea), [
      [2, 1],
      [3, 2],
    ])
    assert.deepEqual(read(postings, milk), [])
    assert.equal(postings.terms, 1)
  })

  test('what is added afterwards follows, also under the numbers of those that went', () => {
    const postings = createPostings()
    for (let document = 0; document < 300; document++) postings.add(...tea, document)
    const lengths = Array.from({ length: 300 }, (_, document) => document % 2)
    swept(postings, lengths)
    postings.add(...tea, 299)
    postings.add(...tea, 300)
    postings.add(...tea, 0)
    const found = read(postings, tea)
    assert.equal(found.length, 152)
    assert.deepEqual(found.slice(-3), [
      [299, 2],
      [300, 1],
      [0, 1],
    ])
  })

  test('a step is bounded by one term, and a sweep comes to an end', () => {
    const postings = createPostings()
    for (let term = 0; term < 100; term++) postings.add(term, term, 0)
    const lengths = Uint16Array.of(1)
    let steps = 1
    while (!postings.sweep(lengths, 20)) steps++
    assert.equal(steps, 11)
  })

  test('room is used again: replacing for ever does not grow the arena', () => {
    const postings = createPostings()
    const lengths = new Uint16Array(200)
    const round = (n: number): void => {
      const first = (n % 2) * 100
      for (let document = first; document < first + 100; document++) {
        for (let i = 0; i < 20; i++) postings.add(i, i, document)
        postings.add(n, 1000 + document, document)
        lengths[document] = 1
      }
      lengths.fill(0, 100 - first, 200 - first)
      swept(postings, [...lengths])
    }
    for (let n = 0; n < 6; n++) round(n)
    const { bytes } = postings
    for (let n = 6; n < 200; n++) round(n)
    assert.equal(postings.bytes, bytes)
    assert.equal(postings.terms, 120)
  })
})

test('postings agree with a map of maps, after a sweep and after a dump too', () => {
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
      const pairsOf = (counts: Map<number, number>) =>
        [...counts].map(([d, n]): [number, number] => [d, Math.min(n, frequencyMax)])
      for (const [term, counts] of expected) {
        assert.deepEqual(read(postings, [term, term * 31]), pairsOf(counts))
      }
      const lengths = documents.map((_, document) => (keeps(document) ? 1 : 0))
      swept(postings, lengths)
      const parts: (readonly ArrayBufferView[])[] = []
      const header = postings.dump({ add: (...views) => parts.push(views) })
      const copy = copyOf({ header, parts })
      const loaded = createPostings({ header, parts: partReader(copy.parts) })
      for (const [term, counts] of expected) {
        const left = pairsOf(counts).filter(([document]) => lengths[document] === 1)
        for (const one of [postings, loaded]) {
          assert.deepEqual(read(one, [term, term * 31]), left)
        }
      }
    }),
  )
})
