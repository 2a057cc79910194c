/**
 * The documents of one space as columns of numbers. A document is a number, which is given again
 * when it is free. Texts that repeat are kept once, in `words`; ids are 16 bytes.
 */
import { assert } from '../../core/assert.ts'
import { FlatColumn, PagedColumn } from './columns.ts'
import { createMemoryIds, type MemoryIds } from './memory-ids.ts'
import { fieldIn, type Load, numberIn, type PartWriter, partOf } from './parts.ts'
import type { TermSeed } from './tokens.ts'
import { createWords, type Words } from './words.ts'

/** What the index keeps of a memory besides its terms; what filters may ask about. */
export interface DocumentFields {
  readonly id: string
  readonly type: string
  readonly tags: readonly string[]
  readonly sessionId: string | null
  readonly agentId: string | null
  readonly importance: number
  readonly privacyLevel: string
  /** Times in ms since the epoch. */
  readonly occurredAt: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly expiresAt: number | null
  readonly metadata: Readonly<Record<string, unknown>>
}

/** How many documents, and how many terms they have together. */
export interface Totals {
  readonly documents: number
  readonly totalLength: number
}

/** The columns. */
export interface Documents {
  /** Upper bound of the numbers given so far, those of removed documents included. */
  readonly count: number
  /** Documents that are not removed. */
  readonly live: number
  /** Terms of all live documents together. */
  readonly totalLength: number
  /** Terms of a document plus one, so that 0 says: removed. */
  readonly lengths: Uint16Array
  /** The code of each document's privacy level, from 1 to `levels_max`; see `allowedLevels`. */
  readonly levels: Uint8Array
  readonly bytes: number
  /** Throws when the id is not one of a memory. */
  add(fields: DocumentFields, length: number): number
  /** Its number is not given again before `free` says that nothing knows the document any more. */
  remove(document: number): void
  free(document: number): void
  numberOf(id: string): number | undefined
  idOf(document: number): string
  /** Orders documents by their ids. */
  compareIds(a: number, b: number): number
  /** One entry per level code, from 1: 1 where the level is among `allowed`. */
  allowedLevels(allowed: readonly string[]): Uint8Array
  /** The live documents of those levels. */
  totalsOf(allowed: Uint8Array): Totals
  /** A view of one document, read from the columns when asked; valid until the next change. */
  fields(document: number): DocumentFields
  /** The code of a document's session; 0 where it has none. */
  sessionCode(document: number): number
  /** The session that a code stands for. */
  sessionId(code: number): string | null
  occurredAt(document: number): number
  expiresAt(document: number): number
  importance(document: number): number
  /** Orders the documents of a session: occurredAt, createdAt, id. */
  compareInTime(a: number, b: number): number
  /** Ends a question: what was decoded for it is dropped. */
  forget(): void
  dump(parts: PartWriter): unknown
}

/** Longest length kept; longer documents count as this long. */
export const lengthMax = 0xfffe

/** Privacy levels are a closed vocabulary: there is a bit of a byte for each. */
export const levels_max = 7

const noTags: readonly string[] = Object.freeze([])
const noMetadata: Readonly<Record<string, unknown>> = Object.freeze({})

/** Makes the documents of a space; `load` takes those of a dump. */
export function createDocuments(seed: TermSeed, load?: Load): Documents {
  return new Columns(seed, load)
}

// The columns of codes and of numbers, in the order of a dump.
const codeNames = ['types', 'tags', 'sessions', 'agents', 'metadata'] as const
const numberNames = ['importance', 'occurred', 'created', 'updated', 'expires'] as const

type Codes = Readonly<Record<(typeof codeNames)[number], PagedColumn<Uint32Array>>>
type Reals = Readonly<Record<(typeof numberNames)[number], PagedColumn<Float64Array>>>

class Columns implements Documents {
  count = 0
  live = 0
  totalLength = 0
  readonly words: Words
  readonly codes: Codes
  readonly reals: Reals
  readonly levelNames: string[] = []
  readonly ids: MemoryIds
  readonly #lengths: FlatColumn<Uint16Array>
  readonly #levels: FlatColumn<Uint8Array>
  readonly #totals: { live: number; length: number }[]
  /** The next free document plus one stands in the `types` of a free one. */
  #firstFree = 0

