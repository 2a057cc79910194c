import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fieldsOf, idOf, seed } from './document-fixture.ts'
import { createSpaceIndex, type SpaceIndex } from './space-index.ts'
import { languages } from './stop-words.ts'
import { termSeed, termsOf } from './tokens.ts'

const languageOf = (text: string) => languages[termsOf(text, termSeed(seed)).language]

function indexOf(texts: readonly string[]): SpaceIndex {
  const index = createSpaceIndex({ seed })
  for (const [i, text] of texts.entries()) index.put(fieldsOf(i), text)
  return index
}

const found = (index: SpaceIndex, query: string, levels?: string[]): string[] =>
  index.search(query, { limit: 10, now: 0, privacyLevels: levels }).map(({ id }) => id)

interface Example {
  readonly name: string
  readonly code: string
  /** The first is what the question asks for. */
  readonly texts: readonly string[]
  readonly query: string
}

// In each the form of a word in the question is not the one in the text.
const examples: readonly Example[] = [
  {
    name: 'German',
    code: 'de',
    texts: [
      'Ich habe zwei Katzen und einen Hund',
      'Meine Schwester wohnt seit Jahren in München',
      'Im Sommer fahren wir ans Meer',
    ],
    query: 'Hat sie eine Katze?',
  },
  {
    name: 'French',
    code: 'fr',
    texts: [
      'Je suis allergique aux arachides et à l’huile d’olive',
      'Nous avons acheté une maison dans le sud',
      'Elle travaille avec son frère à Paris',
    ],
    query: 'Quelles sont ses allergies à l’arachide ?',
  },
  {
    name: 'Spanish',
    code: 'es',
    texts: [
      'A mi hermana le gustan las canciones de los años ochenta',
      'El martes tengo una cita con el médico',
      'Vivimos en una casa cerca del mar',
    ],
    query: '¿Qué canción prefiere su hermano?',
  },
  {
    name: 'Italian',
    code: 'it',
    texts: [
      'Il mio gatto dorme sempre sulla sedia della cucina',
      'Abbiamo comprato una macchina che è molto vecchia',
      'Lavoro in una scuola di musica',
    ],
    query: 'Dove dormono i gatti?',
  },
  {
    name: 'Portuguese',
    code: 'pt',
    texts: [
      'Eu não como carne, mas gosto muito de peixes',
      'A minha avó nasceu em uma cidade do norte',
      'Ela trabalha com o irmão em uma empresa',
    ],
    query: 'Você gosta de peixe?',
  },
  {
    name: 'Dutch',
    code: 'nl',
    texts: [
      'Ik heb twee katten en een oude hond',
      'Wij wonen niet meer in het centrum van de stad',
      'Mijn zus werkt bij een bank',
    ],
    query: 'Heeft hij een kat?',
  },
  {
    name: 'Swedish',
    code: 'sv',
    texts: [
      'Jag har två hundar och en katt som heter Maja',
      'Vi ska inte åka till fjällen i vinter',
      'Min syster är lärare på en skola',
    ],
    query: 'Vad heter din hund?',
  },
  {
    name: 'Russian',
    code: 'en',
    texts: [
      'Я люблю зелёный чай без сахара',
      'Моя сестра живёт в Москве',
      'Летом мы ездили на море',
    ],
    query: 'Она любит чёрный чай или зеленый?',
  },
]

describe('a text shows its language, and is found by other forms of its words', () => {
  const everything = examples.flatMap(({ texts }) => texts)
  const all = indexOf(['She plays the violin', ...everything])

  for (const { name, code, texts, query } of examples) {
    test(name, () => {
      assert.deepEqual(
        texts.map(languageOf),
        texts.map(() => code),
      )
      assert.equal(found(indexOf(texts), query)[0], idOf(0))
      assert.equal(found(all, query)[0], idOf(1 + everything.indexOf(texts[0] as string)))
    })
  }
})

