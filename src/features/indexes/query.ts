import { english } from './languages.ts'
import { type Phrase, sequenceByte } from './sequences.ts'
import { plainOf, type TermSeed, type Terms, termsOf } from './tokens.ts'

/** Turns a question into what is looked for: its terms, and which of them stand together. */

/** Most distinct terms taken from one query. Bounds the work of a search. */
export const termsPerQueryMax = 64

/** Words that are looked at for them. A text of Chinese signs has twice as many as it has signs. */
export const wordsPerQueryMax = 512

/** Terms that may be part of a phrase: a bit of 32 stands for each. */
export const phraseTermsMax = 32

// Two words of a question that are further apart say nothing about each other.
const pairDistanceMax = 8
const phrasesMax = 64
const phraseWordsMax = 32

/** The hash of a term, in two halves. */
export interface Hash {
  readonly low: number
  readonly high: number
}

/** The hash of a word's stem, and in which languages it is that, a bit each. */
export interface Stem extends Hash {
  readonly languages: number
}

/** A term of a query: the hash of its stem, and the word as the caller wrote it. */
export interface QueryTerm extends Stem {
  readonly word: string
  /** Its other stems, in the languages that texts are in. */
  readonly others: readonly Stem[]
}

/** Words of a query that stand together, and the places of their terms among the query's. */
export interface QueryPhrase {
  /** The phrase in each language. */
  readonly variants: readonly Phrase[]
  readonly terms: readonly number[]
  /** In quotes, and so meant as it stands; otherwise two words with nothing told between them. */
  readonly quoted: boolean
}

export interface Query {
  readonly terms: readonly QueryTerm[]
  readonly phrases: readonly QueryPhrase[]
}

/** One word of a query, at its place among all words. */
interface Word extends QueryTerm {
  /** Its hash in each language. */
  readonly hashes: readonly Hash[]
  readonly place: number
  /** Left out of the terms, unless there are no others. */
  readonly stop: boolean
  /** A pair of signs, which has no place of its own. */
  readonly apart: boolean
  /** A sign of a script without spaces: its pairs are terms already. */
  readonly gram: boolean
  /** The number of its quotation, or -1. */
  readonly quotation: number
}

// Straight quotes, and pairs of the usual shapes.
const quotationPattern = /"([^"]+)"|[“„«]([^“”„«»]+)[“”»]|[「『]([^「」『』]+)[」』]/g

/** What a query is read with. */
export interface Reading {
  readonly seed: TermSeed
  /** The languages that texts are in besides English, by their places in `languages`. */
  readonly languages: readonly number[]
}

/**
 * The distinct terms of a query in their order and its phrases. Stop words are terms where they
 * stand in quotes or where a query has nothing else.
 */
export function queryOf(text: string, reading: Reading): Query {
  const all = wordsOf(text, reading)
  const told = all.filter((word) => !word.stop)
  const words = told.length > 0 ? told : all
  const terms = new Map<string, QueryTerm>()
  for (const word of words) {
    if (terms.size === termsPerQueryMax) break
    const { low, high, languages, others } = word
    const key = keyOf(word)
    if (!terms.has(key)) terms.set(key, { low, high, languages, word: word.word, others })
  }
  const places = new Map([...terms.keys()].map((key, place) => [key, place]))
  return { terms: [...terms.values()], phrases: phrasesOf(words, places) }
}

function wordsOf(text: string, { seed, languages }: Reading): Word[] {
  const words: Word[] = []
  const own = ownLanguage(text, { seed, languages })
  const others = [english, ...languages].filter((language) => language !== own)
  let place = 0
  let quotation = 0
  for (const { part, quoted } of partsOf(text)) {
    const left = wordsPerQueryMax - words.length
    if (left === 0) break
    // Each reading of a text takes the place of the one before; that in its own language is the last.
    const stems = others.map((language) => stemsOf(termsOf(part, seed, language), left))
    const found = termsOf(part, seed, own)
    stems.unshift(stemsOf(found, left))
    const typed = typedOf(part)
    for (let i = 0; i < Math.min(found.count, left); i++) {
      const apart = found.apart[i] === 1
      words.push({
        ...wordAt(found, i, { typed, stems }),
        place: apart ? place - 1 : place++,
        stop: !quoted && found.stop[i] === 1,
        apart,
        quotation: quoted ? quotation : -1,
      })
    }
    if (quoted) quotation++
  }
  return words
}

