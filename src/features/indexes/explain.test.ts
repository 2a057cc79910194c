import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fieldsOf, seed } from './document-fixture.ts'
import type { Explanation } from './explain.ts'
import { createSpaceIndex, type Hit, type SpaceIndex } from './space-index.ts'

const now = 100 * 24 * 3_600_000
const question = { limit: 1000, now, explain: true }

function total(parts: Explanation): number {
  const { terms, label, neighbours, session, phrases, importance, recency } = parts
  const words = terms.reduce((sum, { score }) => sum + score, 0)
  return (words + label + neighbours + session + phrases) * importance * recency
}

function only(hits: Hit[], number: number): Explanation {
  const hit = hits.find(({ id }) => id === fieldsOf(number).id)
  assert.ok(hit?.explain)
  return hit.explain
}

const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b))

describe('each part is told for what it is', () => {
  const index = createSpaceIndex({ seed })
  const texts = [
    'Alice: do you like the New York Marathon?',
    'Bob: yes',
    'Bob: new shoes, by the way',
    'Carol: Alice ran in York',
  ]
  for (const [i, text] of texts.entries()) {
    const changes = { sessionId: i < 3 ? 's' : null, occurredAt: i, importance: i === 3 ? 10 : 5 }
    index.put(fieldsOf(i, changes), text)
  }
  const hits = index.search('Does Alice like New York?', question)

  test('words are told as they were typed, with what they give', () => {
    const { terms } = only(hits, 3)
    assert.deepEqual(
      terms.map(({ term, score }) => [term, score > 0]),
      [
        ['Alice', true],
        ['like', false],
        ['New', false],
        ['York', true],
      ],
    )
    const [alice, like] = terms
    assert.ok(alice && like && like.idf > alice.idf, 'the rarer word weighs more')
  })

  test('a label, a neighbour, a phrase and a factor stand apart', () => {
    const [first, yes, last] = [only(hits, 0), only(hits, 1), only(hits, 3)]
    assert.ok(first.label > 0 && first.phrases > 0)
    assert.equal(last.label, 0)
    assert.ok(yes.neighbours > 0)
    assert.ok(yes.terms.every(({ score }) => score === 0))
    assert.deepEqual([first.importance, last.importance], [1, 1.1])
    assert.ok(first.session > 0 && first.session === yes.session)
  })

  test('who does not ask is told nothing', () => {
    for (const hit of index.search('Alice', { ...question, explain: false })) {
      assert.deepEqual(Object.keys(hit), ['id', 'score'])
    }
  })
})

const words = ['tea', 'milk', 'lake', 'Alice:', 'Bob:', 'sailing?', 'the', '東京', 'run', '"']
const sentence = fc
  .array(fc.constantFrom(...words), { minLength: 1, maxLength: 10 })
  .map((chosen) => chosen.join(' '))
const memory = fc.record({
  text: sentence,
  sessionId: fc.constantFrom(null, 'a', 'b'),
  occurredAt: fc.nat(100).map((days) => days * 24 * 3_600_000),
  importance: fc.integer({ min: 0, max: 10 }),
  privacyLevel: fc.constantFrom('public', 'restricted'),
  type: fc.constantFrom('fact', 'goal'),
})
const memories = fc.array(memory, { maxLength: 25 })
type Drawn = typeof memories extends fc.Arbitrary<infer T> ? T : never

function indexOf(drawn: Drawn, levels: readonly string[]): SpaceIndex {
  const index = createSpaceIndex({ seed })
  for (const [i, { text, ...changes }] of drawn.entries()) {
    if (levels.includes(changes.privacyLevel)) index.put(fieldsOf(i, changes), text)
  }
  return index
}

test('the parts make the score, and asking for them changes nothing', () => {
  fc.assert(
    fc.property(memories, sentence, (drawn, query) => {
      const index = indexOf(drawn, ['public', 'restricted'])
      const accept = ({ type }: { type: string }) => type === 'fact'
      for (const scope of [{}, { privacyLevels: ['public'] }, { accept }]) {
        const hits = index.search(query, { ...question, ...scope, recency: 'strong' })
        for (const { explain, score } of hits) assert.ok(explain && near(total(explain), score))
        const plain = index.search(query, { ...scope, limit: 1000, now, recency: 'strong' })
        assert.deepEqual(
          hits.map(({ id, score }) => ({ id, score })),
          plain,
        )
      }
    }),
    { numRuns: 200 },
  )
})

test('nothing that is told depends on what the caller may not see', () => {
  fc.assert(
    fc.property(memories, sentence, (drawn, query) => {
      const all = indexOf(drawn, ['public', 'restricted'])
      const visible = indexOf(drawn, ['public'])
      assert.deepEqual(
        all.search(query, { ...question, privacyLevels: ['public'] }),
        visible.search(query, question),
      )
    }),
    { numRuns: 200 },
  )
})
