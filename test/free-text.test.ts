import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { idField } from '../src/kernel/fields.ts'
import { freeText, hasText } from './free-text.ts'
import type { Input } from './sample.ts'

const both = { at: ['x', 'w'] }
const inner = { n: 0, a: 'w' }

/** With the same word everywhere, for what is looked at here. */
function found(fields: z.core.$ZodShape, sample: Input = {}) {
  return freeText({ id: 'a.b', input: z.strictObject(fields) }, sample, { word: () => 'w' })
}

describe('where words may stand', () => {
  const places: readonly (readonly [string, z.ZodType, Input])[] = [
    ['a string', z.string(), { at: 'w' }],
    ['a handle', z.string().regex(/^user:\w+$/), { at: 'user:w' }],
    ['what may be null', z.string().nullable(), { at: 'w' }],
    ['what may be a number', z.union([z.number(), z.string().min(2)]), { at: 'user:w' }],
    ['an item', z.array(z.string()), { at: ['w'] }],
    ['an item beside those that are there by default', z.string().array().default(['x']), both],
    ['a field of a field', z.strictObject({ n: z.number(), a: z.string() }), { at: inner }],
    ['another alternative', z.union([z.literal('all'), z.string().array()]), { at: ['w'] }],
    ['what is anything', z.unknown(), { at: 'w' }],
    ['a name that callers choose', z.record(z.string(), z.number()), { at: { w: 0 } }],
    ['what is changed when it is read', z.string().transform(Number), { at: 'w' }],
  ]
  for (const [name, schema, expected] of places) {
    test(name, () => {
      const { inputs, wordless } = found({ at: schema })
      assert.deepEqual(inputs, [expected])
      assert.deepEqual(wordless, [])
    })
  }

  test('one field after the other, all else as the sample has it', () => {
    const fields = { a: z.string(), b: z.string(), n: z.number() }
    const { inputs } = found(fields, { a: 'a', b: 'b', n: 7 })
    const expected = [
      { a: 'w', b: 'b', n: 7 },
      { a: 'a', b: 'w', n: 7 },
    ]
    assert.deepEqual(inputs, expected)
  })

  test('two that have to be the same', () => {
    const same = z
      .strictObject({ id: z.string(), rawId: z.string() })
      .refine(({ id, rawId }) => id === rawId)
    const { inputs, wordless } = found({ at: same }, { at: { id: 'x', rawId: 'x' } })
    const told = { at: { id: 'w', rawId: 'w' } }
    assert.deepEqual(inputs, [told, told])
    assert.deepEqual(wordless, [])
  })

  test('each alternative of an object, whichever the sample has', () => {
    const code = z.strictObject({ kind: z.literal('code'), code: z.string().regex(/^\d+$/) })
    const name = z.strictObject({ kind: z.literal('name'), name: z.string() })
    const at = z.discriminatedUnion('kind', [code, name])
    const { inputs, wordless } = found({ at }, { at: { kind: 'code', code: '1' } })
    assert.deepEqual(inputs, [{ at: { kind: 'name', name: 'w' } }])
    assert.deepEqual(wordless, ['a.b .at.code'])
  })
})

test('ids, lists of words and moments have no room for any', () => {
  const fields = { id: idField('mem', 'spc'), of: z.enum(['a', 'b']), at: z.iso.datetime() }
  assert.deepEqual(found(fields), { inputs: [], wordless: [] })
  assert.equal(hasText({ input: z.strictObject(fields) }), false)
})

test('what takes none of the words is told', () => {
  const { inputs, wordless } = found({ sum: z.string().refine((text) => text === '42') })
  assert.deepEqual(inputs, [])
  assert.deepEqual(wordless, ['a.b .sum'])
})

test('a schema of a kind that is not known here fails', () => {
  assert.throws(() => found({ pair: z.tuple([z.string()]) }), /teach test\/free-text/)
})
