import { assert } from '../../core/assert.ts'
import { bestTold, english, languageOfWord, stemOf } from './languages.ts'
import { stopWordIn, tellingOf } from './stop-words.ts'

/**
 * Turns text into terms. A term leaves this file only as a 64-bit hash (two 32-bit halves), and no
 * word is kept: a slice of 13 or more characters would keep the whole plaintext alive, and a cache
 * of words would outlive the space that they came from.
 */

/** Most terms taken from one text; what follows is not searchable. Bounds the work of a `put`. */
export const termsPerTextMax = 8192

/** The hashed terms of one text, in order. Shared: the next call overwrites it. */
export interface Terms {
  count: number
  readonly low: Uint32Array
  readonly high: Uint32Array
  /** 1 where the term is a stop word. */
  readonly stop: Uint8Array
  /** 1 where the term is a sign of a script without spaces, or a pair of such signs. */
  readonly gram: Uint8Array
  /** 1 where the term is such a pair: it has no place of its own among the words. */
  readonly apart: Uint8Array
  /** Where the term stands in the plain text. */
  readonly start: Uint32Array
  readonly end: Uint32Array
  /** How many of the first terms stand in a label, such as the name in "Alice: hello". */
  labelled: number
  /** The place of the text's language in `languages`: what its words are stemmed as. */
  language: number
  /** Whether the text asks: a question mark ends one of its sentences. */
  asks: boolean
}

/**
 * What hashes start from, so that nobody can prepare words that collide. Terms of different seeds
 * have nothing in common: an index keeps the seed that it was made with.
 */
export interface TermSeed {
  readonly low: number
  readonly high: number
}

export const termSeed_bytes = 8

/** The seed from 8 bytes that callers cannot know. */
export function termSeed(bytes: Uint8Array): TermSeed {
  assert(bytes.length === termSeed_bytes, 'a seed has 8 bytes')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { low: view.getUint32(0, true), high: view.getUint32(4, true) }
}

/** What a hash is XORed with (both halves) to file the same word as a label. */
export const labelMask = 0x5bd1e995

// A name before a colon has few words; a longer opening is a sentence that happens to hold a colon.
const labelPattern = /^[^\n:]{1,48}:(?:\s|(?=[^\0-\x7f]))/
const labelTermsMax = 3
// One that is not part of an address.
const questionPattern = /[?\u061f](?![a-z0-9=&/%])/
const cacheSize = 1 << 14
const apostrophe = 0x27

// `mark` only continues a word; `gram` is a letter of a script written without spaces; `sign` is a
// pictograph, a word of its own. The last two are taken as they stand.
const kinds = { separator: 1, word: 2, mark: 3, gram: 4, sign: 5 } as const
const letterPattern = /[\p{L}\p{N}]/u
const markPattern = /\p{M}/u
const spacelessPattern =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmr}\p{scx=Mymr}]/u
const pictographPattern = /\p{Extended_Pictographic}/u

// The seed of the text at hand. A process has one, unless a test has more.
let seedLow = 0
let seedHigh = 0

const kindOfUnit = new Uint8Array(0x10000)
const terms: Terms = {
  count: 0,
  low: new Uint32Array(termsPerTextMax),
  high: new Uint32Array(termsPerTextMax),
  stop: new Uint8Array(termsPerTextMax),
  gram: new Uint8Array(termsPerTextMax),
  apart: new Uint8Array(termsPerTextMax),
  start: new Uint32Array(termsPerTextMax),
  end: new Uint32Array(termsPerTextMax),
  asks: false,
  language: english,
  labelled: 0,
}

// Stem cache: hash of a word -> hash of its stem, both of the seed at hand. Bounded, and holds no
// word. What is known of one stands together, since each array would be another miss of the CPU's
// cache: the word's hash (2), the stem's (2), in which languages it is a stop word (low half) and how
// well it tells of them (high half). A word may stand in two places, so that two common ones of the
// same hash do not drive each other out, over and over.
const cacheEntry_n = 5
const cache = new Uint32Array(cacheSize * cacheEntry_n)
/** Which of its two places the next new word takes. */
let cacheTurn = 0

