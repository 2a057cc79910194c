import { type Phrase, sequenceByte } from './sequences.ts'
import { fold, type TermSeed, type Terms, termsOf } from './tokens.ts'

/** Turns a question into what is looked for: its terms, and which of them stand together. */

/** Most distinct terms taken from one query. Bounds the work of a search. */
export const termsPerQueryMax = 64

/** Terms that may be part of a phrase: a bit of 32 stands for each. */
export const phraseTermsMax = 32

// Two words of a question that are further apart say nothing about each other.
const pairDistanceMax = 8
const phrasesMax = 64
const phraseWordsMax = 32

/** A term of a query: its hash, in two halves, and the word as the caller wrote it. */
export interface QueryTerm {
  readonly low: number
  readonly high: number
  readonly word: string
}

/** Words of a query that stand together, and the places of their terms among the query's. */
export interface QueryPhrase extends Phrase {
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

/**
 * The distinct terms of a query in their order and its phrases. Stop words are terms where they
 * stand in quotes or where a query has nothing else.
 */
export function queryOf(text: string, seed: TermSeed): Query {
  const all = wordsOf(text, seed)
  const told = all.filter((word) => !word.stop)
  const words = told.length > 0 ? told : all
  const terms = new Map<string, QueryTerm>()
  for (const word of words) {
    if (terms.size === termsPerQueryMax) break
    const { low, high } = word
    const key = keyOf(word)
    if (!terms.has(key)) terms.set(key, { low, high, word: word.word })
  }
  const places = new Map([...terms.keys()].map((key, place) => [key, place]))
  return { terms: [...terms.values()], phrases: phrasesOf(words, places) }
}

function wordsOf(text: string, seed: TermSeed): Word[] {
  const words: Word[] = []
  let place = 0
  let quotation = 0
  for (const { part, quoted } of partsOf(text)) {
    const found = termsOf(part, seed)
    // Folding seldom changes the length; where it does, the folded word is shown.
    const folded = fold(part)
    const typed = folded.length === part.length ? part : folded
    for (let i = 0; i < found.count; i++) {
      const apart = found.apart[i] === 1
      const stop = !quoted && found.stop[i] === 1
      words.push({
        ...wordAt(found, i, typed),
        place: apart ? place - 1 : place++,
        stop,
        apart,
        quotation: quoted ? quotation : -1,
      })
    }
    if (quoted) quotation++
  }
  return words
}

function wordAt(found: Terms, i: number, typed: string): QueryTerm & { gram: boolean } {
  return {
    low: found.low[i] as number,
    high: found.high[i] as number,
    word: typed.slice(found.start[i], found.end[i]),
    gram: found.gram[i] === 1,
  }
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
  const quotations = Map.groupBy(
    sequence.filter(({ quotation }) => quotation >= 0),
    ({ quotation }) => quotation,
  )
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
): Phrase & { terms: number[] } {
  const first = run[0]?.place ?? 0
  return {
    bytes: Uint8Array.from(run, ({ low }) => sequenceByte(low)),
    offsets: Uint8Array.from(run, ({ place }) => place - first),
    terms: run.map((word) => places.get(keyOf(word)) ?? -1),
  }
}

function keyOf({ low, high }: { low: number; high: number }): string {
  return `${low}.${high}`
}