  constructor(seed: TermSeed, load: Load | undefined) {
    this.#totals = Array.from({ length: levels_max + 1 }, () => ({ live: 0, length: 0 }))
    if (load) this.count = numberIn(load.header, 'count')
    const { count } = this
    const parts = load?.parts
    this.#lengths = FlatColumn.load(Uint16Array, parts, count)
    this.#levels = FlatColumn.load(Uint8Array, parts, count)
    const codeOf = (name: string) => [name, PagedColumn.load(Uint32Array, parts, count)] as const
    const realOf = (name: string) => [name, PagedColumn.load(Float64Array, parts, count)] as const
    this.codes = Object.fromEntries(codeNames.map(codeOf)) as Codes
    this.reals = Object.fromEntries(numberNames.map(realOf)) as Reals
    this.words = createWords(seed, partOf(load, 'words'))
    this.ids = createMemoryIds(partOf(load, 'ids'), count)
    if (load) this.#load(load.header)
  }

  get lengths(): Uint16Array {
    return this.#lengths.array
  }

  get levels(): Uint8Array {
    return this.#levels.array
  }

  get bytes(): number {
    const columns = [...Object.values(this.codes), ...Object.values(this.reals)]
    const flat = this.#lengths.bytes + this.#levels.bytes
    const paged = columns.reduce((sum, column) => sum + column.bytes, 0)
    return flat + paged + this.words.bytes + this.ids.bytes
  }

  add(fields: DocumentFields, length: number): number {
    const document = this.#number()
    const kept = Math.min(length, lengthMax)
    const level = this.#levelOf(fields.privacyLevel)
    this.ids.add(document, fields.id)
    this.#setCodes(document, fields)
    this.#setReals(document, fields)
    this.lengths[document] = kept + 1
    this.levels[document] = level
    this.#tally(level, 1, kept)
    return document
  }

  remove(document: number): void {
    this.#tally(this.levels[document] as number, -1, 1 - (this.lengths[document] as number))
    this.lengths[document] = 0
    this.ids.remove(document)
    for (const name of codeNames) this.words.leave(this.codes[name].at(document))
  }

  free(document: number): void {
    // A dump takes free documents along.
    for (const name of numberNames) this.reals[name].set(document, 0)
    this.codes.types.set(document, this.#firstFree)
    this.#firstFree = document + 1
  }

  numberOf(id: string): number | undefined {
    const document = this.ids.find(id)
    return document < 0 ? undefined : document
  }

  idOf(document: number): string {
    return this.ids.text(document)
  }

  compareIds(a: number, b: number): number {
    return this.ids.compare(a, b)
  }

  allowedLevels(allowed: readonly string[]): Uint8Array {
    const result = new Uint8Array(this.levelNames.length + 1)
    for (const level of allowed) result[this.levelNames.indexOf(level) + 1] = 1
    result[0] = 0
    return result
  }

  totalsOf(allowed: Uint8Array): Totals {
    const seen = this.#totals.filter((_, level) => allowed[level] === 1)
    return {
      documents: seen.reduce((sum, { live }) => sum + live, 0),
      totalLength: seen.reduce((sum, { length }) => sum + length, 0),
    }
  }

  fields(document: number): DocumentFields {
    return new DocumentView(this, document)
  }

  sessionCode(document: number): number {
    return this.codes.sessions.at(document)
  }

  sessionId(code: number): string | null {
    return this.words.text(code)
  }

  occurredAt(document: number): number {
    return this.reals.occurred.at(document)
  }

  expiresAt(document: number): number {
    return this.reals.expires.at(document)
  }

  importance(document: number): number {
    return this.reals.importance.at(document)
  }

  compareInTime(a: number, b: number): number {
    const { occurred, created } = this.reals
    return (
      occurred.at(a) - occurred.at(b) || created.at(a) - created.at(b) || this.ids.compare(a, b)
    )
  }

  forget(): void {
    this.words.forget()
  }

  dump(parts: PartWriter): unknown {
    const { count } = this
    this.#lengths.dump(parts, count)
    this.#levels.dump(parts, count)
    for (const name of codeNames) this.codes[name].dump(parts, count)
    for (const name of numberNames) this.reals[name].dump(parts, count)
    return {
      count,
      firstFree: this.#firstFree,
      levelNames: [...this.levelNames],
      words: this.words.dump(parts),
      ids: this.ids.dump(parts, count),
    }
  }

  #load(header: unknown): void {
    this.#firstFree = numberIn(header, 'firstFree')
    const names = fieldIn(header, 'levelNames')
    assert(Array.isArray(names) && names.length <= levels_max, 'a dump says its levels')
    this.levelNames.push(...(names as string[]))
    for (let document = 0; document < this.count; document++) {
      const length = (this.lengths[document] as number) - 1
      if (length >= 0) this.#tally(this.levels[document] as number, 1, length)
    }
  }

