/**
 * The documents of one space as columns of numbers. Strings that repeat (types, tags, sessions,
 * agents, levels) are kept once; what is unique to a memory is its id and its metadata.
 */

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

/** The columns. A document is a number; numbers are given in order and not reused. */
export interface Documents {
  /** Numbers given so far, those of removed documents included. */
  readonly count: number
  /** Documents that are not removed. */
  readonly live: number
  /** Terms of all live documents together. */
  readonly totalLength: number
  /** Terms of a document plus one, so that 0 says: removed. */
  readonly lengths: Uint16Array
  /** The code of each document's privacy level; see `allowedLevels`. */
  readonly levels: Uint32Array
  readonly ids: readonly string[]
  readonly bytes: number
  add(fields: DocumentFields, length: number): number
  remove(document: number): void
  numberOf(id: string): number | undefined
  /** One entry per level code, from 1: 1 where the level is among `allowed`. */
  allowedLevels(allowed: readonly string[]): Uint8Array
  /** A view of one document, read from the columns when asked; valid until the next change. */
  fields(document: number): DocumentFields
  expiresAt(document: number): number
  occurredAt(document: number): number
  importance(document: number): number
  /** Orders the documents of a session: occurredAt, createdAt, id. */
  compareInTime(a: number, b: number): number
}

/** Longest length kept; longer documents count as this long. */
export const lengthMax = 0xfffe

const firstCapacity = 64
const noTags: readonly string[] = Object.freeze([])
const noMetadata: Readonly<Record<string, unknown>> = Object.freeze({})
// The id (30 characters), its entry in the map from id to number, and references to id, tags and
// metadata.
const idBytes = 112

/** Makes empty columns. */
export function createDocuments(): Documents {
  return new Columns()
}

class Columns implements Documents {
  count = 0
  live = 0
  totalLength = 0
  lengths = new Uint16Array(firstCapacity)
  levels = new Uint32Array(firstCapacity)
  ids: string[] = []
  readonly words = new Dictionary()
  readonly levelNames = new Dictionary()
  types = new Uint32Array(firstCapacity)
  sessions = new Uint32Array(firstCapacity)
  agents = new Uint32Array(firstCapacity)
  importances = new Float64Array(firstCapacity)
  occurred = new Float64Array(firstCapacity)
  created = new Float64Array(firstCapacity)
  updated = new Float64Array(firstCapacity)
  expires = new Float64Array(firstCapacity)
  readonly tags: (readonly string[])[] = []
  readonly metadata: Readonly<Record<string, unknown>>[] = []
  readonly #numbers = new Map<string, number>()
  readonly #tagLists = new Map<string, readonly string[]>()
  #extraBytes = 0

  get bytes(): number {
    const columns = this.lengths.length * (2 + 4 * 4 + 5 * 8)
    return columns + this.words.bytes + this.#extraBytes + this.count * idBytes
  }

  add(fields: DocumentFields, length: number): number {
    if (this.count === this.lengths.length) this.#grow()
    const document = this.count++
    this.lengths[document] = Math.min(length, lengthMax) + 1
    this.#setCodes(document, fields)
    this.#setNumbers(document, fields)
    this.#setObjects(document, fields)
    this.#numbers.set(fields.id, document)
    this.live++
    this.totalLength += Math.min(length, lengthMax)
    return document
  }

  remove(document: number): void {
    const id = this.ids[document] as string
    if (this.#numbers.get(id) === document) this.#numbers.delete(id)
    this.live--
    this.totalLength -= (this.lengths[document] as number) - 1
    this.lengths[document] = 0
    this.#extraBytes -= this.#sizeOfMetadata(document)
    this.tags[document] = noTags
    this.metadata[document] = noMetadata
  }

  numberOf(id: string): number | undefined {
    return this.#numbers.get(id)
  }

  allowedLevels(allowed: readonly string[]): Uint8Array {
    const result = new Uint8Array(this.levelNames.size)
    for (const level of allowed) result[this.levelNames.find(level)] = 1
    return result
  }

  fields(document: number): DocumentFields {
    return new DocumentView(this, document)
  }

  expiresAt(document: number): number {
    return this.expires[document] as number
  }

  occurredAt(document: number): number {
    return this.occurred[document] as number
  }

  importance(document: number): number {
    return this.importances[document] as number
  }

  compareInTime(a: number, b: number): number {
    return (
      (this.occurred[a] as number) - (this.occurred[b] as number) ||
      (this.created[a] as number) - (this.created[b] as number) ||
      compareIds(this.ids[a] as string, this.ids[b] as string)
    )
  }

  #setCodes(document: number, fields: DocumentFields): void {
    this.levels[document] = this.levelNames.code(fields.privacyLevel)
    this.types[document] = this.words.code(fields.type)
    this.sessions[document] = this.words.code(fields.sessionId)
    this.agents[document] = this.words.code(fields.agentId)
  }