// How well the words of the text at hand told of each language.
const told = new Uint32Array(16)

// The last hash, in two halves: returning a pair would allocate once per word.
let hashLow = 0
let hashHigh = 0

/**
 * Hashes every word of a text, stop words included, up to `termsPerTextMax`. In which language is
 * told by its words, where it is not given by its place in `languages`.
 */
export function termsOf(text: string, seed: TermSeed, language?: number): Terms {
  useSeed(seed)
  const plain = plainOf(text)
  cut(plain, language ?? english)
  if (language !== undefined) return terms
  const found = bestTold(told)
  if (found !== english) cut(plain, found)
  return terms
}

/** What stands for a language among the terms of the documents that are written in it. */
export function languageTerm(language: number, seed: TermSeed): { low: number; high: number } {
  useSeed(seed)
  // No word holds this sign.
  const name = `\0${language}`
  hashRange(name, 0, name.length)
  return { low: hashLow, high: hashHigh }
}

function cut(plain: string, language: number): void {
  const labelEnd = labelPattern.exec(plain)?.[0].length ?? 0
  terms.count = 0
  terms.labelled = 0
  terms.language = language
  terms.asks = questionPattern.test(plain)
  told.fill(0)
  let start = 0
  let gramBefore = -1
  while (start < plain.length && terms.count < termsPerTextMax) {
    const kind = kindOf(plain.codePointAt(start) as number)
    const end = endOf(plain, start, kind)
    if (kind === kinds.word) pushWord(plain, start, end)
    if (kind >= kinds.gram) pushSign(plain, start, end)
    // Two neighbouring signs are the nearest thing to a word where words are not marked.
    if (kind === kinds.gram && gramBefore >= 0) pushPair(plain, gramBefore, end)
    gramBefore = kind === kinds.gram ? start : -1
    if (end <= labelEnd) terms.labelled = terms.count
    start = end
  }
  if (terms.labelled > labelTermsMax) terms.labelled = 0
}

/** Hashes of another seed mean nothing to this one, so the cache starts again. */
function useSeed({ low, high }: TermSeed): void {
  if (low === seedLow && high === seedHigh) return
  seedLow = low
  seedHigh = high
  cache.fill(0)
}

/**
 * One spelling of compatibility forms, case and the apostrophe. Accents stay, since stemmers look at
 * them; `bareOf` takes them off. ASCII, the usual text, needs lower case only.
 */
export function plainOf(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text.toLowerCase()
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\u2018\u2019\u02bc]/g, "'")
}

/** One spelling for what readers take for one word, once it is stemmed: no case, no accents. */
function bareOf(word: string): string {
  if (/^[\0-\x7f]*$/.test(word)) return word
  const bare = word.normalize('NFKD').replace(/[\u0300-\u036f]/g, '')
  return bare.normalize('NFC').toUpperCase().toLowerCase()
}

function kindOf(code: number): number {
  if (code > 0xffff) return classify(code)
  const known = kindOfUnit[code] as number
  if (known !== 0) return known
  const kind = classify(code)
  kindOfUnit[code] = kind
  return kind
}

function classify(code: number): number {
  const sign = String.fromCodePoint(code)
  const letter = letterPattern.test(sign)
  const mark = markPattern.test(sign)
  if ((letter || mark) && spacelessPattern.test(sign)) return kinds.gram
  if (letter) return kinds.word
  if (mark) return kinds.mark
  return pictographPattern.test(sign) ? kinds.sign : kinds.separator
}

