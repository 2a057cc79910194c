import { assert } from '../../core/assert.ts'
import { sha256 } from '../../crypto/digest.ts'
import { FlatColumn } from './columns.ts'
import { createDocuments, type DocumentFields } from './documents.ts'
import { createExpiries } from './expiries.ts'
import { factorOf } from './factors.ts'
import { createIdOrder } from './id-order.ts'
import { english } from './languages.ts'
import {
  type IndexDump,
  type IndexViews,
  type Load,
  numberIn,
  type PartWriter,
  partOf,
  partReader,
} from './parts.ts'
import { createPostings } from './postings.ts'
import type { Quantised } from './quantised.ts'
import { type Query, queryOf } from './query.ts'
import { type Hit, type Options, rank, rankWith, type UnitedHit } from './ranking.ts'
import { languagesIn, languagesOf } from './reading.ts'
import { createSequences } from './sequences.ts'
import { listSessions, type SessionSummary } from './session-list.ts'
import { createSessions } from './sessions.ts'
import { labelMask, languageTerm, type TermSeed, type Terms, termSeed, termsOf } from './tokens.ts'
import type { Scored } from './top.ts'
import { candidates_min } from './unite.ts'
import { loadVectors, type SpaceVectors, type VectorKind } from './vectors.ts'
import { type Corpus, type Scope, visibleTo } from './visibility.ts'

export type { DocumentFields } from './documents.ts'
export type { IndexDump } from './parts.ts'
export type { Hit, UnitedHit } from './ranking.ts'
export type { SessionSummary } from './session-list.ts'
export type { Scope } from './visibility.ts'

/** What every question to an index says: how many answers, when, and who asks for what. */
export interface Question extends Scope {
  readonly limit: number
  /** ms since the epoch. Must not go back: what has expired once is gone from the index. */
  readonly now: number
}

/** The index of one space, in RAM: its words and, where there is an embedder, its vectors. */
export interface SpaceIndex {
  /** Live documents. What expired counts until the next question notices it. */
  readonly size: number
  /** The RAM held, in bytes. */
  readonly bytes: number
  /**
   * Adds a memory, or replaces the one of that id. `vector` is null for a memory that is to have none,
   * and left out while it has none yet.
   */
  put(fields: DocumentFields, text: string, vector?: Quantised | null): void
  /** Forgets a memory; says whether it was there. */
  remove(id: string): boolean
  /** Best first; equal scores in the order of ids. */
  search(query: string, question: Options): Hit[]
  /**
   * What `search` finds and what is nearest to a vector as one list, best first. A cosine is weighed
   * as a score is; equal ones are in the order of ids.
   */
  searchBoth(query: string, vector: Float32Array, question: Options): UnitedHit[]
  /** Live documents without a vector that are to have one. */
  readonly pending: number
  /** It is kept from now on: its vectors go where they are scanned fastest. */
  keep(): void
  /** It is kept no more: what it has of the memory that all share is given back. It can be asked. */
  leave(): void
  /** Ids in descending order, below `before` when it is given. */
  list(question: Question & { readonly before?: string | undefined }): string[]
  /** Ids in ascending order, above `after` when it is given. */
  listUp(question: Question & { readonly after?: string | undefined }): string[]
  /** Sessions by their last `occurredAt`, latest first; equal ones in the order of ids. */
  sessions(question: Question): SessionSummary[]
  /** Counts what was changed: what was seen at the same count is still as it was. */
  readonly changes: number
  /** Does a step of dropping what is left of removed memories; true when nothing is. Before a dump. */
  tidy(): boolean
  /** The whole index as views of its arrays; copies of them, `loadSpaceIndex` takes. */
  dump(): IndexViews
}

// Below this many removed documents sweeping would cost more than it frees.
const deadMin = 64
// How much of a sweep each change and each question does: some microseconds. Thousands of removed
// documents are swept while as many changes come.
const sweepStep_postings = 1024
// Nobody waits for this one: some tenths of a millisecond.
const tidyStep_postings = 32 * 1024
const dumpFormat = 1

/** What term hashes start from: 8 bytes that callers cannot know; see `termSeed`. */
export interface SpaceIndexOptions {
  readonly seed: Uint8Array
  /** Left out where there is no embedder. */
  readonly vectors?: VectorKind | null
}

/** Makes the index of a space, empty. */
export function createSpaceIndex(options: SpaceIndexOptions): SpaceIndex {
  return new MemoryIndex(termSeed(options.seed), options.vectors ?? null)
}

/**
 * The index of a dump, in milliseconds: it takes the arrays of the dump for its own. Throws when the
 * dump is of another format, seed or embedder, or its parts are not what its header says.
 */
