import { FlatColumn } from './columns.ts'
import type { Documents } from './documents.ts'
import { type Load, numberIn, type PartWriter, partOf } from './parts.ts'
import { createSessionLevels, type SessionLevels, type SessionTotals } from './session-levels.ts'

/**
 * Which memories stand beside which: every session is a chain in the order of time. A memory
 * without a session is a session of its own, so that ranking has one rule and favours neither.
 */
export interface Sessions {
  /** Sessions that hold a document. */
  readonly used: number
  /** Upper bound of session numbers, for arrays that are indexed by them. */
  readonly capacity: number
  /** The session number of each document. */
  readonly of: Uint32Array
  /** The neighbours of each document in its session; -1 at the ends. */
  readonly before: Int32Array
  readonly after: Int32Array
  /** The first and the last document of each session; -1 where it is empty. */
  readonly firsts: Int32Array
  readonly lasts: Int32Array
  /** Terms of each session's documents together. */
  readonly lengths: Float64Array
  readonly bytes: number
  add(document: number): void
  /** Must be called before the document is removed from the columns. */
  remove(document: number): void
  /** Puts late arrivals in their places; called before neighbours are read. */
  settle(): void
  /** How many sessions hold a document of the allowed levels; see `Documents.allowedLevels`. */
  seen(allowed: Uint8Array): number
  /** What a session holds of the allowed levels, or of all. */
  totalsOf(session: number, allowed?: Uint8Array): SessionTotals
  dump(parts: PartWriter): unknown
}

// A memory usually comes last in its session. What belongs further back than this waits and is
// sorted in at the next search: walking a long chain for each would make a bulk load quadratic.
const walkMax = 64

/** Makes the sessions of a space; `load` takes those of a dump. */
export function createSessions(documents: Documents, load?: Load): Sessions {
  return new Chains(documents, load)
}

class Chains implements Sessions {
  used = 0
  capacity = 0
  readonly #documents: Documents
  readonly #levels: SessionLevels
  readonly #late = new Map<number, number[]>()
  readonly #of: FlatColumn<Uint32Array>
  readonly #before: FlatColumn<Int32Array>
  readonly #after: FlatColumn<Int32Array>
  /** By the code of its name, the number of a session plus one. */
  readonly #named: FlatColumn<Uint32Array>
  readonly #lengths: FlatColumn<Float64Array>
  readonly #sizes: FlatColumn<Uint32Array>
  readonly #firsts: FlatColumn<Int32Array>
  readonly #lasts: FlatColumn<Int32Array>
  /** A free session plus one; in its `#lasts`, the next. */
  #firstFree = 0

  constructor(documents: Documents, load: Load | undefined) {
    this.#documents = documents
    if (load) {
      this.used = numberIn(load.header, 'used')
      this.capacity = numberIn(load.header, 'capacity')
      this.#firstFree = numberIn(load.header, 'firstFree')
    }
    const parts = load?.parts
    const named = load ? numberIn(load.header, 'named') : 0
    this.#of = FlatColumn.load(Uint32Array, parts, documents.count)
    this.#before = FlatColumn.load(Int32Array, parts, documents.count)
    this.#after = FlatColumn.load(Int32Array, parts, documents.count)
    this.#named = FlatColumn.load(Uint32Array, parts, named)
    this.#lengths = FlatColumn.load(Float64Array, parts, this.capacity)
    this.#sizes = FlatColumn.load(Uint32Array, parts, this.capacity)
    this.#firsts = FlatColumn.load(Int32Array, parts, this.capacity)
    this.#lasts = FlatColumn.load(Int32Array, parts, this.capacity)
    this.#levels = createSessionLevels(partOf(load, 'levels'), this.capacity)
  }

  get of(): Uint32Array {
    return this.#of.array
  }
  get before(): Int32Array {
    return this.#before.array
  }
  get after(): Int32Array {
    return this.#after.array
  }
  get firsts(): Int32Array {
    return this.#firsts.array
  }
  get lasts(): Int32Array {
    return this.#lasts.array
  }
  get lengths(): Float64Array {
    return this.#lengths.array
  }