describe('English', () => {
  const texts = [
    'We met in Los Angeles and Las Vegas',
    'Alice drinks tea',
    'coffee, no sugar',
    'Was ist das? she said, and I had no idea what it meant',
    'Don Quixote by Miguel de Cervantes is on my list',
    'Hans: the war is over',
    'a café in São Paulo',
    'item per item, more or less',
    '',
    '42',
  ]
  for (const text of texts) {
    test(`is what ${JSON.stringify(text)} is`, () => assert.equal(languageOf(text), 'en'))
  }
})

describe('several languages in one space', () => {
  const index = indexOf([
    'The dogs bark',
    'Ich habe einen Hund',
    'Der Termin ist am Montag',
    'El perro es de mi hermano',
  ])

  test('a question in any of them finds what is in it', () => {
    assert.equal(found(index, 'the barking dog')[0], idOf(0))
    assert.equal(found(index, 'Wer hat Hunde?')[0], idOf(1))
    assert.equal(found(index, '¿De quién son los perros?')[0], idOf(3))
  })

  test('stop words of the language of the question are left out', () => {
    assert.deepEqual(found(index, 'Wer hat Hunde?'), [idOf(1)])
  })

  test('a phrase is found in each', () => {
    const both = indexOf(['Hund einen', 'Ich habe einen Hund', 'Ich Hund habe einen'])
    assert.equal(found(both, '"einen Hund"')[0], idOf(1))
  })

  test('a text that shows no language is found by its words as they stand', () => {
    const short = indexOf(['Katzen', 'Ich habe einen Hund'])
    assert.deepEqual(found(short, 'Katzen'), [idOf(0)])
  })

  test('a stem is looked for in texts of its language only', () => {
    // By the rules of German a form of "wag", by those of English none.
    assert.deepEqual(found(indexOf(['The dog began to wag', 'Ich habe einen Hund']), 'wagen'), [])
  })

  test('accents may be left out', () => {
    const french = indexOf(['Nous avons mangé à la crêperie', 'Je suis à Lyon'])
    assert.equal(found(french, 'creperie')[0], idOf(0))
  })
})

test('the language of what may not be seen changes nothing', () => {
  const texts = examples.flatMap((example) => example.texts).concat('dies are cast', 'Hunde')
  const drawn = fc.array(fc.tuple(fc.constantFrom(...texts), fc.boolean()), { maxLength: 12 })
  const queries = examples.map(({ query }) => query).concat('"die Hund" casting', 'dies')
  fc.assert(
    fc.property(drawn, fc.constantFrom(...queries), (memories, query) => {
      const all = createSpaceIndex({ seed })
      const visible = createSpaceIndex({ seed })
      for (const [i, [text, isPublic]] of memories.entries()) {
        all.put(fieldsOf(i, { privacyLevel: isPublic ? 'public' : 'restricted' }), text)
        if (isPublic) visible.put(fieldsOf(i, { privacyLevel: 'public' }), text)
      }
      const question = { limit: 20, now: 0, explain: true }
      assert.deepEqual(
        all.search(query, { ...question, privacyLevels: ['public'] }),
        visible.search(query, question),
      )
    }),
  )
})

describe('scripts without spaces', () => {
  const texts = [
    '昨日、東京タワーでiPhone１５を買いました',
    '私は京都に住んでいます',
    'ラーメンが好きです',
    '저는 커피를 좋아해요',
    '我对花生过敏',
    'ผมชอบกินข้าวผัด',
  ]
  const index = indexOf(texts)
  const asked: [string, number][] = [
    ['東京タワー', 0],
    ['iPhone15 買う', 0],
    ['ﾗｰﾒﾝ', 2],
    ['京都 住む', 1],
    ['커피', 3],
    ['花生', 4],
    ['ข้าวผัด', 5],
  ]
  for (const [query, number] of asked) {
    test(`${query} is found`, () => assert.equal(found(index, query)[0], idOf(number)))
  }
})