/** What words are cut from to be shown: the plain form where it has another length, which is seldom. */
function typedOf(part: string): string {
  const plain = plainOf(part)
  return plain.length === part.length ? part : plain
}

/** The language that a query shows, if texts are in it: its stop words are left out. */
function ownLanguage(text: string, { seed, languages }: Reading): number {
  if (languages.length === 0) return english
  const { language } = termsOf(text, seed)
  return languages.includes(language) ? language : english
}

function stemsOf({ count, low, high, language }: Terms, count_max: number): Stem[] {
  return Array.from({ length: Math.min(count, count_max) }, (_, i) => ({
    low: low[i] as number,
    high: high[i] as number,
    languages: 1 << language,
  }))
}

function wordAt(
  found: Terms,
  i: number,
  { typed, stems }: { typed: string; stems: readonly (readonly Stem[])[] },
): QueryTerm & Pick<Word, 'gram' | 'hashes'> {
  const hashes = stems.map((ofLanguage) => ofLanguage[i] as Stem)
  const [own, ...others] = distinct(hashes)
  return {
    ...(own as Stem),
    word: typed.slice(found.start[i], found.end[i]),
    others,
    hashes,
    gram: found.gram[i] === 1,
  }
}

/** Stems that are one in several languages as one, in their order. */
function distinct(stems: readonly Stem[]): readonly Stem[] {
  if (stems.length === 1) return stems
  const result = new Map<string, Stem>()
  for (const stem of stems) {
    const languages = (result.get(keyOf(stem))?.languages ?? 0) | stem.languages
    result.set(keyOf(stem), { ...stem, languages })
  }
  return [...result.values()]
}

/** A query cut where quotes begin and end. */
function partsOf(text: string): { part: string; quoted: boolean }[] {
  const parts: { part: string; quoted: boolean }[] = []
  let end = 0
  for (const match of text.matchAll(quotationPattern)) {
    const quoted = match[1] ?? match[2] ?? match[3] ?? ''
    parts.push({ part: text.slice(end, match.index), quoted: false })
    parts.push({ part: quoted, quoted: true })
    end = match.index + match[0].length
  }
  parts.push({ part: text.slice(end), quoted: false })
  return parts
}

function phrasesOf(words: readonly Word[], places: ReadonlyMap<string, number>): QueryPhrase[] {
  const sequence = words.filter((word) => !word.apart)
  const quoted = sequence.filter(({ quotation }) => quotation >= 0)
  const quotations = Map.groupBy(quoted, ({ quotation }) => quotation)
  const runs = [...quotations.values()].filter((run) => run.length > 1)
  const phrases = runs.map((run) => ({ run: run.slice(0, phraseWordsMax), quoted: true }))
  for (const [at, word] of sequence.entries()) {
    const next = sequence[at + 1]
    if (next && isPair(word, next)) phrases.push({ run: [word, next], quoted: false })
  }
  return phrases
    .map(({ run, quoted }) => ({ ...toPhrase(run, places), quoted }))
    .filter(({ terms }) => terms.every((term) => term >= 0 && term < phraseTermsMax))
    .slice(0, phrasesMax)
}

/** Whether two words that follow each other are looked for together; a quotation is as a whole. */
function isPair(a: Word, b: Word): boolean {
  if (b.place - a.place > pairDistanceMax || keyOf(a) === keyOf(b)) return false
  if (a.gram && b.gram) return false
  return a.quotation < 0 || a.quotation !== b.quotation
}

function toPhrase(
  run: readonly Word[],
  places: ReadonlyMap<string, number>,
): Omit<QueryPhrase, 'quoted'> {
  const first = run[0]?.place ?? 0
  const offsets = Uint8Array.from(run.map(({ place }) => place - first))
  const variants: Phrase[] = []
  for (let language = 0; language < (run[0]?.hashes.length ?? 0); language++) {
    const bytes = Uint8Array.from(run.map(({ hashes }) => sequenceByte(hashes[language]?.low ?? 0)))
    const isKnown = variants.some((variant) =>
      variant.bytes.every((byte, at) => byte === bytes[at]),
    )
    if (!isKnown) variants.push({ bytes, offsets })
  }
  const terms = run.map((word) => places.get(keyOf(word)) ?? -1)
  return { variants, terms }
}

function keyOf({ low, high }: Hash): string {
  return `${low}.${high}`
}