  get bytes(): number {
    const columns = [...this.#perDocument(), ...this.#perSession(), this.#named, this.#levels]
    return columns.reduce((sum, column) => sum + column.bytes, 0)
  }

  add(document: number): void {
    for (const column of this.#perDocument()) column.reserve(document + 1)
    const session = this.#numberOf(this.#documents.sessionCode(document))
    this.of[document] = session
    this.#levels.add(session, this.#counted(document), this.totalsOf(session))
    this.#count(session, this.#counted(document).length, 1)
    this.#insert(document, session)
  }

  remove(document: number): void {
    const session = this.of[document] as number
    this.#count(session, this.#counted(document).length, -1)
    this.#levels.remove(session, this.#counted(document), this.totalsOf(session))
    this.#unlink(document, session)
    if (this.#sizes.array[session] === 0) this.#release(document, session)
  }

  settle(): void {
    for (const [session, late] of this.#late) {
      // Latest first: one walk from the end of the chain finds the places of all.
      late.sort((a, b) => this.#documents.compareInTime(b, a))
      let at = this.lasts[session] as number
      for (const document of late) {
        while (at >= 0 && this.#documents.compareInTime(at, document) > 0) {
          at = this.before[at] as number
        }
        this.#link(document, session, at)
      }
    }
    this.#late.clear()
  }

  seen(allowed: Uint8Array): number {
    return this.#levels.seen(allowed)
  }

  totalsOf(session: number, allowed?: Uint8Array): SessionTotals {
    const documents = this.#sizes.array[session] as number
    const all = { documents, length: this.lengths[session] as number }
    return allowed ? this.#levels.totalsOf(session, allowed, all) : all
  }

  dump(parts: PartWriter): unknown {
    this.settle()
    for (const column of this.#perDocument()) column.dump(parts, this.#documents.count)
    const named = this.#named.array.length
    this.#named.dump(parts, named)
    for (const column of this.#perSession()) column.dump(parts, this.capacity)
    return {
      used: this.used,
      capacity: this.capacity,
      firstFree: this.#firstFree,
      named,
      levels: this.#levels.dump(parts, this.capacity),
    }
  }

  #perDocument() {
    return [this.#of, this.#before, this.#after] as const
  }

  #perSession() {
    return [this.#lengths, this.#sizes, this.#firsts, this.#lasts] as const
  }

  #counted(document: number): { level: number; length: number } {
    const { levels, lengths } = this.#documents
    return { level: levels[document] as number, length: (lengths[document] as number) - 1 }
  }

  #count(session: number, length: number, documents: 1 | -1): void {
    this.lengths[session] = (this.lengths[session] as number) + documents * length
    this.#sizes.array[session] = (this.#sizes.array[session] as number) + documents
  }

  /** The session of that name, or a new one; 0 is no name, and so always new. */
  #numberOf(code: number): number {
    this.#named.reserve(code + 1)
    const known = this.#named.array[code] as number
    if (known !== 0) return known - 1
    const session = this.#firstFree === 0 ? this.capacity++ : this.#firstFree - 1
    for (const column of this.#perSession()) column.reserve(this.capacity)
    if (this.#firstFree !== 0) this.#firstFree = this.lasts[session] as number
    if (code !== 0) this.#named.array[code] = session + 1
    this.firsts[session] = -1
    this.lasts[session] = -1
    this.lengths[session] = 0
    this.used++
    return session
  }

  #release(document: number, session: number): void {
    this.#named.array[this.#documents.sessionCode(document)] = 0
    this.firsts[session] = -1
    this.lasts[session] = this.#firstFree
    this.#firstFree = session + 1
    this.used--
  }

  #insert(document: number, session: number): void {
    const late = this.#late.get(session)
    if (late !== undefined) {
      late.push(document)
      return
    }
    let at = this.lasts[session] as number
    for (let steps = 0; at >= 0; steps++) {
      if (this.#documents.compareInTime(at, document) < 0) break
      if (steps === walkMax) {
        this.#late.set(session, [document])
        return
      }
      at = this.before[at] as number
    }
    this.#link(document, session, at)
  }

  /** Links a document behind `previous`, or first where that is -1. */
  #link(document: number, session: number, previous: number): void {
    const next = previous < 0 ? this.firsts[session] : this.after[previous]
    this.#join(session, previous, document)
    this.#join(session, document, next as number)
  }

  #unlink(document: number, session: number): void {
    if (this.#late.has(session)) this.settle()
    this.#join(session, this.before[document] as number, this.after[document] as number)
  }

  /** Makes two documents neighbours; -1 stands for the end of the chain on that side. */
  #join(session: number, left: number, right: number): void {
    if (left < 0) this.firsts[session] = right
    else this.after[left] = right
    if (right < 0) this.lasts[session] = left
    else this.before[right] = left
  }
}
