import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../core/clock.ts'
import { newId } from '../../core/ids.ts'
import { alikeOf } from './find-similar.ts'
import { normalisedText, shinglesOf, similarity } from './similar.ts'

const alike = (one: string, other: string): number =>
  Math.round(similarity(shinglesOf(one), shinglesOf(other)) * 100) / 100

test('case, white space, punctuation and compatibility forms do not count', () => {
  for (const text of [
    'likes tea',
    'Likes  TEA!',
    ' likes\n“tea” ',
    'ｌｉｋｅｓ tea',
    'likes-tea',
  ]) {
    assert.equal(normalisedText(text), 'likes tea', text)
  }
  assert.notEqual(normalisedText('likes teas'), 'likes tea')
  assert.notEqual(normalisedText('likes té'), normalisedText('likes te'))
})

test('a text without words is itself', () => {
  assert.equal(normalisedText('😀!'), '😀!')
  assert.notEqual(normalisedText('😀'), normalisedText('😢'))
  assert.equal(alike('😀', '😀'), 0)
})

test('the share of neighbouring pairs of words', () => {
  assert.equal(alike('a b c d', 'a b c d'), 1)
  assert.equal(alike('a b c d e', 'a b c d x'), 0.6)
  assert.equal(alike('a b c', 'c b a'), 0)
  assert.equal(alike('tea', 'Tea'), 1)
  assert.equal(alike('tea', 'tea time'), 0)
})

test('scripts without spaces are compared by their characters', () => {
  assert.equal(alike('我喜欢喝绿茶', '我喜欢喝红茶'), 0.43)
  assert.equal(normalisedText('我喜欢，喝绿茶。'), normalisedText('我喜欢喝绿茶'))
})

test('it is symmetric, between 0 and 1, and 1 for the same words', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(text, text, (one, other) => {
      const [left, right] = [one.join(' '), other.join(' ')]
      assert.equal(alike(left, right), alike(right, left))
      assert.ok(alike(left, right) >= 0 && alike(left, right) <= 1)
      assert.equal(alike(left, left.toUpperCase()), 1)
    }),
  )
})

test('others are served while long texts are compared', async () => {
  const text = Array.from({ length: 9_000 }, (_, n) => String.fromCodePoint(0x4e00 + n)).join('')
  const candidates = Array.from({ length: 12 }, (_, n) => {
    return { id: newId('mem', systemClock), text: `${text}${n}` }
  })
  let served = 0
  let comparing = true
  const serve = (): void => {
    served += 1
    if (comparing) setImmediate(serve)
  }
  setImmediate(serve)
  const found = await alikeOf(text, candidates)
  comparing = false
  assert.equal(found.length, candidates.length)
  assert.ok(served >= candidates.length - 1, `${served} times`)
})
