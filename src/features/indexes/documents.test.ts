import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fieldsOf, idOf, seed } from './document-fixture.ts'
import { createDocuments, type DocumentFields, lengthMax } from './documents.ts'
import { termSeed } from './tokens.ts'

const time = fc.integer({ min: 0, max: 8.64e15 })
const name = fc.string({ maxLength: 12 })
const fields = fc.record({
  type: name,
  tags: fc.array(name, { maxLength: 4 }),
  sessionId: fc.option(name),
  agentId: fc.option(name),
  importance: fc.double({ min: 0, max: 10, noNaN: true }),
  privacyLevel: fc.constantFrom('public', 'internal', 'sensitive', 'restricted'),
  occurredAt: time,
  createdAt: time,
  updatedAt: time,
  expiresAt: fc.option(time),
  metadata: fc
    .dictionary(name, fc.jsonValue({ maxDepth: 2 }), { noNullPrototype: true })
    .map((metadata) => JSON.parse(JSON.stringify(metadata))),
})

function assertSame(view: DocumentFields, wanted: DocumentFields): void {
  for (const key of Object.keys(wanted) as (keyof DocumentFields)[]) {
    assert.deepEqual(view[key], wanted[key], key)
  }
}

test('fields come back as they were given, also after the columns grew', () => {
  fc.assert(
    fc.property(fc.array(fields, { maxLength: 150, size: 'max' }), (drawn) => {
      const documents = createDocuments(termSeed(seed))
      const all = drawn.map((changes, number) => fieldsOf(number, changes))
      for (const one of all) documents.add(one, 1)
      for (const [number, one] of all.entries()) {
        assertSame(documents.fields(number), one)
        assert.equal(documents.numberOf(one.id), number)
      }
    }),
    { numRuns: 40 },
  )
})

describe('documents', () => {
  test('lengths are counted, cut at what a column holds, and taken back', () => {
    const documents = createDocuments(termSeed(seed))
    const [none, some, many] = [0, 7, 1_000_000].map((length, number) =>
      documents.add(fieldsOf(number), length),
    ) as [number, number, number]
    assert.equal(documents.totalLength, 7 + lengthMax)
    assert.notEqual(documents.lengths[none], 0)
    for (const document of [many, none, some]) documents.remove(document)
    assert.equal(documents.totalLength, 0)
    assert.equal(documents.live, 0)
    assert.equal(documents.numberOf(idOf(1)), undefined)
  })

  test('lists of tags that are equal are one list, and ones that only look so are not', () => {
    const documents = createDocuments(termSeed(seed))
    const lists = [['a', 'b'], ['a', 'b'], ['a,b'], ['a","b'], []]
    const numbers = lists.map((tags, number) => documents.add(fieldsOf(number, { tags }), 1))
    const kept = numbers.map((document) => documents.fields(document).tags)
    assert.equal(kept[0], kept[1])
    assert.deepEqual(kept, lists)
  })

  test('a level is allowed by its name only', () => {
    const documents = createDocuments(termSeed(seed))
    const levels = ['public', 'internal', 'constructor']
    for (const [number, privacyLevel] of levels.entries()) {
      documents.add(fieldsOf(number, { privacyLevel }), 1)
    }
    const allowedBy = (names: string[]): boolean[] => {
      const allowed = documents.allowedLevels(names)
      return levels.map((_, document) => allowed[documents.levels[document] as number] === 1)
    }
    assert.deepEqual(allowedBy(['internal', 'unheard of']), [false, true, false])
    assert.deepEqual(allowedBy(['public', 'constructor']), [true, false, true])
    assert.deepEqual(allowedBy(['toString', '__proto__', '']), [false, false, false])
  })

  test('the bytes of metadata are counted and given back', () => {
    const documents = createDocuments(termSeed(seed))
    documents.add(fieldsOf(0), 1)
    const before = documents.bytes
    const document = documents.add(fieldsOf(1, { metadata: { note: 'x'.repeat(20_000) } }), 1)
    assert.ok(documents.bytes > before + 18_000)
    documents.remove(document)
    assert.ok(documents.bytes < before + 6000)
  })
})
