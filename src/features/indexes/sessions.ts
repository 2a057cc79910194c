import { copyInto, type Documents, largerCapacity } from './documents.ts'

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
  /** Terms of each session's documents together. */
  readonly lengths: Float64Array
  readonly bytes: number
  add(document: number, sessionId: string | null): void
  /** Must be called before the document is removed from the columns. */
  remove(document: number): void
  /** Puts late arrivals in their places; called before neighbours are read. */
  settle(): void
}

// A memory usually comes last in its session. What belongs further back than this waits and is
// sorted in at the next search: walking a long chain for each would make a bulk load quadratic.
const walkMax = 64
const firstCapacity = 64

/** Makes the sessions of a space, empty. */
export function createSessions(documents: Documents): Sessions {
  return new Chains(documents)
}

class Chains implements Sessions {
  used = 0
  capacity = 0
  of = new Uint32Array(firstCapacity)
  before = new Int32Array(firstCapacity)
  after = new Int32Array(firstCapacity)
  lengths = new Float64Array(firstCapacity)
  readonly #documents: Documents
  readonly #named = new Map<string, number>()
  readonly #names: (string | null)[] = []
  readonly #freed: number[] = []
  readonly #late = new Map<number, number[]>()
  #heads = new Int32Array(firstCapacity)
  #tails = new Int32Array(firstCapacity)
  #sizes = new Uint32Array(firstCapacity)

  constructor(documents: Documents) {
    this.#documents = documents
  }

  get bytes(): number {
    const perName = 120
    const columns = this.of.length * 12 + this.lengths.length * 28
    return columns + this.#named.size * perName + this.#freed.length * 8
  }

  add(document: number, sessionId: string | null): void {
    this.#reserve(document)
    const session = this.#numberOf(sessionId)
    this.of[document] = session
    this.lengths[session] = (this.lengths[session] as number) + this.#lengthOf(document)
    this.#sizes[session] = (this.#sizes[session] as number) + 1
    this.#insert(document, session)
  }

  remove(document: number): void {
    const session = this.of[document] as number
    this.lengths[session] = (this.lengths[session] as number) - this.#lengthOf(document)
    this.#sizes[session] = (this.#sizes[session] as number) - 1
    this.#unlink(document, session)
    if (this.#sizes[session] === 0) this.#release(session)
  }

  settle(): void {
    for (const [session, all] of this.#late) {
      let at = this.#tails[session] as number
      for (; at >= 0; at = this.before[at] as number) all.push(at)
      all.sort((a, b) => this.#documents.compareInTime(a, b))
      this.#heads[session] = -1
      this.#tails[session] = -1
      for (const document of all) this.#link(document, session, this.#tails[session] as number)
    }
    this.#late.clear()
  }

  #lengthOf(document: number): number {
    return (this.#documents.lengths[document] as number) - 1
  }

  #numberOf(sessionId: string | null): number {
    const known = sessionId === null ? undefined : this.#named.get(sessionId)
    if (known !== undefined) return known
    const session = this.#freed.pop() ?? this.capacity++
    if (session === this.lengths.length) this.#growSessions()
    if (sessionId !== null) this.#named.set(sessionId, session)
    this.#names[session] = sessionId
    this.#heads[session] = -1
    this.#tails[session] = -1
    this.lengths[session] = 0
    this.used++
    return session
  }

  #release(session: number): void {
    const name = this.#names[session] ?? null
    if (name !== null) this.#named.delete(name)
    this.#names[session] = null
    this.#freed.push(session)
    this.used--
  }

  #insert(document: number, session: number): void {
    const late = this.#late.get(session)
    if (late !== undefined) {
      late.push(document)
      return
    }
    let at = this.#tails[session] as number
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
    const next = previous < 0 ? this.#heads[session] : this.after[previous]
    this.#join(session, previous, document)
    this.#join(session, document, next as number)
  }

  #unlink(document: number, session: number): void {
    if (this.#late.has(session)) this.settle()
    this.#join(session, this.before[document] as number, this.after[document] as number)
  }

  /** Makes two documents neighbours; -1 stands for the end of the chain on that side. */
  #join(session: number, left: number, right: number): void {
    if (left < 0) this.#heads[session] = right
    else this.after[left] = right
    if (right < 0) this.#tails[session] = left
    else this.before[right] = left
  }

  #reserve(document: number): void {
    if (document < this.of.length) return
    const capacity = largerCapacity(this.of.length)
    this.of = copyInto(new Uint32Array(capacity), this.of)
    this.before = copyInto(new Int32Array(capacity), this.before)
    this.after = copyInto(new Int32Array(capacity), this.after)
  }

  #growSessions(): void {
    const capacity = largerCapacity(this.lengths.length)
    this.lengths = copyInto(new Float64Array(capacity), this.lengths)
    this.#heads = copyInto(new Int32Array(capacity), this.#heads)
    this.#tails = copyInto(new Int32Array(capacity), this.#tails)
    this.#sizes = copyInto(new Uint32Array(capacity), this.#sizes)
  }
}