export function loadSpaceIndex(dump: IndexDump, options: SpaceIndexOptions): SpaceIndex {
  assert(numberIn(dump.header, 'format') === dumpFormat, 'a dump is of a format that we know')
  const seed = termSeed(options.seed)
  assert(numberIn(dump.header, 'seedCheck') === checkOf(seed), 'a dump is of our seed')
  const parts = partReader(dump.parts)
  const index = new MemoryIndex(seed, options.vectors ?? null, { header: dump.header, parts })
  parts.whole()
  return index
}

class MemoryIndex implements SpaceIndex {
  changes = 0
  readonly #seed: TermSeed
  readonly #documents
  readonly #sessions
  readonly #postings
  readonly #sequences
  readonly #expiries
  readonly #order
  readonly #corpus: Corpus
  readonly #vectors: SpaceVectors | null
  /** The languages besides English that texts are in, or were in. */
  #languages: readonly number[]
  /** Removed documents in the order of their removal, until a sweep has been through the postings. */
  readonly #dead: FlatColumn<Uint32Array>
  #deadCount = 0
  /** How many of them the sweep that is under way will free; 0 while there is none. */
  #sweeping = 0

  constructor(seed: TermSeed, vectors: VectorKind | null, load?: Load) {
    this.#seed = seed
    this.#documents = createDocuments(seed, partOf(load, 'documents'))
    this.#sessions = createSessions(this.#documents, partOf(load, 'sessions'))
    this.#postings = createPostings(partOf(load, 'postings'))
    this.#sequences = createSequences(partOf(load, 'sequences'), this.#documents.count)
    this.#expiries = createExpiries(this.#documents, partOf(load, 'expiries'))
    this.#order = createIdOrder(this.#documents, partOf(load, 'order'))
    this.#corpus = {
      documents: this.#documents,
      sessions: this.#sessions,
      postings: this.#postings,
      sequences: this.#sequences,
    }
    this.#vectors = loadVectors(vectors, partOf(load, 'vectors'))
    this.#languages = languagesOf(this.#postings, seed)
    if (load) this.#deadCount = numberIn(load.header, 'dead')
    this.#dead = FlatColumn.load(Uint32Array, load?.parts, this.#deadCount)
  }

  get size(): number {
    return this.#documents.live
  }

  get bytes(): number {
    const parts = [this.#documents, this.#sessions, this.#postings, this.#sequences, this.#expiries]
    const others = this.#order.bytes + this.#dead.bytes + (this.#vectors?.bytes ?? 0)
    return parts.reduce((sum, { bytes }) => sum + bytes, others)
  }

  get pending(): number {
    return this.#vectors ? this.#documents.live - this.#vectors.settled : 0
  }

  put(fields: DocumentFields, text: string, vector?: Quantised | null): void {
    this.changes++
    this.#forget(this.#documents.numberOf(fields.id))
    const terms = termsOf(text, this.#seed)
    const document = this.#documents.add(fields, terms.count)
    this.#sessions.add(document)
    this.#expiries.add(document)
    this.#order.add(document)
    this.#addPostings(document, terms)
    this.#sequences.add(document, terms)
    if (vector !== undefined) this.#vectors?.put(document, vector)
    this.#sweep()
  }

  remove(id: string): boolean {
    const isThere = this.#forget(this.#documents.numberOf(id))
    this.#sweep()
    return isThere
  }

  keep(): void {
    this.#vectors?.settle()
  }

  leave(): void {
    this.#vectors?.park()
  }

  search(query: string, question: Options): Hit[] {
    if (question.limit <= 0) return []
    return this.#answer(question, () => {
      const asked = this.#read(query, question)
      return asked.terms.length === 0 ? [] : rank(this.#corpus, asked, question)
    })
  }

  searchBoth(query: string, vector: Float32Array, question: Options): UnitedHit[] {
    if (question.limit <= 0) return []
    return this.#answer(question, () => {
      const near = this.#nearest(vector, question)
      const asked = { corpus: this.#corpus, query: this.#read(query, question) }
      return rankWith(near, asked, question)
    })
  }

  list(question: Question & { readonly before?: string | undefined }): string[] {
    return this.#answer(question, () => {
      const found: string[] = []
      const sees = visibleTo(question, this.#documents)
      const order = this.#order.sorted()
      for (let at = this.#countBelow(order, question.before) - 1; at >= 0; at--) {
        if (found.length >= question.limit) break
        const document = order[at] as number
        if (sees(document)) found.push(this.#documents.idOf(document))
      }
      return found
    })
  }

  listUp(question: Question & { readonly after?: string | undefined }): string[] {
    return this.#answer(question, () => {
      const found: string[] = []
      const sees = visibleTo(question, this.#documents)
      const order = this.#order.sorted()
      const { after = '' } = question
      for (let at = this.#countBelow(order, after); at < order.length; at++) {
        if (found.length >= question.limit) break
        const document = order[at] as number
        if (!sees(document)) continue
        const id = this.#documents.idOf(document)
        if (id > after) found.push(id)
      }
      return found
    })
  }

  sessions(question: Question): SessionSummary[] {
    const space = { documents: this.#documents, sessions: this.#sessions }
    return this.#answer(question, () => listSessions(space, question))
  }

  tidy(): boolean {
    if (this.#deadCount === 0) return true
    if (this.#sweeping === 0) this.#sweeping = this.#deadCount
    this.#sweepOn(tidyStep_postings)
    return this.#deadCount === 0
  }

  dump(): IndexViews {
    const parts: (readonly ArrayBufferView[])[] = []
    const writer: PartWriter = { add: (...views) => void parts.push(views) }
    const header = {
      format: dumpFormat,
      seedCheck: checkOf(this.#seed),
      documents: this.#documents.dump(writer),
      sessions: this.#sessions.dump(writer),
      postings: this.#postings.dump(writer),
      sequences: this.#sequences.dump(writer, this.#documents.count),
      expiries: this.#expiries.dump(writer),
      order: this.#order.dump(writer),
      vectors: this.#vectors?.dump(writer) ?? null,
      dead: this.#deadCount,
    }
    this.#dead.dump(writer, this.#deadCount)
    return { header, parts }
  }

  #read(query: string, question: Options): Query {
    const reading = { seed: this.#seed, languages: this.#languages }
    const languages = languagesIn(this.#corpus, reading, question)
    return queryOf(query, { seed: this.#seed, languages })
  }

  #nearest(vector: Float32Array, question: Options): Scored[] {
    const documents = this.#documents
    const found = this.#vectors?.nearest(vector, {
      limit: Math.max(question.limit, candidates_min),
      accepts: visibleTo(question, documents),
      compare: (a, b) => documents.compareIds(a, b),
    })
    const weighed = (found ?? []).map(({ document, score }) => {
      return { document, score: score * factorOf(documents, document, question) }
    })
    // What was nearest stays in its order where the factors are the same.
    return weighed.sort((a, b) => b.score - a.score)
  }

  /** Answers from what has not expired, and does a step of the sweep. */
  #answer<T>({ now }: Question, answer: () => T): T {
    this.#expire(now)
    this.#sweep()
    try {
      return answer()
    } finally {
      this.#documents.forget()
    }
  }

  #forget(document: number | undefined): boolean {
    if (document === undefined) return false
    this.changes++
    this.#sessions.remove(document)
    this.#vectors?.remove(document)
    this.#documents.remove(document)
    this.#sequences.remove(document)
    this.#dead.reserve(this.#deadCount + 1)
    this.#dead.array[this.#deadCount++] = document
    return true
  }

  #expire(now: number): void {
    for (;;) {
      const document = this.#expiries.next(now)
      if (document === undefined) return
      this.#forget(document)
    }
  }

  /**
   * When a third of the documents is removed, their postings are dropped, step by step, so that no
   * request waits for it. Only what has left all structures gives its number to another.
   */
  #sweep(): void {
    if (this.#sweeping === 0) {
      const dead = this.#deadCount
      if (dead < deadMin || dead * 3 <= dead + this.#documents.live) return
      this.#sweeping = dead
    }
    this.#sweepOn(sweepStep_postings)
  }

  /** Looks at about so many postings of the sweep that is under way. */
  #sweepOn(postings_max: number): void {
    this.changes++
    if (!this.#postings.sweep(this.#documents.lengths, postings_max)) return
    this.#order.sweep()
    this.#expiries.sweep()
    const { array } = this.#dead
    for (let i = 0; i < this.#sweeping; i++) this.#documents.free(array[i] as number)
    array.copyWithin(0, this.#sweeping, this.#deadCount)
    this.#deadCount -= this.#sweeping
    this.#sweeping = 0
  }

  #addPostings(document: number, terms: Terms): void {
    const { low, high } = terms
    for (let i = 0; i < terms.count; i++) {
      this.#postings.add(low[i] as number, high[i] as number, document)
    }
    if (terms.language !== english) {
      const language = languageTerm(terms.language, this.#seed)
      this.#postings.add(language.low, language.high, document)
      if (!this.#languages.includes(terms.language)) {
        this.#languages = languagesOf(this.#postings, this.#seed)
      }
    }
    for (let i = 0; i < terms.labelled; i++) {
      const labelLow = ((low[i] as number) ^ labelMask) >>> 0
      const labelHigh = ((high[i] as number) ^ labelMask) >>> 0
      this.#postings.add(labelLow, labelHigh, document)
    }
  }

  /** How many of the ordered documents stand below an id, or all of them. */
  #countBelow(order: Uint32Array, id: string | undefined): number {
    if (id === undefined) return order.length
    let low = 0
    let high = order.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#documents.idOf(order[middle] as number) < id) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Tells seeds apart, and says nothing about them. */
function checkOf({ low, high }: TermSeed): number {
  const bytes = new Uint8Array(Uint32Array.of(low, high).buffer)
  return sha256(bytes).readUInt32LE(0)
}
