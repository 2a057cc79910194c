import { stem } from 'stemr'
import { assert } from '../../core/assert.ts'

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
  /** Where the term stands in the folded text. */
  readonly start: Uint32Array
  readonly end: Uint32Array
  /** How many of the first terms stand in a label, such as the name in "Alice: hello". */
  labelled: number
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
// The stemmer knows English words; what is longer is a key or an encoded blob.
const stemLengthMax = 64
const cacheSize = 1 << 14
const apostrophe = 0x27

// Words that carry grammar or ask, and so say nothing about which memory is meant. They are indexed
// all the same, so that a query made only of them still works, and are left out of other queries.
// Measured on LoCoMo (dev), recall@10: 0.79 with the list, 0.75 without.
const stopWordList =
  'a an the and or but of to in on at for from by with is are was were be been being am do does ' +
  'did doing have has had having i you he she it we they me him her us them my your his its our ' +
  'their this that these those as so if not no than then there here too very can will just would ' +
  'could should may might must shall into about what when where who whom whose which why how'
const stopWords = new Set(stopWordList.split(' '))

// `mark` only continues a word; `gram` is a letter of a script written without spaces; `sign` is a
// pictograph, a word of its own. The last two are taken as they stand.
const kinds = { separator: 1, word: 2, mark: 3, gram: 4, sign: 5 } as const
const letterPattern = /[\p{L}\p{N}]/u
const markPattern = /\p{M}/u
const spacelessPattern =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmr}\p{scx=Mymr}]/u
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
  labelled: 0,
}

// Stem cache, direct-mapped: hash of a word -> hash of its stem, both of the seed at hand. Bounded,
// and holds no word.
const cacheWordLow = new Uint32Array(cacheSize)
const cacheWordHigh = new Uint32Array(cacheSize)
const cacheStemLow = new Uint32Array(cacheSize)
const cacheStemHigh = new Uint32Array(cacheSize)
const cacheStop = new Uint8Array(cacheSize)

// The last hash, in two halves: returning a pair would allocate once per word.
let hashLow = 0
let hashHigh = 0

/** Hashes every word of a text, stop words included, up to `termsPerTextMax`. */
export function termsOf(text: string, seed: TermSeed): Terms {
  useSeed(seed)
  const folded = fold(text)
  const labelEnd = labelPattern.exec(folded)?.[0].length ?? 0
  terms.count = 0
  terms.labelled = 0
  terms.asks = questionPattern.test(folded)
  let start = 0
  let gramBefore = -1
  while (start < folded.length && terms.count < termsPerTextMax) {
    const kind = kindOf(folded.codePointAt(start) as number)
    const end = endOf(folded, start, kind)
    if (kind === kinds.word) pushWord(folded, start, end)
    if (kind >= kinds.gram) pushSign(folded, start, end)
    // Two neighbouring signs are the nearest thing to a word where words are not marked.
    if (kind === kinds.gram && gramBefore >= 0) pushPair(folded, gramBefore, end)
    gramBefore = kind === kinds.gram ? start : -1
    if (end <= labelEnd) terms.labelled = terms.count
    start = end
  }
  if (terms.labelled > labelTermsMax) terms.labelled = 0
  return terms
}

/** Hashes of another seed mean nothing to this one, so the cache starts again. */
function useSeed({ low, high }: TermSeed): void {
  if (low === seedLow && high === seedHigh) return
  seedLow = low
  seedHigh = high
  cacheWordLow.fill(0)
  cacheWordHigh.fill(0)
}

/**
 * One spelling for what readers take for one word: compatibility forms, case, accents and the
 * apostrophe. ASCII, the usual text, needs lower case only.
 */
export function fold(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text.toLowerCase()
  return text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .toUpperCase()
    .toLowerCase()
    .replace(/[\u2018\u2019\u02bc]/g, "'")
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
  const place = hashLow & (cacheSize - 1)
  if (cacheWordLow[place] !== hashLow || cacheWordHigh[place] !== hashHigh) {
    cacheWordLow[place] = hashLow
    cacheWordHigh[place] = hashHigh
    const bare = text.slice(start, end).replace(/'s$/, '').replaceAll("'", '')
    const root = bare.length > stemLengthMax ? bare : stem(bare)
    hashRange(root, 0, root.length)
    cacheStemLow[place] = hashLow
    cacheStemHigh[place] = hashHigh
    cacheStop[place] = stopWords.has(bare) ? 1 : 0
  }
  hashLow = cacheStemLow[place] as number
  hashHigh = cacheStemHigh[place] as number
  push(start, end)
  terms.stop[terms.count - 1] = cacheStop[place] as number
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
