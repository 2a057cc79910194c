import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { arenaEntry_bytes_max } from './arena.ts'
import { seed } from './document-fixture.ts'
import { termSeed } from './tokens.ts'
import { createWords } from './words.ts'

const words = () => createWords(termSeed(seed))

describe('words', () => {
  test('a text has one code, whatever script it is in, and null has 0', () => {
    const known = words()
    const texts = ['tea', '', 'Tea', 'team', '東京', '🎉', 'é', 'e\u0301', '__proto__']
    const codes = texts.map((text) => known.use(text))
    assert.equal(new Set(codes).size, texts.length)
    assert.deepEqual(
      texts.map((text) => known.use(text)),
      codes,
    )
    assert.deepEqual(
      codes.map((code) => known.text(code)),
      texts,
    )
    assert.equal(known.use(null), 0)
    assert.equal(known.text(0), null)
    assert.equal(known.value(0), undefined)
  })

  test('a text stays until its last use is over; then its code is given again', () => {
    const known = words()
    const tea = known.use('tea')
    assert.equal(known.use('tea'), tea)
    known.leave(tea)
    assert.equal(known.text(tea), 'tea')
    known.leave(tea)
    assert.equal(known.use('milk'), tea)
    assert.equal(known.text(tea), 'milk')
    assert.notEqual(known.use('tea'), tea)
  })

  test('a code that was read is not remembered for another text', () => {
    const known = words()
    const code = known.use('{"a":1}')
    assert.deepEqual(known.value(code), { a: 1 })
    assert.equal(known.value(code), known.value(code))
    known.leave(code)
    assert.equal(known.use('{"b":2}'), code)
    assert.deepEqual(known.value(code), { b: 2 })
    known.forget()
    assert.deepEqual(known.value(code), { b: 2 })
  })

  test('a text that does not fit into a page is refused, and nothing is left of it', () => {
    const known = words()
    const longest = 'x'.repeat(arenaEntry_bytes_max)
    assert.equal(known.text(known.use(longest)), longest)
    assert.throws(() => known.use(`${longest}x`), /fits into a page/)
    assert.equal(known.codes, 2)
  })

  test('distinct texts for ever keep within what is in use', () => {
    const known = words()
    const codes: number[] = []
    for (let i = 0; i < 20_000; i++) {
      codes.push(known.use(`metadata number ${i}`))
      if (codes.length > 500) known.leave(codes.shift() as number)
    }
    assert.ok(known.codes <= 502, `${known.codes} codes`)
    assert.ok(known.bytes < 100_000, `${known.bytes} bytes`)
  })
})

test('words agree with a map of counts', () => {
  const step = fc.record({
    text: fc.string({ maxLength: 3, unit: 'binary' }),
    leaves: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const known = words()
      const uses = new Map<string, { code: number; count: number }>()
      const use = (text: string): void => {
        const before = uses.get(text)
        const code = known.use(text)
        assert.equal(code, before?.code ?? code)
        uses.set(text, { code, count: (before?.count ?? 0) + 1 })
      }
      const leave = (text: string, { code, count }: { code: number; count: number }): void => {
        known.leave(code)
        if (count === 1) uses.delete(text)
        else uses.set(text, { code, count: count - 1 })
      }
      for (const { text, leaves } of steps) {
        const entry = uses.get(text)
        if (!leaves) use(text)
        else if (entry) leave(text, entry)
      }
      for (const [text, { code }] of uses) assert.equal(known.text(code), text)
      assert.equal(new Set([...uses.values()].map(({ code }) => code)).size, uses.size)
    }),
    { numRuns: 60 },
  )
})
