import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { seed } from './document-fixture.ts'
import { queryOf } from './query.ts'
import { createSequences, type Sequences, sequenceByte } from './sequences.ts'
import { termSeed, termsOf, termsPerTextMax } from './tokens.ts'

const terms = (text: string) => termsOf(text, termSeed(seed))

function sequencesOf(...texts: string[]): Sequences {
  const sequences = createSequences()
  for (const [document, text] of texts.entries()) sequences.add(document, terms(text))
  return sequences
}

function quoted(text: string) {
  const [phrase] = queryOf(`"${text}"`, { seed: termSeed(seed), languages: [] }).phrases
  const variant = phrase?.variants[0]
  assert.ok(variant)
  return variant
}

describe('order', () => {
  const sequences = sequencesOf('one two three', 'three two one', '', 'two three')
  const holding = (text: string) =>
    [0, 1, 2, 3].filter((document) => sequences.holds(document, quoted(text)))

  test('words are found in their order only', () => {
    assert.deepEqual(holding('two three'), [0, 3])
    assert.deepEqual(holding('two one'), [1])
    assert.deepEqual(holding('one three'), [])
    assert.deepEqual(holding('one two three'), [0])
  })

  test('nothing is found across the end of a document', () => {
    assert.deepEqual(holding('three three'), [])
    assert.deepEqual(holding('one two three four'), [])
  })
})

test('a question is known from its mark, also in other scripts and in the middle', () => {
  const texts = ['why?', 'Really? Yes.', 'no', '何ですか？私は', 'ماذا؟', 'see http://a.b/c?d=e']
  const sequences = sequencesOf(...texts)
  assert.deepEqual(
    texts.map((_, document) => sequences.asks(document)),
    [true, true, false, true, true, false],
  )
})

test('the longest text is kept whole', () => {
  const sequences = sequencesOf('a b', `${'w '.repeat(termsPerTextMax - 2)}tail end`, 'c d')
  assert.ok(sequences.holds(1, quoted('w tail end')))
  assert.ok(sequences.holds(2, quoted('c d')))
})

test('about one byte a word, and a few for each document', () => {
  const sequences = createSequences()
  const found = terms(Array.from({ length: 34 }, (_, i) => `w${i}`).join(' '))
  for (let i = 0; i < 10_000; i++) sequences.add(i, found)
  const each = sequences.bytes / 10_000
  assert.ok(each > 34 && each < 52, `${each} bytes`)
})

test('any documents are told apart, before and after some of them left and came back', () => {
  const word = fc.constantFrom('tea', 'milk', 'lake', '東', 'run?')
  const text = fc.array(word, { maxLength: 400 }).map((words) => words.join(' '))
  const drawn = fc.array(fc.tuple(text, fc.boolean()), { maxLength: 60 })
  const phrase = quoted('tea milk')
  const plainly = (text: string): boolean => {
    const found = terms(text)
    const bytes = Array.from(found.low.subarray(0, found.count), sequenceByte)
    const kept = bytes.filter((_, i) => found.apart[i] === 0)
    return kept.some((byte, i) => byte === phrase.bytes[0] && kept[i + 1] === phrase.bytes[1])
  }
  const agree = (sequences: Sequences, texts: string[]): void => {
    for (const [document, text] of texts.entries()) {
      assert.equal(sequences.holds(document, phrase), plainly(text))
      assert.equal(sequences.asks(document), text.includes('?'))
    }
  }
  fc.assert(
    fc.property(drawn, (documents) => {
      const sequences = sequencesOf(...documents.map(([text]) => text))
      agree(
        sequences,
        documents.map(([text]) => text),
      )
      const before = sequences.bytes
      for (const [document, [, stays]] of documents.entries()) {
        if (!stays) sequences.remove(document)
      }
      for (const [document, [text, stays]] of documents.entries()) {
        if (!stays) sequences.add(document, terms(text))
      }
      agree(
        sequences,
        documents.map(([text]) => text),
      )
      assert.ok(sequences.bytes <= before * 2)
    }),
    { numRuns: 60 },
  )
})
