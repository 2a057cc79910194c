import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { idOf, seed } from '../indexes/document-fixture.ts'
import { createSpaceIndex, type DocumentFields } from '../indexes/space-index.ts'
import { Filter, parseFilter } from './filter.ts'

const noon = Date.parse('2026-01-01T12:00:00Z')

const document: DocumentFields = {
  id: 'mem_1',
  type: 'preference',
  tags: ['diet', 'food'],
  metadata: { a: 1, b: 'text', c: { d: [1, 'x'], e: null }, f: true, 'g h': 2 },
  importance: 7,
  privacyLevel: 'internal',
  sessionId: 's1',
  agentId: null,
  occurredAt: noon,
  createdAt: noon + 1000,
  updatedAt: noon + 2000,
  expiresAt: null,
}

type Raw = Readonly<Record<string, unknown>>
const accepts = (filter: Raw, fields = document): boolean => parseFilter(filter)(fields)

const moment = (offset: number): string => new Date(noon + offset).toISOString()

/** Filters that accept the document above, and ones that do not, for every operator and kind. */
const cases: readonly (readonly [what: string, yes: readonly Raw[], no: readonly Raw[]])[] = [
  ['a plain value', [{ type: 'preference' }, { importance: 7 }], [{ type: 'Preference' }]],
  ['nothing', [{}], []],
  [
    'text eq and ne',
    [{ sessionId: { eq: 's1' } }, { sessionId: { ne: 's2' } }, { agentId: null }],
    [{ sessionId: { eq: 's' } }, { sessionId: { ne: 's1' } }, { agentId: { ne: null } }],
  ],
  ['text in', [{ type: { in: ['fact', 'preference'] } }], [{ type: { in: ['fact'] } }]],
  ['text contains', [{ sessionId: { contains: 's' } }], [{ sessionId: { contains: 'S' } }]],
  [
    'text exists',
    [{ sessionId: { exists: true } }, { agentId: { exists: false } }],
    [{ agentId: { exists: true } }, { sessionId: { exists: false } }],
  ],
  [
    'numbers',
    [{ importance: { eq: 7, ne: 8, gt: 6.9, gte: 7, lt: 7.1, lte: 7, in: [1, 7], exists: true } }],
    [
      { importance: { ne: 7 } },
      { importance: { gt: 7 } },
      { importance: { gte: 7.1 } },
      { importance: { lt: 7 } },
      { importance: { lte: 6.9 } },
      { importance: { in: [1] } },
      { importance: { exists: false } },
      { importance: { gt: 6, lt: 7 } },
    ],
  ],
  [
    'times, in any offset',
    [
      { occurredAt: moment(0) },
      { occurredAt: { eq: '2026-01-01T14:00:00+02:00' } },
      { occurredAt: { gt: moment(-1), gte: moment(0), lt: moment(1), lte: moment(0) } },
      { createdAt: { gt: moment(0) }, updatedAt: { gt: moment(1500) } },
      { occurredAt: { in: [moment(5), moment(0)], ne: moment(1), exists: true } },
    ],
    [{ occurredAt: { lt: moment(0) } }, { updatedAt: { lt: moment(1500) } }],
  ],
  [
    'lists',
    [{ tags: { contains: 'diet' } }, { tags: { exists: true } }],
    [{ tags: { contains: 'die' } }, { tags: { contains: 'Diet' } }, { tags: { exists: false } }],
  ],
  [
    'metadata',
    [
      { 'metadata.a': 1 },
      { 'metadata.a': { gte: 1, lt: 2, in: [1, 'x', null, true] } },
      { 'metadata.b': { contains: 'ex', gt: 'tex', lt: 'texu', gte: 'text', lte: 'text' } },
      { 'metadata.c.d': { contains: 'x' } },
      { 'metadata.c.d': { contains: 1 } },
      { 'metadata.c.e': null },
      { 'metadata.c.e': { exists: false } },
      { 'metadata.c': { exists: true } },
      { 'metadata.f': true },
      { 'metadata.g h': 2 },
      { 'metadata.none': null },
      { 'metadata.a.b.c': { exists: false } },
    ],
    [
      { 'metadata.a': '1' },
      { 'metadata.a': { gt: '0' } },
      { 'metadata.b': { gt: 1 } },
      { 'metadata.f': { gt: false } },
      { 'metadata.c': { contains: 'd' } },
      { 'metadata.c.d': { contains: [1, 'x'].join() } },
      { 'metadata.none': { exists: true } },
      { 'metadata.none': { lt: 5 } },
      { 'metadata.f': 1 },
      { 'metadata.c.d.0': 1 },
      { 'metadata.b.length': 4 },
    ],
  ],
  [
    'names of the language',
    [
      { 'metadata.constructor': { exists: false } },
      { 'metadata.__proto__': { exists: false } },
      { 'metadata.__proto__.x': { exists: false } },
      { 'metadata.c.hasOwnProperty': null },
    ],
    [{ 'metadata.toString': { exists: true } }, { 'metadata.c.constructor.name': 'Object' }],
  ],
  [
    'and, or, not',
    [
      { and: [{ type: 'preference' }, { importance: 7 }] },
      { or: [{ type: 'fact' }, { importance: 7 }] },
      { not: { type: 'fact' } },
      { type: 'preference', not: { or: [{ importance: 1 }, { and: [{}, { type: 'fact' }] }] } },
      { or: [{}] },
    ],
    [
      { and: [{ type: 'preference' }, { importance: 1 }] },
      { or: [{ type: 'fact' }, { importance: 1 }] },
      { not: {} },
      { not: { not: { type: 'fact' } } },
    ],
  ],
]