  /** A number that no document has. */
  #number(): number {
    const document = this.#firstFree === 0 ? this.count++ : this.#firstFree - 1
    if (this.#firstFree !== 0) this.#firstFree = this.codes.types.at(document)
    this.#lengths.reserve(this.count)
    this.#levels.reserve(this.count)
    for (const name of codeNames) this.codes[name].reserve(this.count)
    for (const name of numberNames) this.reals[name].reserve(this.count)
    return document
  }

  #levelOf(name: string): number {
    const known = this.levelNames.indexOf(name)
    if (known >= 0) return known + 1
    assert(this.levelNames.length < levels_max, `there are ${levels_max} privacy levels at most`)
    return this.levelNames.push(name)
  }

  #tally(level: number, documents: number, length: number): void {
    const total = this.#totals[level]
    assert(total, 'a level has a code')
    total.live += documents
    total.length += length
    this.live += documents
    this.totalLength += length
  }

  #setCodes(document: number, fields: DocumentFields): void {
    const { types, tags, sessions, agents, metadata } = this.codes
    types.set(document, this.words.use(fields.type))
    tags.set(document, this.words.use(fields.tags.length > 0 ? JSON.stringify(fields.tags) : null))
    sessions.set(document, this.words.use(fields.sessionId))
    agents.set(document, this.words.use(fields.agentId))
    const isEmpty = Object.keys(fields.metadata).length === 0
    metadata.set(document, this.words.use(isEmpty ? null : JSON.stringify(fields.metadata)))
  }

  #setReals(document: number, fields: DocumentFields): void {
    const { importance, occurred, created, updated, expires } = this.reals
    importance.set(document, fields.importance)
    occurred.set(document, fields.occurredAt)
    created.set(document, fields.createdAt)
    updated.set(document, fields.updatedAt)
    expires.set(document, fields.expiresAt ?? Number.POSITIVE_INFINITY)
  }
}

/** Reads the columns on demand: filters ask about one or two fields of thousands of documents. */
class DocumentView implements DocumentFields {
  readonly #columns: Columns
  readonly #document: number

  constructor(columns: Columns, document: number) {
    this.#columns = columns
    this.#document = document
  }

  get id(): string {
    return this.#columns.idOf(this.#document)
  }
  get type(): string {
    return this.#word('types') as string
  }
  get tags(): readonly string[] {
    return (this.#value('tags') as readonly string[] | undefined) ?? noTags
  }
  get sessionId(): string | null {
    return this.#word('sessions')
  }
  get agentId(): string | null {
    return this.#word('agents')
  }
  get importance(): number {
    return this.#columns.reals.importance.at(this.#document)
  }
  get privacyLevel(): string {
    const level = this.#columns.levels[this.#document] as number
    return this.#columns.levelNames[level - 1] as string
  }
  get occurredAt(): number {
    return this.#columns.reals.occurred.at(this.#document)
  }
  get createdAt(): number {
    return this.#columns.reals.created.at(this.#document)
  }
  get updatedAt(): number {
    return this.#columns.reals.updated.at(this.#document)
  }
  get expiresAt(): number | null {
    const at = this.#columns.expiresAt(this.#document)
    return at === Number.POSITIVE_INFINITY ? null : at
  }
  get metadata(): Readonly<Record<string, unknown>> {
    return (this.#value('metadata') as Record<string, unknown> | undefined) ?? noMetadata
  }

  #word(name: keyof Codes): string | null {
    return this.#columns.words.text(this.#columns.codes[name].at(this.#document))
  }

  #value(name: keyof Codes): unknown {
    return this.#columns.words.value(this.#columns.codes[name].at(this.#document))
  }
}

/** Orders texts by their code units, as the bytes of ids are ordered. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
