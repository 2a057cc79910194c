import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { seed } from './document-fixture.ts'
import { queryOf, termsPerQueryMax } from './query.ts'
import { type TermSeed, termSeed, termsOf, termsPerTextMax } from './tokens.ts'

/** The terms of a text as comparable strings, in order. */
function hashes(text: string): string[] {
  const terms = termsOf(text, termSeed(seed))
  return Array.from({ length: terms.count }, (_, i) => `${terms.low[i]}.${terms.high[i]}`)
}

function asked(query: string): string[] {
  return queryOf(query, { seed: termSeed(seed), languages: [] }).terms.map(
    ({ low, high }) => `${low}.${high}`,
  )
}

function sameTerms(a: string, b: string): void {
  assert.deepEqual(hashes(a), hashes(b), `${a} and ${b}`)
}

function otherTerms(a: string, b: string): void {
  assert.notDeepEqual(hashes(a), hashes(b), `${a} and ${b}`)
}

describe('words', () => {
  const counts: [string, number][] = [
    ['', 0],
    ['   \n\t', 0],
    ['!?… —', 0],
    ['a', 1],
    ['one two  three', 3],
    ['3.5 km', 3],
    ['snake_case and kebab-case', 5],
    ["don't O’Brien's", 2],
    ["'quoted' words'", 2],
    ['constructor __proto__ toString', 3],
    ['\u0000control\u0007characters', 2],
    ['lone \ud800 surrogate', 2],
  ]
  for (const [text, count] of counts) {
    test(`${JSON.stringify(text)} has ${count}`, () => assert.equal(hashes(text).length, count))
  }

  test('case, accents and compatibility forms are one spelling', () => {
    sameTerms('Straße ÉCOLE', 'STRASSE école')
    sameTerms('cafe\u0301', 'caf\u00e9')
    sameTerms('café', 'cafe')
    sameTerms('ﬁne Ｗｉｄｅ ②', 'fine wide 2')
    sameTerms('ΟΔΟΣ', 'οδος')
  })

  test('Turkish dotless and dotted i meet the plain one', () => {
    sameTerms('ISPARTA', 'ısparta')
    sameTerms('İstanbul', 'istanbul')
  })

  test('an apostrophe of any shape is the same, and a possessive is its owner', () => {
    sameTerms("don't", 'don’t')
    sameTerms("Caroline's", 'Caroline')
    sameTerms("O'Brien", 'OBrien')
  })

  test('different words differ, also in non-Latin scripts', () => {
    otherTerms('cat', 'dog')
    otherTerms('قهوة', 'شاي')
    otherTerms('кот', 'код')
    otherTerms('ab', 'ba')
  })

  test('Arabic, Hebrew and Cyrillic words are cut at spaces', () => {
    assert.equal(hashes('أحب القهوة').length, 2)
    assert.equal(hashes('אני אוהב').length, 2)
    assert.equal(hashes('я люблю чай').length, 3)
  })

  test('an Arabic word with vowel marks stays one word', () => {
    assert.equal(hashes('قَهْوَة').length, 1)
  })
})

describe('scripts without spaces', () => {
  test('a run gives its signs and its pairs', () => {
    assert.equal(hashes('猫').length, 1)
    assert.equal(hashes('東京都').length, 5)
    assert.equal(hashes('東京 都').length, 4)
    assert.equal(hashes('コーヒー').length, 7)
  })

  test('a word is found inside a sentence', () => {
    const sentence = new Set(hashes('私は東京タワーが好きです'))
    for (const term of asked('東京タワー')) assert.ok(sentence.has(term))
    assert.ok(!sentence.has(hashes('京都')[2] as string))
  })

  test('Chinese and Latin in one text do not mix', () => {
    assert.deepEqual(hashes('喜欢coffee'), [...hashes('喜欢'), ...hashes('coffee')])
  })

  test('Thai is cut too', () => assert.ok(hashes('ฉันชอบกาแฟ').length > 5))

  test('a kana with a separate voice mark equals the composed one', () => {
    sameTerms('か\u3099', 'が')
  })
})

describe('emoji', () => {
  test('each is a term, whatever joins or colours it', () => {
    assert.equal(hashes('🎉🎂').length, 2)
    sameTerms('❤️', '❤')
    sameTerms('👍🏽', '👍')
    assert.equal(hashes('party🎉time').length, 3)
  })
})

