import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fieldsOf, seed } from './document-fixture.ts'
import { importanceFactor, recencyFactor } from './factors.ts'
import { type Query, queryOf } from './query.ts'
import { createSpaceIndex, type DocumentFields, type Hit } from './space-index.ts'
import { labelMask, termSeed, termsOf } from './tokens.ts'

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
  readonly sequence: readonly string[]
  readonly asks: boolean
}

const keyOf = (low: number, high: number): string => `${low}.${high}`

function counted(memory: Memory): Counted {
  const terms = termsOf(memory.text, termSeed(seed))
  const counts = new Map<string, number>()
  const labels = new Set<string>()
  const sequence: string[] = []
  for (let i = 0; i < terms.count; i++) {
    const key = keyOf(terms.low[i] as number, terms.high[i] as number)
    counts.set(key, (counts.get(key) ?? 0) + 1)
    if (i < terms.labelled) labels.add(key)
    if (terms.apart[i] === 0) sequence.push(key)
  }
  return { memory, counts, labels, length: terms.count, sequence, asks: terms.asks }
}

/** BM25 of bags of terms, each given by its counts and length: one score per bag. */
function bm25(
  bags: { counts: Map<string, number>; length: number }[],
  query: string[],
  b: number,
): number[] {
  const average = bags.reduce((sum, bag) => sum + bag.length, 0) / bags.length
  const idfs = query.map((term) =>
    idf(bags.length, bags.filter((bag) => bag.counts.has(term)).length),
  )
  return bags.map((bag) => {
    const parts = query.map((term, i) => {
      const frequency = bag.counts.get(term) ?? 0
      const norm = 1.2 * (1 - b + (b * bag.length) / average)
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

const has = (one: Counted, keys: string[], offsets: Uint8Array): boolean =>
  one.sequence.some((_, at) =>
    keys.every((key, word) => one.sequence[at + (offsets[word] ?? 0)] === key),
  )

function phraseScore(all: Counted[], one: Counted, { terms, phrases }: Query): number {
  const keys = terms.map(({ low, high }) => keyOf(low, high))
  let score = 0
  for (const phrase of phrases) {
    const words = phrase.terms.map((term) => keys[term] as string)
    if (!has(one, words, phrase.variants[0]?.offsets ?? new Uint8Array())) continue
    const idfs = words.map((key) =>
      idf(all.length, all.filter(({ counts }) => counts.has(key)).length),
    )
    score += phrase.quoted ? 3 * idfs.reduce((sum, part) => sum + part, 0) : Math.min(...idfs)
  }
  return score
}

function factors({ memory: { fields } }: Counted, now: number): number {
  const recency = recencyFactor(fields.occurredAt, { now, recency: 'gentle' })
  return importanceFactor(fields.importance) * recency
}

function reference(memories: Memory[], text: string, now = 0): Map<string, number> {
  const asked = queryOf(text, { seed: termSeed(seed), languages: [] })
  const query = asked.terms.map(({ low, high }) => keyOf(low, high))
  const all = memories.map(counted)
  const points = bm25(all, query, 0.5)
  const own = new Map(all.map((one, i) => [one, points[i] as number]))
  const floor = Math.max(...points) * 0.35
  const lent = (one: Counted | undefined, share: number): number => {
    const points = one === undefined ? 0 : (own.get(one) as number)
    return points >= floor ? points * share : 0
  }
  const chains = chainsOf(all)
  const sessionScores = bm25(chains.map(bagOf), query, 0.75)
  const scores = new Map<string, number>()
  for (const [c, chain] of chains.entries()) {
    for (const [i, one] of chain.entries()) {
      const near = lent(chain[i - 1], chain[i - 1]?.asks ? 0.75 : 0.5) + lent(chain[i + 1], 0.5)
      const far = lent(chain[i - 2], 0.25) + lent(chain[i + 2], 0.25)
      const points = (own.get(one) as number) + near + far + labelScore(all, one, query)
      const score = points + (sessionScores[c] as number) + phraseScore(all, one, asked)
      if (points > 0) scores.set(one.memory.fields.id, score * factors(one, now))
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
  const queries = ['coffee', 'coffee sugar', 'Who paints in summer?', 'コーヒー', 'the', 'tea milk']

  for (const query of queries) {
    test(`ranks like the textbook: ${query}`, () => {
      const { terms } = queryOf(query, { seed: termSeed(seed), languages: [] })
      const keys = terms.map(({ low, high }) => keyOf(low, high))
      const bags = memories.map(counted)
      // Without sessions each memory is a session of its own.
      const [own, session] = [bm25(bags, keys, 0.5), bm25(bags, keys, 0.75)]
      const ranked = bags
        .map((bag, i) => ({
          id: bag.memory.fields.id,
          // All of them are of now and of usual importance.
          score: ((own[i] as number) + (session[i] as number)) * 1.1,
        }))
        .filter(({ score }) => score > 0)
      assertAgrees(
        indexOf(memories).search(query, question),
        new Map(ranked.map(({ id, score }) => [id, score])),
      )
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
      [1, 2, 0, 3].map((number) => fieldsOf(number).id),
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
    const [term] = queryOf('alice', { seed: termSeed(seed), languages: [] }).terms
    assert.ok(term)
    assert.notEqual((term.low ^ labelMask) >>> 0, term.low)
  })
})

describe('questions in a conversation', () => {
  test('the turn after a question gets more of it than the turn before', () => {
    const turns = ['violin lessons', 'so?', 'what of the drums?', 'yes', 'no']
    const memories = turns.map((text, i) => ({ fields: fieldsOf(i, { sessionId: 's' }), text }))
    const hits = indexOf(memories).search('drums', question)
    assert.deepEqual(
      hits.map(({ id }) => id),
      [2, 3, 1, 0, 4].map((number) => fieldsOf(number).id),
    )
  })
})

describe('phrases', () => {
  const texts = [
    'the york office is new and the times are hard',
    'we read the New York Times at breakfast',
    'new times in york',
    'the band is called The Who',
    'who is the singer of the band?',
  ]
  const memories = texts.map((text, i) => ({ fields: fieldsOf(i), text }))
  const best = (query: string) => indexOf(memories).search(query, question)[0]?.id

  test('words that stand together as they do in the question win', () => {
    assert.equal(best('new york times'), fieldsOf(1).id)
    assert.equal(best('times york'), fieldsOf(2).id)
  })

  test('a quotation is found as it stands, stop words and all', () => {
    assert.equal(best('"the who" band singer'), fieldsOf(3).id)
    assert.equal(best('band singer'), fieldsOf(4).id)
    for (const quoted of ['“the who”', '„the who“', '«the who»', '「the who」']) {
      assert.equal(best(`${quoted} band singer`), fieldsOf(3).id)
    }
  })

  test('a quotation that nothing holds takes nothing away', () => {
    const hits = indexOf(memories).search('"york band"', question)
    assert.equal(hits.length, 5)
  })
})

describe('importance and recency', () => {
  const day = 24 * 3_600_000
  const now = 1000 * day
  const found = (
    changes: Partial<DocumentFields>[],
    texts: string[],
    recency?: 'none' | 'strong',
  ) => {
    const memories = texts.map((text, i) => ({ fields: fieldsOf(i, changes[i]), text }))
    const hits = indexOf(memories).search('tea milk', { limit: 9, now, recency })
    return hits.map(({ id }) => Number(id.slice(4)))
  }
  const alike = ['tea milk', 'tea milk']

  test('of equal matches the more important and the more recent come first', () => {
    assert.deepEqual(found([{ importance: 4 }, { importance: 6 }], alike), [1, 0])
    const times = [{ occurredAt: now - 60 * day }, { occurredAt: now - day }]
    assert.deepEqual(found(times, alike), [1, 0])
    assert.deepEqual(found(times, alike, 'none'), [0, 1])
  })

  test('neither outweighs a clearly better match', () => {
    const worst = { importance: 0, occurredAt: 0 }
    const best = { importance: 10, occurredAt: now }
    assert.deepEqual(found([worst, best], ['tea milk', 'tea water']), [0, 1])
  })

  test('who asks for what is new gets it before what fits better', () => {
    const times = [{ occurredAt: 0 }, { occurredAt: now }]
    assert.deepEqual(found(times, ['tea milk', 'tea water milk']), [0, 1])
    assert.deepEqual(found(times, ['tea milk', 'tea water milk'], 'strong'), [1, 0])
  })

  test('what lies in the future counts as now', () => {
    const times = [{ occurredAt: now }, { occurredAt: now + 500 * day }]
    assert.deepEqual(found(times, alike), [0, 1])
  })
})

const words = ['tea', 'milk', 'lake', 'Alice:', 'Bob:', 'sailing?', 'the', '東京', 'run']
const memory = fc.record({
  text: fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((chosen) => chosen.join(' ')),
  sessionId: fc.constantFrom(null, 'a', 'b'),
  occurredAt: fc.nat(3).map((days) => days * 20 * 24 * 3_600_000),
  importance: fc.constantFrom(0, 5, 10),
})
const corpus = fc.array(memory, { maxLength: 25 })
const toMemories = (drawn: ({ text: string } & Partial<DocumentFields>)[]): Memory[] =>
  drawn.map(({ text, ...changes }, i) => ({ fields: fieldsOf(i, changes), text }))
const asked = fc
  .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...words) }, fc.constant('"')), {
    minLength: 1,
    maxLength: 8,
  })
  .map((chosen) => chosen.join(' '))
const now = 30 * 24 * 3_600_000

test('any corpus is scored as the formula says', () => {
  fc.assert(
    fc.property(corpus, asked, (drawn, query) => {
      const memories = toMemories(drawn)
      const hits = indexOf(memories).search(query, { limit: 1000, now })
      assertAgrees(hits, memories.length === 0 ? new Map() : reference(memories, query, now))
    }),
    { numRuns: 300 },
  )
})

test('fewer answers are the first of more', () => {
  fc.assert(
    fc.property(corpus, asked, fc.nat(12), (drawn, query, limit) => {
      const index = indexOf(toMemories(drawn))
      const more = index.search(query, { limit: 1000, now })
      assert.deepEqual(index.search(query, { limit, now }), more.slice(0, limit))
    }),
    { numRuns: 150 },
  )
})
