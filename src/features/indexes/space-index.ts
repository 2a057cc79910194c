import { compareIds, createDocuments, type DocumentFields } from './documents.ts'
import { createExpiries } from './expiries.ts'
import type { Recency } from './factors.ts'
import { createPostings } from './postings.ts'
import { queryOf } from './query.ts'
import { type Hit, rank } from './ranking.ts'
import { createSequences } from './sequences.ts'
import { createSessions } from './sessions.ts'
import { labelMask, type TermSeed, type Terms, termSeed, termsOf } from './tokens.ts'
import type { Scope } from './visibility.ts'

export type { DocumentFields } from './documents.ts'
export type { Hit } from './ranking.ts'
export type { Scope } from './visibility.ts'

/** What every question to an index says: how many answers, when, and who asks for what. */
export interface Question extends Scope {
  readonly limit: number
  /** ms since the epoch. Must not go back: what has expired once is gone from the index. */
  readonly now: number
}

/** One session of a space, over the memories that the caller may see. */
export interface SessionSummary {
  readonly sessionId: string
  readonly memories: number
  /** The earliest and latest `occurredAt`, ms since the epoch. */
  readonly firstAt: number
  readonly lastAt: number
}

/** The lexical index of one space, in RAM. */
export interface SpaceIndex {
  /** Live documents. What expired counts until the next question notices it. */
  readonly size: number
  /** Estimate of the RAM held, in bytes. */
  readonly bytes: number
  /** Adds a memory, or replaces the one of that id. `fields.metadata` is kept, not copied. */
  put(fields: DocumentFields, text: string): void
  /** Forgets a memory; says whether it was there. */
  remove(id: string): boolean
  /** Best first; equal scores in the order of ids. */
  search(query: string, question: Question & { readonly recency?: Recency | undefined }): Hit[]
  /** Ids in descending order, below `before` when it is given. */
  list(question: Question & { readonly before?: string | undefined }): string[]
  /** Ids in ascending order, above `after` when it is given. */
  listUp(question: Question & { readonly after?: string | undefined }): string[]
  /** Sessions by their last `occurredAt`, latest first; equal ones in the order of ids. */
  sessions(question: Question): SessionSummary[]
}

// Below this many removed documents compaction would cost more than it frees.
const deadMin = 64

/**
 * Makes the index of a space, empty. `seed` is 8 bytes that callers cannot know; see `termSeed`.
 */
export function createSpaceIndex(options: { seed: Uint8Array }): SpaceIndex {
  return new LexicalIndex(termSeed(options.seed))
}

class LexicalIndex implements SpaceIndex {
  readonly #seed: TermSeed
  #documents = createDocuments()
  #sessions = createSessions(this.#documents)
  #postings = createPostings()
  #sequences = createSequences()
  #expiries = createExpiries(this.#documents)
  // Document numbers in the order of ids, removed ones among them.
  #order: number[] = []
  #orderIsSorted = true

  constructor(seed: TermSeed) {
    this.#seed = seed
  }

  get size(): number {
    return this.#documents.live
  }

  get bytes(): number {
    const parts = this.#documents.bytes + this.#sessions.bytes + this.#postings.bytes
    return parts + this.#sequences.bytes + this.#expiries.bytes + this.#order.length * 8
  }