  #setNumbers(document: number, fields: DocumentFields): void {
    this.importances[document] = fields.importance
    this.occurred[document] = fields.occurredAt
    this.created[document] = fields.createdAt
    this.updated[document] = fields.updatedAt
    this.expires[document] = fields.expiresAt ?? Number.POSITIVE_INFINITY
  }

  #setObjects(document: number, fields: DocumentFields): void {
    this.ids.push(fields.id)
    this.tags.push(this.#sharedTags(fields.tags))
    this.metadata.push(Object.keys(fields.metadata).length === 0 ? noMetadata : fields.metadata)
    this.#extraBytes += this.#sizeOfMetadata(document)
  }

  /** Most memories carry one of few lists of tags: each list is kept once. */
  #sharedTags(tags: readonly string[]): readonly string[] {
    if (tags.length === 0) return noTags
    const key = JSON.stringify(tags)
    const known = this.#tagLists.get(key)
    if (known !== undefined) return known
    const shared = Object.freeze(tags.map((tag) => this.words.word(tag)))
    this.#tagLists.set(key, shared)
    this.#extraBytes += 112 + key.length * 2 + tags.length * 8
    return shared
  }

  #sizeOfMetadata(document: number): number {
    const metadata = this.metadata[document] as object
    return metadata === noMetadata ? 0 : sizeOf(metadata)
  }

  #grow(): void {
    const capacity = largerCapacity(this.lengths.length)
    this.lengths = copyInto(new Uint16Array(capacity), this.lengths)
    this.levels = copyInto(new Uint32Array(capacity), this.levels)
    this.types = copyInto(new Uint32Array(capacity), this.types)
    this.sessions = copyInto(new Uint32Array(capacity), this.sessions)
    this.agents = copyInto(new Uint32Array(capacity), this.agents)
    this.importances = copyInto(new Float64Array(capacity), this.importances)
    this.occurred = copyInto(new Float64Array(capacity), this.occurred)
    this.created = copyInto(new Float64Array(capacity), this.created)
    this.updated = copyInto(new Float64Array(capacity), this.updated)
    this.expires = copyInto(new Float64Array(capacity), this.expires)
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
    return this.#columns.ids[this.#document] as string
  }
  get type(): string {
    return this.#word(this.#columns.types) as string
  }
  get tags(): readonly string[] {
    return this.#columns.tags[this.#document] as readonly string[]
  }
  get sessionId(): string | null {
    return this.#word(this.#columns.sessions)
  }
  get agentId(): string | null {
    return this.#word(this.#columns.agents)
  }
  get importance(): number {
    return this.#columns.importances[this.#document] as number
  }
  get privacyLevel(): string {
    return this.#columns.levelNames.at(this.#columns.levels[this.#document] as number) as string
  }
  get occurredAt(): number {
    return this.#columns.occurred[this.#document] as number
  }
  get createdAt(): number {
    return this.#columns.created[this.#document] as number
  }
  get updatedAt(): number {
    return this.#columns.updated[this.#document] as number
  }
  get expiresAt(): number | null {
    const at = this.#columns.expires[this.#document] as number
    return at === Number.POSITIVE_INFINITY ? null : at
  }
  get metadata(): Readonly<Record<string, unknown>> {
    return this.#columns.metadata[this.#document] as Readonly<Record<string, unknown>>
  }

  #word(column: Uint32Array): string | null {
    return this.#columns.words.at(column[this.#document] as number)
  }
}

/** Strings that repeat, each kept once and named by a code; 0 is null. Shrinks at compaction. */
class Dictionary {
  bytes = 0
  readonly #words: (string | null)[] = [null]
  readonly #codes = new Map<string, number>()

  /** Codes given so far, that of null included. */
  get size(): number {
    return this.#words.length
  }

  find(word: string): number {
    return this.#codes.get(word) ?? 0
  }

  code(word: string | null): number {
    if (word === null) return 0
    const known = this.#codes.get(word)
    if (known !== undefined) return known
    const code = this.#words.push(word) - 1
    this.#codes.set(word, code)
    this.bytes += 80 + word.length * 2
    return code
  }

  at(code: number): string | null {
    return this.#words[code] ?? null
  }

  word(word: string): string {
    return this.at(this.code(word)) as string
  }
}

/** Orders ids as their bytes: the ids of memories sort by the time when they were made. */
export function compareIds(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** The next capacity of columns: half as much again, since room not used yet is held as well. */
export function largerCapacity(capacity: number): number {
  return capacity + (capacity >> 1)
}

/** Copies a column into a larger one. */
export function copyInto<T extends { set(source: T): void }>(target: T, source: T): T {
  target.set(source)
  return target
}

// An estimate, rather too high than too low. Depth is bounded by what the server accepts.
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 24 + value.length
  if (typeof value !== 'object' || value === null) return 8
  let bytes = 24
  for (const part of Object.values(value)) bytes += 8 + sizeOf(part)
  return bytes
}