/** Where a word ends, or a character that is none. An apostrophe within a word belongs to it. */
function endOf(text: string, start: number, kindAtStart: number): number {
  let at = start + widthOf(text.codePointAt(start) as number)
  if (kindAtStart !== kinds.word) return at
  while (at < text.length) {
    const code = text.codePointAt(at) as number
    const kind = kindOf(code)
    const joins = code === apostrophe && kindOf(text.codePointAt(at + 1) ?? 0) === kinds.word
    if (kind !== kinds.word && kind !== kinds.mark && !joins) break
    at += widthOf(code)
  }
  return at
}

/** UTF-16 units of a code point. */
function widthOf(code: number): number {
  return code > 0xffff ? 2 : 1
}

function pushWord(text: string, start: number, end: number): void {
  hashRange(text, start, end)
  const language = languageOfWord(text.charCodeAt(start), terms.language)
  // The same word of another language has another stem.
  const low = (hashLow ^ (language * 0x9e3779b1)) >>> 0
  let place = cachedAt(low)
  if (place < 0) {
    place = newPlace(low)
    learn(place, text.slice(start, end), language)
  }
  hashLow = cache[place + 2] as number
  hashHigh = cache[place + 3] as number
  push(start, end)
  const known = cache[place + 4] as number
  const stopIn = known & 0xffff
  terms.stop[terms.count - 1] = (stopIn >>> language) & 1
  for (let at = 0; stopIn >>> at !== 0; at++) {
    if ((stopIn >>> at) & 1) told[at] = (told[at] as number) + (known >>> 16)
  }
}

/** The place of the word of this hash and `hashHigh`, or -1. */
function cachedAt(low: number): number {
  const first = firstPlace(low)
  if (cache[first] === low && cache[first + 1] === hashHigh) return first
  const other = first + cacheEntry_n
  return cache[other] === low && cache[other + 1] === hashHigh ? other : -1
}

/** A place for it, by turns. */
function newPlace(low: number): number {
  cacheTurn ^= 1
  const place = firstPlace(low) + cacheTurn * cacheEntry_n
  cache[place] = low
  cache[place + 1] = hashHigh
  return place
}

/** The first of the two neighbouring places of a hash. */
function firstPlace(low: number): number {
  return (low & (cacheSize - 2)) * cacheEntry_n
}

function learn(place: number, word: string, language: number): void {
  const bare = bareOf(word.replace(/'s$/, '').replaceAll("'", ''))
  const root = language === english ? stemOf(bare, english) : bareOf(stemOf(word, language))
  hashRange(root, 0, root.length)
  cache[place + 2] = hashLow
  cache[place + 3] = hashHigh
  cache[place + 4] = stopWordIn(bare) | (tellingOf(bare) << 16)
}

function pushSign(text: string, start: number, end: number): void {
  hashRange(text, start, end)
  push(start, end)
  terms.gram[terms.count - 1] = 1
}

function pushPair(text: string, start: number, end: number): void {
  if (terms.count === termsPerTextMax) return
  pushSign(text, start, end)
  terms.apart[terms.count - 1] = 1
}

/** A term with the last hash, an ordinary one. There is room for it. */
function push(start: number, end: number): void {
  const at = terms.count++
  terms.low[at] = hashLow
  terms.high[at] = hashHigh
  terms.start[at] = start
  terms.end[at] = end
  terms.stop[at] = 0
  terms.gram[at] = 0
  terms.apart[at] = 0
}

/** Two multiply-and-shift lanes (the mixing steps of MurmurHash3) into `hashLow` and `hashHigh`. */
function hashRange(text: string, start: number, end: number): void {
  let low = seedLow
  let high = seedHigh
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i)
    low = Math.imul(low ^ unit, 0x85ebca6b)
    low ^= low >>> 13
    high = Math.imul(high ^ unit, 0xc2b2ae35)
    high ^= high >>> 16
  }
  hashLow = low >>> 0
  // The stem cache takes an all-zero hash for an empty place.
  hashHigh = high >>> 0 || 1
}