for (const [what, yes, no] of cases) {
  test(`a filter over ${what} accepts what it says`, () => {
    for (const filter of yes) assert.equal(accepts(filter), true, JSON.stringify(filter))
    for (const filter of no) assert.equal(accepts(filter), false, JSON.stringify(filter))
  })
}

const nested = (depth: number): Raw => (depth <= 1 ? { type: 'fact' } : { not: nested(depth - 1) })
const wide = (count: number): Raw => ({
  or: Array.from({ length: count }, () => ({ importance: 1 })),
})
const list = (length: number): number[] => Array.from({ length }, (_, at) => at)

/** Each with where and what the refusal says. */
const wrong: readonly (readonly [filter: Raw, says: RegExp])[] = [
  [{ colour: 'red' }, /^filter.colour is not a field$/],
  [{ id: 'mem_1' }, /is not a field/],
  [{ expiresAt: moment(0) }, /is not a field/],
  [{ text: 'x' }, /is not a field/],
  [{ constructor: 1 }, /is not a field/],
  [{ hasOwnProperty: { exists: true } }, /is not a field/],
  [{ metadata: {} }, /is not a field/],
  [{ 'metadata.': 1 }, /is not a field/],
  [{ 'metadata..a': 1 }, /is not a field/],
  [{ 'type.x': 1 }, /is not a field/],
  ...['tenant', 'space', 'owner', 'provenance', 'trust', 'tenantId', 'SPACE_ID'].flatMap(
    (word): [Raw, RegExp][] => [
      [{ [word]: 'x' }, /is a scope word/],
      [{ [`metadata.${word}`]: 'x' }, /is a scope word/],
      [{ [`metadata.${word}.id`]: 'x' }, /is a scope word/],
      [{ not: { [`${word}.id`]: 'x' } }, /is a scope word/],
    ],
  ),
  [{ type: {} }, /has no operator/],
  [{ type: { gt: 'a' } }, /does not take this operator/],
  [{ type: { like: 'a%' } }, /does not take this operator/],
  [{ type: { constructor: 1 } }, /does not take this operator/],
  [{ tags: 'diet' }, /does not take this operator/],
  [{ tags: { eq: 'diet' } }, /does not take this operator/],
  [{ importance: { contains: 7 } }, /does not take this operator/],
  [{ type: 1 }, /takes another type of value/],
  [{ importance: '7' }, /takes another type of value/],
  [{ importance: null }, /takes another type of value/],
  [{ occurredAt: noon }, /takes another type of value/],
  [{ occurredAt: '2026-01-01' }, /takes another type of value/],
  [{ 'metadata.a': [1] }, /takes another type of value/],
  [{ 'metadata.a': { eq: { b: 1 } } }, /takes another type of value/],
  [{ type: { exists: 'yes' } }, /takes true or false/],
  [{ type: { in: 'fact' } }, /takes a list/],
  [{ type: { in: [] } }, /takes a list/],
  [{ and: {} }, /takes a list/],
  [{ or: [] }, /takes a list/],
  [{ or: ['type'] }, /is not an object/],
  [{ not: [{ type: 'fact' }] }, /is not an object/],
  [{ not: null }, /is not an object/],
  [{ importance: { in: list(limits.filter_values_max + 1) } }, /lists too many values/],
  [{ type: { contains: 'a'.repeat(limits.filter_text_characters_max + 1) } }, /too long a text/],
  [{ tags: { contains: 'a'.repeat(limits.filter_text_characters_max + 1) } }, /too long a text/],
  ...['eq', 'ne', 'in', 'gt', 'lte'].map((operator): [Raw, RegExp] => {
    const long = 'a'.repeat(limits.filter_value_characters_max + 1)
    return [{ 'metadata.a': { [operator]: operator === 'in' ? [long] : long } }, /too long a text/]
  }),
  [nested(limits.filter_depth_max + 1), /is nested too deeply/],
  [wide(limits.filter_nodes_max), /has too many conditions/],
]

