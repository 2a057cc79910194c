import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { seed } from './document-fixture.ts'
import { phraseTermsMax, queryOf, wordsPerQueryMax } from './query.ts'
import { termSeed } from './tokens.ts'

/** The phrases of a query by their words, "a b" for a pair and "[a b]" for a quotation. */
function phrases(text: string): string[] {
  const query = queryOf(text, { seed: termSeed(seed), languages: [] })
  return query.phrases.map(({ terms, quoted }) => {
    const words = terms.map((term) => query.terms[term]?.word).join(' ')
    return quoted ? `[${words}]` : words
  })
}

const words = (text: string): string[] =>
  queryOf(text, { seed: termSeed(seed), languages: [] }).terms.map(({ word }) => word)

describe('pairs', () => {
  test('words that follow each other, whatever stop words stand between', () => {
    assert.deepEqual(phrases('red panda'), ['red panda'])
    assert.deepEqual(phrases('Did Ann go to the lake?'), ['Ann go', 'go lake'])
    const [, second] = queryOf('Did Ann go to the lake?', {
      seed: termSeed(seed),
      languages: [],
    }).phrases
    assert.deepEqual([...(second?.variants[0]?.offsets ?? [])], [0, 3])
  })

  test('a word alone, or twice, is no pair', () => {
    assert.deepEqual(phrases('panda'), [])
    assert.deepEqual(phrases('tea tea'), [])
  })

  test('words far apart are none', () => {
    assert.deepEqual(phrases(`red ${'the '.repeat(9)} panda`), [])
  })

  test('signs of scripts without spaces have their pairs as terms already', () => {
    assert.deepEqual(phrases('東京都'), [])
    assert.deepEqual(phrases('東京 hotel'), ['京 hotel'])
  })
})

describe('quotations', () => {
  const shapes = [
    '"red panda"',
    '“red panda”',
    '„red panda“',
    '«red panda»',
    '「red panda」',
    '『red panda』',
  ]
  for (const shape of shapes) {
    test(`${shape} is one`, () => {
      assert.deepEqual(phrases(`see ${shape} now`), ['[red panda]', 'see red', 'panda now'])
    })
  }

  test('stop words in it are terms and part of it', () => {
    assert.deepEqual(phrases('"to be or not"'), ['[to be or not]'])
    assert.deepEqual(words('a song of "the who"'), ['song', 'the', 'who'])
  })

  test('one word, an empty one and one that does not end are none', () => {
    for (const text of ['"panda"', '"" panda', '"panda', 'a 5" nail', '"!?"']) {
      assert.deepEqual(
        phrases(text).filter((phrase) => phrase.startsWith('[')),
        [],
        text,
      )
    }
  })

  test('a quotation in a script without spaces is told by its signs in order', () => {
    assert.deepEqual(phrases('「東京都」'), ['[東 京 都]'])
  })
})

test('words are told as they were typed', () => {
  assert.deepEqual(words('Where do Painters DINE, in Café Müller?'), [
    'Painters',
    'DINE',
    'Café',
    'Müller',
  ])
})

test('phrases are of the first terms only', () => {
  const text = Array.from({ length: 60 }, (_, i) => `w${i}`).join(' ')
  assert.equal(phrases(text).length, phraseTermsMax - 1)
})

test('any query has phrases of its own terms, at rising distances', () => {
  const sign = fc.constantFrom('"', '「', '」', 'tea ', 'the ', '東', ' ', '«', '»', 'a', 'ﷺ')
  fc.assert(
    fc.property(fc.array(sign, { maxLength: 40 }), (signs) => {
      const query = queryOf(signs.join(''), { seed: termSeed(seed), languages: [] })
      for (const { terms, variants } of query.phrases) {
        assert.ok(terms.length > 1)
        assert.ok(terms.every((term) => query.terms[term] !== undefined))
        for (const { bytes, offsets } of variants) {
          assert.deepEqual([bytes.length, offsets.length], [terms.length, terms.length])
          assert.ok(offsets.every((offset, i) => offset > (offsets[i - 1] ?? -1)))
        }
      }
    }),
  )
})

test('only so many words of a query are looked at, in quotes or not', () => {
  const full = 'tea '.repeat(wordsPerQueryMax - 1)
  assert.deepEqual(words(`${full} "milk" sugar`), ['tea', 'milk'])
  assert.deepEqual(words(`"${full}" "milk sugar"`), ['tea', 'milk'])
})
