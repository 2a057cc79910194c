import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fieldsOf, seed } from './document-fixture.ts'
import { createSpaceIndex, type DocumentFields, type Hit } from './space-index.ts'
import { labelMask, queryTermsOf, termSeed, termsOf } from './tokens.ts'

/**
 * The formula at the top of ranking.ts, written again in the plainest way: maps, no shared memory,
 * no pruning but the one it states. The index must agree with it on any corpus.
 */

interface Memory {
  readonly fields: DocumentFields
  readonly text: string
}

interface Counted {
  readonly memory: Memory
  readonly counts: Map<string, number>
  readonly labels: Set<string>
  readonly length: number
}

const keyOf = (low: number, high: number): string => `${low}.${high}`

function counted(memory: Memory): Counted {
  const terms = termsOf(memory.text, termSeed(seed))
  const counts = new Map<string, number>()
  const labels = new Set<string>()
  for (let i = 0; i < terms.count; i++) {
    const key = keyOf(terms.low[i] as number, terms.high[i] as number)
    counts.set(key, (counts.get(key) ?? 0) + 1)
    if (i < terms.labelled) labels.add(key)
  }
  return { memory, counts, labels, length: terms.count }
}

/** BM25 of bags of terms, each given by its counts and length: one score per bag. */
function bm25(bags: { counts: Map<string, number>; length: number }[], query: string[]): number[] {
  const average = bags.reduce((sum, bag) => sum + bag.length, 0) / bags.length
  const idfs = query.map((term) =>
    idf(bags.length, bags.filter((bag) => bag.counts.has(term)).length),
  )
  return bags.map((bag) => {
    const parts = query.map((term, i) => {
      const frequency = bag.counts.get(term) ?? 0
      const norm = 1.2 * (1 - 0.75 + (0.75 * bag.length) / average)
      return ((idfs[i] as number) * frequency * 2.2) / (frequency + norm)
    })
    return parts.reduce((sum, part) => sum + part, 0)
  })
}

function idf(all: number, having: number): number {
  return Math.log(1 + (all - having + 0.5) / (having + 0.5))
}

function bagOf(members: Counted[]): { counts: Map<string, number>; length: number } {
  const counts = new Map<string, number>()
  for (const member of members) {
    for (const [term, count] of member.counts) counts.set(term, (counts.get(term) ?? 0) + count)
  }
  return { counts, length: members.reduce((sum, member) => sum + member.length, 0) }
}

function labelScore(all: Counted[], one: Counted, query: string[]): number {
  const carried = query.filter((term) => one.labels.has(term))
  const having = (term: string) => all.filter((other) => other.labels.has(term)).length
  return carried.reduce((sum, term) => sum + idf(all.length, having(term)), 0)
}

function chainsOf(all: Counted[]): Counted[][] {
  const inOrder = all.toSorted(({ memory: { fields: a } }, { memory: { fields: b } }) => {
    return a.occurredAt - b.occurredAt || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)
  })
  const name = ({ memory }: Counted) => memory.fields.sessionId ?? `alone ${memory.fields.id}`
  return [...Map.groupBy(inOrder, name).values()]
}

function reference(memories: Memory[], text: string): Map<string, number> {
  const query = queryTermsOf(text, termSeed(seed)).map(({ low, high }) => keyOf(low, high))
  const all = memories.map(counted)
  const own = new Map(all.map((one, i) => [one, bm25(all, query)[i] as number]))
  const floor = Math.max(...own.values()) / 4
  const lends = (one: Counted | undefined): number => {
    const points = one === undefined ? 0 : (own.get(one) as number)
    return points >= floor ? points : 0
  }
  const chains = chainsOf(all)
  const sessionScores = bm25(chains.map(bagOf), query)
  const scores = new Map<string, number>()
  for (const [c, chain] of chains.entries()) {
    for (const [i, one] of chain.entries()) {
      const near = lends(chain[i - 1]) + lends(chain[i + 1])
      const far = lends(chain[i - 2]) + lends(chain[i + 2])
      const points = (own.get(one) as number) + near / 2 + far / 4 + labelScore(all, one, query)
      if (points > 0) scores.set(one.memory.fields.id, points + (sessionScores[c] as number))
    }
  }
  return scores
}

function indexOf(memories: Memory[]) {
  const index = createSpaceIndex({ seed })
  for (const { fields, text } of memories) index.put(fields, text)
  return index
}

function assertAgrees(hits: Hit[], expected: Map<string, number>): void {
  assert.equal(hits.length, expected.size)
  for (const [i, { id, score }] of hits.entries()) {
    const wanted = expected.get(id)
    assert.ok(wanted !== undefined, `${id} was not expected`)
    assert.ok(Math.abs(score - wanted) <= 1e-6 * wanted, `${id}: ${score}, expected ${wanted}`)
    const before = hits[i - 1]
    if (before === undefined) continue
    assert.ok(before.score > score || (before.score === score && before.id < id), 'order')
  }
}

const question = { limit: 1000, now: 0 }