  put(fields: DocumentFields, text: string): void {
    this.#forget(this.#documents.numberOf(fields.id))
    const terms = termsOf(text, this.#seed)
    this.#addPostings(this.#addDocument(fields, terms.count), terms)
    this.#sequences.add(terms)
  }

  remove(id: string): boolean {
    return this.#forget(this.#documents.numberOf(id))
  }

  search(query: string, question: Question & { readonly recency?: Recency | undefined }): Hit[] {
    this.#expire(question.now)
    const asked = queryOf(query, this.#seed)
    if (asked.terms.length === 0 || question.limit <= 0) return []
    const corpus = {
      documents: this.#documents,
      sessions: this.#sessions,
      postings: this.#postings,
      sequences: this.#sequences,
    }
    return rank(corpus, asked, question)
  }

  list(question: Question & { readonly before?: string | undefined }): string[] {
    this.#expire(question.now)
    const found: string[] = []
    const sees = this.#seeing(question)
    for (let at = this.#countBelow(question.before) - 1; at >= 0; at--) {
      if (found.length >= question.limit) break
      const document = this.#order[at] as number
      if (sees(document)) found.push(this.#documents.ids[document] as string)
    }
    return found
  }

  listUp(question: Question & { readonly after?: string | undefined }): string[] {
    this.#expire(question.now)
    const found: string[] = []
    const sees = this.#seeing(question)
    const { after = '' } = question
    for (let at = this.#countBelow(after); at < this.#order.length; at++) {
      if (found.length >= question.limit) break
      const document = this.#order[at] as number
      const id = this.#documents.ids[document] as string
      if (id > after && sees(document)) found.push(id)
    }
    return found
  }

  sessions(question: Question): SessionSummary[] {
    this.#expire(question.now)
    const sees = this.#seeing(question)
    const found = new Map<string, SessionSummary>()
    for (let document = 0; document < this.#documents.count; document++) {
      if (!sees(document)) continue
      const fields = this.#documents.fields(document)
      const id = fields.sessionId
      if (id !== null) found.set(id, withMemory(found.get(id), fields))
    }
    const latestFirst = [...found.values()].sort(
      (a, b) => b.lastAt - a.lastAt || compareIds(a.sessionId, b.sessionId),
    )
    return latestFirst.slice(0, Math.max(0, question.limit))
  }

  #addDocument(fields: DocumentFields, length: number): number {
    const document = this.#documents.add(fields, length)
    this.#sessions.add(document, fields.sessionId)
    this.#expiries.add(document)
    this.#addToOrder(document)
    return document
  }

  #forget(document: number | undefined): boolean {
    if (document === undefined) return false
    this.#sessions.remove(document)
    this.#documents.remove(document)
    const dead = this.#documents.count - this.#documents.live
    if (dead >= deadMin && dead * 3 > this.#documents.count) this.#compact()
    return true
  }

  #expire(now: number): void {
    for (;;) {
      const document = this.#expiries.next(now)
      if (document === undefined) return
      this.#forget(document)
    }
  }

  #addPostings(document: number, terms: Terms): void {
    const { low, high } = terms
    for (let i = 0; i < terms.count; i++) {
      this.#postings.add(low[i] as number, high[i] as number, document)
    }
    for (let i = 0; i < terms.labelled; i++) {
      const labelLow = ((low[i] as number) ^ labelMask) >>> 0
      const labelHigh = ((high[i] as number) ^ labelMask) >>> 0
      this.#postings.add(labelLow, labelHigh, document)
    }
  }

  #addToOrder(document: number): void {
    const { ids } = this.#documents
    const last = this.#order.at(-1)
    if (last !== undefined && compareIds(ids[last] as string, ids[document] as string) > 0) {
      this.#orderIsSorted = false
    }
    this.#order.push(document)
  }

  /** How many of the sorted documents stand below an id, or all of them. */
  #countBelow(id: string | undefined): number {
    const { ids } = this.#documents
    if (!this.#orderIsSorted) {
      // Late arrivals are few: the sort finds the long run that is sorted already and merges.
      this.#order.sort((a, b) => compareIds(ids[a] as string, ids[b] as string))
      this.#orderIsSorted = true
    }
    if (id === undefined) return this.#order.length
    let low = 0
    let high = this.#order.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((ids[this.#order[middle] as number] as string) < id) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Whether a document is live, may be seen and is accepted. */
  #seeing({ privacyLevels, accept }: Scope): (document: number) => boolean {
    const documents = this.#documents
    const allowed = privacyLevels && documents.allowedLevels(privacyLevels)
    return (document) => {
      if (documents.lengths[document] === 0) return false
      if (allowed && allowed[documents.levels[document] as number] !== 1) return false
      return accept === undefined || accept(documents.fields(document))
    }
  }

  /** Copies what is live into fresh structures: documents get new numbers in the same order. */
  #compact(): void {
    const old = this.#documents
    const oldPostings = this.#postings
    const renumbered = new Int32Array(old.count).fill(-1)
    this.#documents = createDocuments()
    this.#sessions = createSessions(this.#documents)
    this.#expiries = createExpiries(this.#documents)
    this.#order = []
    this.#orderIsSorted = true
    for (let document = 0; document < old.count; document++) {
      const length = (old.lengths[document] as number) - 1
      if (length >= 0) renumbered[document] = this.#addDocument(old.fields(document), length)
    }
    this.#postings = oldPostings.compact(renumbered)
    this.#sequences = this.#sequences.compact(renumbered)
  }
}

function withMemory(summary: SessionSummary | undefined, fields: DocumentFields): SessionSummary {
  const { occurredAt } = fields
  return {
    sessionId: fields.sessionId as string,
    memories: (summary?.memories ?? 0) + 1,
    firstAt: Math.min(summary?.firstAt ?? occurredAt, occurredAt),
    lastAt: Math.max(summary?.lastAt ?? occurredAt, occurredAt),
  }
}