for (const [filter, says] of wrong) {
  const text = JSON.stringify(filter)
  test(`${text.slice(0, 60)} is no filter`, () => {
    const isRefusal = (error: unknown): boolean =>
      error instanceof LocketError && error.code === 'invalid_filter' && says.test(error.message)
    assert.throws(() => parseFilter(filter), isRefusal)
    assert.throws(() => Filter.safeParse(filter), isRefusal, 'as a field of an input, too')
  })
}

test('a filter at its bounds is taken', () => {
  assert.equal(accepts(nested(limits.filter_depth_max)), true)
  assert.equal(accepts({ importance: { in: list(limits.filter_values_max) } }), true)
  assert.equal(accepts(wide((limits.filter_nodes_max - 1) >> 1)), false)
  const text = 'a'.repeat(limits.filter_text_characters_max)
  assert.equal(accepts({ sessionId: { contains: text } }), false)
  const value = 'a'.repeat(limits.filter_value_characters_max)
  assert.equal(accepts({ sessionId: { in: [value] } }), false)
})

const isTooMuch = (error: unknown): boolean =>
  error instanceof LocketError &&
  error.code === 'invalid_filter' &&
  error.message === 'the filter looks through too much text: narrow it'

test('a filter looks through so many characters or items, over all documents, and no more', () => {
  const length = 8_000
  const whole = Math.floor(limits.filter_examined_characters_max / length)
  for (const big of ['a'.repeat(length), Array.from({ length }, () => 'a')]) {
    const fields = { ...document, metadata: { big } }
    for (const conditions of [1, 25]) {
      const one = { 'metadata.big': { contains: 'b' } }
      const accept = parseFilter({ or: Array.from({ length: conditions }, () => one) })
      for (let at = 0; at < Math.floor(whole / conditions); at++) {
        assert.equal(accept(fields), false)
      }
      assert.throws(() => accept(fields), isTooMuch)
      assert.equal(parseFilter(one)(fields), false, 'the next request has its own')
    }
  }
})

test('a refusal never repeats what is no name', () => {
  for (const name of ['my secret text', 'a'.repeat(200), 'x\ny', '<b>']) {
    assert.throws(
      () => parseFilter({ [name]: 1 }),
      (error: unknown) => error instanceof LocketError && error.message === 'filter is not a field',
    )
  }
})

const leaf = fc.oneof(
  fc.record({ type: fc.constantFrom('fact', 'preference') }),
  fc.record({ importance: fc.record({ gte: fc.integer({ min: 0, max: 10 }) }) }),
  fc.record({ tags: fc.record({ contains: fc.constantFrom('a', 'b') }) }),
  fc.record({ 'metadata.n': fc.record({ exists: fc.boolean() }) }),
)
/** Two of them together are within what a filter may have. */
const { filter: anyFilter } = fc.letrec<{ filter: Raw }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.record({ not: tie('filter') }),
    fc.record({ and: fc.array(tie('filter'), { minLength: 1, maxLength: 2 }) }),
    fc.record({ or: fc.array(tie('filter'), { minLength: 1, maxLength: 2 }) }),
  ),
}))
const anyDocument = fc.record({
  type: fc.constantFrom('fact', 'preference'),
  importance: fc.integer({ min: 0, max: 10 }),
  tags: fc.uniqueArray(fc.constantFrom('a', 'b')),
  metadata: fc.constantFrom<DocumentFields['metadata'][]>({}, { n: 1 }),
  privacyLevel: fc.constantFrom<DocumentFields['privacyLevel'][]>('public', 'restricted'),
})

test('whatever the filter, an index answers with a part of what it answers without one [trap-filter-over-owner]', () => {
  const documents = fc.array(anyDocument, { maxLength: 12 })
  fc.assert(
    fc.property(documents, anyFilter, (those, raw) => {
      const index = createSpaceIndex({ seed })
      for (const [at, fields] of those.entries()) {
        index.put({ ...document, ...fields, id: idOf(at) }, 'tea with milk')
      }
      const accept = parseFilter(raw)
      const question = { limit: 100, now: noon, privacyLevels: ['public'] as const }
      const all = index.list(question)
      const expected = all.filter((id) => {
        const fields = those[Number(id.slice(4))]
        return fields && accept({ ...document, ...fields, id })
      })
      assert.deepEqual(index.list({ ...question, accept }), expected)
      const hits = index.search('tea', { ...question, accept }).map((hit) => hit.id)
      assert.deepEqual(hits.toSorted(), expected.toSorted())
    }),
    { numRuns: 200 },
  )
})

test('not is the opposite, and two filters together accept what both do', () => {
  fc.assert(
    fc.property(anyDocument, anyFilter, anyFilter, (fields, one, two) => {
      const whole = { ...document, ...fields }
      assert.equal(accepts({ not: one }, whole), !accepts(one, whole))
      const both = accepts(one, whole) && accepts(two, whole)
      assert.equal(accepts({ and: [one, two] }, whole), both)
    }),
    { numRuns: 200 },
  )
})
