import { stemmer as dutch } from '@orama/stemmers/dutch'
import { stemmer as french } from '@orama/stemmers/french'
import { stemmer as german } from '@orama/stemmers/german'
import { stemmer as italian } from '@orama/stemmers/italian'
import { stemmer as portuguese } from '@orama/stemmers/portuguese'
import { stemmer as russian } from '@orama/stemmers/russian'
import { stemmer as spanish } from '@orama/stemmers/spanish'
import { stemmer as swedish } from '@orama/stemmers/swedish'
import { stem } from 'stemr'
import { type Language, languages, telling } from './stop-words.ts'

/**
 * The stems of words in each language, and in which language a text is. Nothing has to be set: a
 * text is English unless its stop words tell of another language, and a word in Cyrillic letters is
 * Russian. Of a query, every word is looked up by its stem in each language that texts of the index
 * are in, among the texts of that language: so a text is found even when it was taken for another.
 */

const stemmers: Readonly<Record<Language, (word: string) => string>> = {
  en: stem,
  de: german,
  fr: french,
  es: spanish,
  it: italian,
  pt: portuguese,
  nl: dutch,
  sv: swedish,
  ru: (word) => russian(word.replaceAll('\u0451', '\u0435')),
}

export const english = languages.indexOf('en')
const russianAt = languages.indexOf('ru')
/** The languages that a text can be in besides English; Russian is a matter of each word. */
export const otherLanguages: readonly number[] = languages
  .map((_, at) => at)
  .filter((at) => at !== english && at !== russianAt)

// What is longer is a key or an encoded blob.
const stemLengthMax = 64
// Articles and pronouns that French and Italian write together with the word behind them.
const elisionPattern =
  /^(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu|un|dell|all|dall|nell|sull|quest|quell)'(?=.{2})/
const elided = new Set([languages.indexOf('fr'), languages.indexOf('it')])
const cyrillic = { first: 0x400, last: 0x52f }

/** The language of a word by its first letter, in a text of a language. */
export function languageOfWord(letter: number, textLanguage: number): number {
  return letter >= cyrillic.first && letter <= cyrillic.last ? russianAt : textLanguage
}

/** The stem of a word in lower case, by the rules of a language. */
export function stemOf(word: string, language: number): string {
  if (word.length > stemLengthMax) return word
  const whole = elided.has(language) ? word.replace(elisionPattern, '') : word
  const bare = whole.replaceAll("'", '')
  return stemmers[languages[language] as Language](bare)
}

/** The language that its words told of best; English where no other is told of clearly. */
export function bestTold(told: Uint32Array): number {
  let best = english
  for (const language of otherLanguages) {
    const points = told[language] as number
    if (points > telling.little && points > (told[best] as number)) best = language
  }
  return best
}
