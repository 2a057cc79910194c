import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { textSearch } from './text-search.ts'

const cases: readonly (readonly [text: string, needle: string])[] = [
  ['', ''],
  ['a', ''],
  ['', 'a'],
  ['abcabcabd', 'abcabd'],
  ['aaaaaaaab', 'aaab'],
  ['aaaaaaaa', 'aaab'],
  ['abacababacabac', 'abacabac'],
  ['Grüße 👋🏽', '👋🏽'],
  ['Grüße 👋🏽', '\ud83d'],
  ['b'.repeat(300), 'b'.repeat(256)],
  [`${'a'.repeat(400)}b`, `${'a'.repeat(255)}b`],
]

for (const [text, needle] of cases) {
  test(`"${text.slice(0, 20)}" and "${needle.slice(0, 20)}"`, () => {
    assert.equal(textSearch(needle)(text), text.includes(needle))
  })
}

test('it finds what String.includes finds, over texts that nearly repeat', () => {
  const words = (maxLength: number) =>
    fc.array(fc.constantFrom('a', 'b', 'aab'), { maxLength }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(words(40), words(8), (text, needle) => {
      const isIn = textSearch(needle)
      assert.equal(isIn(text), text.includes(needle))
      assert.equal(isIn(text + needle), true, 'and again, from the start')
    }),
    { numRuns: 2_000 },
  )
})
