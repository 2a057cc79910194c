import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isScopeWord, Metadata } from './metadata.ts'

const scopeWords = ['tenant', 'space', 'owner', 'provenance', 'trust']

for (const word of scopeWords) {
  test(`${word}, however it is written, says what only the server may say`, () => {
    const forms = [word, word.toUpperCase(), `${word}Id`, `${word}_id`, `${word}-ID`, ` ${word} `]
    for (const form of forms) {
      assert.ok(isScopeWord(form), form)
      for (const value of [{ [form]: 1 }, { a: { [form]: 1 } }, { a: [{ b: { [form]: null } }] }]) {
        assert.ok(!Metadata.safeParse(value).success, JSON.stringify(value))
      }
    }
  })
}

test('words that only contain a scope word are fine, and so are values', () => {
  for (const name of ['spaceship', 'trusted', 'coowner', 'id', '', 'tenants', 'whitespace']) {
    assert.ok(!isScopeWord(name), name)
  }
  assert.ok(
    Metadata.safeParse({ spaceship: { word: 'owner', words: ['tenant', 'trust'] } }).success,
  )
})

test('metadata is a JSON object of at most 8 KiB', () => {
  const overhead = JSON.stringify({ a: '' }).length
  const sized = (bytes: number) => ({ a: 'x'.repeat(bytes - overhead) })
  for (const good of [{}, { a: null }, { a: [{ b: [] }] }, sized(8192), { é: '😀' }]) {
    assert.deepEqual(Metadata.parse(good), good)
  }
  for (const bad of [sized(8193), { a: '😀'.repeat(2048) }, [], null, 'a', 1]) {
    assert.ok(!Metadata.safeParse(bad).success)
  }
})

test('text that cannot be stored as it is is refused, at any depth', () => {
  for (const text of ['\0', '\ud800', 'a\udc00']) {
    for (const value of [
      { a: text },
      { [text]: 1 },
      { a: [{ b: [text] }] },
      { a: { [text]: 1 } },
    ]) {
      assert.ok(!Metadata.safeParse(value).success, JSON.stringify(value))
    }
  }
})

test('a refusal tells the word and not the value', () => {
  const { error } = Metadata.safeParse({ tenant: 'hidden' })
  assert.match(error?.issues[0]?.message ?? '', /tenant is a scope word/)
  assert.ok(!error?.message.includes('hidden'))
})