describe('stems', () => {
  test('the forms of a word meet', () => {
    sameTerms('paint', 'painting')
    sameTerms('generously', 'generous')
    otherTerms('generously', 'general')
  })

  test('a stem is the same from the cache as fresh', () => {
    const fresh = hashes('hiking mountains happily')
    // More words than the cache has places push the first ones out.
    const many = Array.from({ length: 8000 }, (_, i) => `word${i}x`)
    for (let i = 0; i < 4; i++) hashes(many.map((word) => word + i).join(' '))
    assert.deepEqual(hashes('hiking mountains happily'), fresh)
    assert.deepEqual(hashes('hiking mountains happily'), fresh)
  })

  test('a very long word is one term and is not stemmed', () => {
    otherTerms(`${'x'.repeat(80)}ing`, 'x'.repeat(80))
  })
})

describe('labels', () => {
  const labels: [string, number][] = [
    ['Alice: hello there', 1],
    ['Mary Ann Lee: hello', 3],
    ['one two three four: hello', 0],
    ['张三：你好', 3],
    ['https://example.org', 0],
    ['at 12:30 we met', 0],
    ['std::vector', 0],
    ['no label here', 0],
    ['first line\nAlice: hello', 0],
    [': hello', 0],
  ]
  for (const [text, count] of labels) {
    test(`${JSON.stringify(text)} has ${count}`, () =>
      assert.equal(termsOf(text, termSeed(seed)).labelled, count))
  }
})

describe('queries', () => {
  test('words that only ask are left out', () => {
    assert.deepEqual(asked('When did Caroline go to the beach?'), hashes('caroline go beach'))
    assert.deepEqual(asked("Where's Caroline’s dog?"), hashes('caroline dog'))
  })

  test('a query of nothing else keeps them', () => {
    assert.deepEqual(asked('who am I'), hashes('who am i'))
  })

  test('a word counts once', () => {
    assert.deepEqual(asked('tea tea TEA teas'), hashes('tea'))
  })

  test('an empty query and one without letters have no terms', () => {
    for (const query of ['', ' ', '?!', '---', '\u200d']) assert.deepEqual(asked(query), [])
  })

  test('a long query is cut', () => {
    const query = Array.from({ length: 500 }, (_, i) => `w${i}`).join(' ')
    assert.equal(asked(query).length, termsPerQueryMax)
  })
})

describe('bounds', () => {
  test('a long text is cut, also in a script where a sign gives two terms', () => {
    assert.equal(hashes('w '.repeat(10_000)).length, termsPerTextMax)
    assert.equal(hashes('東'.repeat(10_000)).length, termsPerTextMax)
    assert.equal(hashes('\ufdfa'.repeat(10_000)).length, termsPerTextMax)
  })

  test('a label pattern takes no more than linear time', () => {
    const started = performance.now()
    termsOf(' '.repeat(10_000) + 'a '.repeat(10_000), termSeed(seed))
    assert.ok(performance.now() - started < 500)
  })
})

test('any text is taken, and form and case do not matter', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const terms = hashes(text)
      assert.ok(terms.length <= 2 * 18 * text.length)
      assert.deepEqual(hashes(text.normalize('NFD')), terms)
      assert.deepEqual(hashes(text), terms)
    }),
  )
})

describe('seeds', () => {
  const other = termSeed(Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1))
  const hashed = (text: string, by: TermSeed): string[] => {
    const { count, low, high } = termsOf(text, by)
    return Array.from({ length: count }, (_, i) => `${low[i]}.${high[i]}`)
  }

  test('terms of two seeds have nothing in common, also where a stem was remembered', () => {
    const words = 'running dogs barked at the running dogs'
    const mine = hashed(words, termSeed(seed))
    const theirs = hashed(words, other)
    assert.equal(new Set(mine).isDisjointFrom(new Set(theirs)), true)
    assert.deepEqual(hashed(words, termSeed(seed)), mine)
    assert.deepEqual(hashed(words, other), theirs)
  })

  test('a seed has 8 bytes', () => {
    for (const length of [0, 7, 9]) assert.throws(() => termSeed(new Uint8Array(length)), /8 bytes/)
  })
})