describe('plain BM25', () => {
  const texts = [
    'Alice takes her coffee without sugar',
    'Bob takes tea with milk and with sugar, much sugar',
    'The coffee machine in the office is broken again',
    'Carol paints at the lake every summer',
    'Alice met Carol at the lake',
    'A very long note about nothing in particular that mentions coffee once among many other words',
    '昨日コーヒーを飲みました',
  ]
  const memories = texts.map((text, i) => ({ fields: fieldsOf(i), text }))
  const queries = [
    'coffee',
    'coffee sugar',
    'Who met Carol at the lake?',
    'コーヒー',
    'the',
    'tea milk',
  ]

  for (const query of queries) {
    test(`ranks like the textbook: ${query}`, () => {
      const terms = queryTermsOf(query, termSeed(seed)).map(({ low, high }) => keyOf(low, high))
      const scores = bm25(memories.map(counted), terms)
      const hits = indexOf(memories).search(query, question)
      // Without sessions each memory is a session of its own, which doubles every score.
      const ranked = scores
        .map((score, i) => ({ id: fieldsOf(i).id, score: score * 2 }))
        .filter(({ score }) => score > 0)
        .toSorted((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
      assert.deepEqual(
        hits.map(({ id }) => id),
        ranked.map(({ id }) => id),
      )
      assertAgrees(hits, new Map(ranked.map(({ id, score }) => [id, score])))
    })
  }
})

describe('sessions', () => {
  const say = (turns: string[], sessionId = 'one', first = 0): Memory[] =>
    turns.map((text, i) => ({ fields: fieldsOf(first + i, { sessionId }), text }))

  test('an answer that shares no word with the question is found beside it', () => {
    const memories = [
      ...say(['hello', 'which instrument do you play?', 'the violin', 'nice']),
      ...say(['about cooking', 'soup'], 'two', 10),
    ]
    const hits = indexOf(memories).search('instrument played', question)
    assert.deepEqual(
      hits.map(({ id }) => id),
      [1, 0, 2, 3].map((number) => fieldsOf(number).id),
    )
    assertAgrees(hits, reference(memories, 'instrument played'))
  })

  test('weight does not cross from one session to the next', () => {
    const memories = [...say(['violin']), ...say(['drums'], 'two', 1)]
    assert.equal(indexOf(memories).search('violin', question).length, 1)
  })

  test('the session that is about the question wins between equal turns', () => {
    const memories = [
      ...say(['soup', 'x', 'y', 'we talked of tennis', 'z', 'w', 'tea', 'v']),
      ...say(['tennis', 'x', 'y', 'we talked of tennis', 'z', 'w', 'tennis', 'v'], 'two', 20),
    ]
    const hits = indexOf(memories).search('talked tennis', question)
    assert.equal(hits[0]?.id, fieldsOf(23).id)
    assertAgrees(hits, reference(memories, 'talked tennis'))
  })

  test('time orders a session, then the time of storing, then the id', () => {
    const places: [number, Partial<DocumentFields>, string][] = [
      [4, { occurredAt: 5, createdAt: 1 }, 'needle'],
      [3, { occurredAt: 5, createdAt: 1 }, 'three'],
      [2, { occurredAt: 5, createdAt: 2 }, 'two'],
      [1, { occurredAt: 9, createdAt: 0 }, 'one'],
      [0, { occurredAt: 1, createdAt: 9 }, 'zero'],
    ]
    const memories = places.map(([number, times, text]) => {
      return { fields: fieldsOf(number, { sessionId: 's', ...times }), text }
    })
    const hits = indexOf(memories).search('needle', question)
    const found = hits.map(({ id }) => Number(id.slice(4)))
    assert.deepEqual(found, [4, 2, 3, 0, 1])
  })
})

describe('labels', () => {
  test('who speaks counts more than who is spoken of', () => {
    const memories = [
      { fields: fieldsOf(0), text: 'Bob: Alice went sailing' },
      { fields: fieldsOf(1), text: 'Alice: Bob went sailing' },
    ]
    const index = indexOf(memories)
    assert.equal(index.search('Did Alice go sailing?', question)[0]?.id, fieldsOf(1).id)
    assert.equal(index.search('Did Bob go sailing?', question)[0]?.id, fieldsOf(0).id)
  })

  test('a word and the same word as a label are filed apart', () => {
    const [term] = queryTermsOf('alice', termSeed(seed))
    assert.ok(term)
    assert.notEqual((term.low ^ labelMask) >>> 0, term.low)
  })
})

const words = ['tea', 'milk', 'lake', 'Alice:', 'Bob:', 'sailing', 'the', '東京', 'run']
const memory = fc.record({
  text: fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((chosen) => chosen.join(' ')),
  sessionId: fc.constantFrom(null, 'a', 'b'),
  occurredAt: fc.nat(3),
})

test('any corpus is scored as the formula says', () => {
  const corpus = fc.array(memory, { maxLength: 25 })
  const query = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(corpus, query, (drawn, asked) => {
      const memories = drawn.map(({ text, ...changes }, i) => ({
        fields: fieldsOf(i, changes),
        text,
      }))
      const hits = indexOf(memories).search(asked.join(' '), question)
      assertAgrees(hits, memories.length === 0 ? new Map() : reference(memories, asked.join(' ')))
    }),
    { numRuns: 300 },
  )
})
