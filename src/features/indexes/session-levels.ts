/**
 * What each session holds of each privacy level, so that a caller who may see only some is answered
 * without a look at every document. Most sessions hold one level: for them its code says all, since
 * the session's own totals are known. Only mixed ones have a row of totals by level.
 */
import { assert } from '../../core/assert.ts'
import { FlatColumn, PagedColumn } from './columns.ts'
import { levels_max } from './documents.ts'
import { fieldIn, type Load, numberIn, type PartWriter } from './parts.ts'

/** The documents of a session, and their terms together. */
export interface SessionTotals {
  readonly documents: number
  readonly length: number
}

export interface SessionLevels {
  readonly bytes: number
  /** Counts a document of a session that had these totals before. */
  add(session: number, document: Counted, before: SessionTotals): void
  /** Takes out a document of a session that has these totals afterwards. */
  remove(session: number, document: Counted, after: SessionTotals): void
  /** How many sessions hold a document of the allowed levels; see `Documents.allowedLevels`. */
  seen(allowed: Uint8Array): number
  /** The documents of the allowed levels in a session of which `all` are the totals. */
  totalsOf(session: number, allowed: Uint8Array, all: SessionTotals): SessionTotals
  dump(parts: PartWriter, sessions: number): unknown
}

/** A document as it is counted here. */
export interface Counted {
  /** The code of its privacy level. */
  readonly level: number
  readonly length: number
}

const sets_n = 1 << levels_max
// A row has, for each level, how many documents there are and how long they are together.
const row_n = 2 * levels_max
const firstRow = levels_max + 1

/** Makes the levels of no sessions; `load` takes those of a dump, which are of so many sessions. */
export function createSessionLevels(load?: Load, sessions = 0): SessionLevels {
  return new Levels(load, sessions)
}

class Levels implements SessionLevels {
  /** Of each session: 0 where it is empty, its only level, or its row above all levels. */
  readonly #of: FlatColumn<Uint32Array>
  readonly #rows: PagedColumn<Float64Array>
  #rowCount = 0
  /** A free row plus one; in its first place, the next. */
  #firstFree = 0
  /** How many sessions hold just the levels of each set; bit 0 is level 1. */
  readonly #sets = new Uint32Array(sets_n)

  constructor(load: Load | undefined, sessions: number) {
    if (load) {
      this.#rowCount = numberIn(load.header, 'rows')
      this.#firstFree = numberIn(load.header, 'firstFree')
      const sets = fieldIn(load.header, 'sets')
      assert(Array.isArray(sets) && sets.length === sets_n, 'a dump says its sets of levels')
      this.#sets.set(sets as number[])
    }
    this.#of = FlatColumn.load(Uint32Array, load?.parts, sessions)
    this.#rows = PagedColumn.load(Float64Array, load?.parts, this.#rowCount * row_n)
  }

  get bytes(): number {
    return this.#of.bytes + this.#rows.bytes + this.#sets.byteLength
  }

  add(session: number, document: Counted, before: SessionTotals): void {
    this.#of.reserve(session + 1)
    const had = this.#setOf(session)
    const of = this.#of.array[session] as number
    if (of === 0) this.#of.array[session] = document.level
    else if (of !== document.level) {
      const row = of < firstRow ? this.#mix(session, before) : of - firstRow
      this.#tally(row, document, 1)
    }
    this.#move(had, this.#setOf(session))
  }

  remove(session: number, document: Counted, after: SessionTotals): void {
    const had = this.#setOf(session)
    const of = this.#of.array[session] as number
    if (of >= firstRow) {
      this.#tally(of - firstRow, document, -1)
      this.#unmix(session)
    } else if (after.documents === 0) this.#of.array[session] = 0
    this.#move(had, this.#setOf(session))
  }

  seen(allowed: Uint8Array): number {
    const wanted = setOf(allowed)
    return this.#sets.reduce((sum, sessions, set) => sum + ((set & wanted) === 0 ? 0 : sessions), 0)
  }

  totalsOf(session: number, allowed: Uint8Array, all: SessionTotals): SessionTotals {
    const of = this.#of.array[session] as number
    if (of < firstRow) return allowed[of] === 1 ? all : none
    let documents = 0
    let length = 0
    for (let level = 1; level < allowed.length; level++) {
      if (allowed[level] !== 1) continue
      documents += this.#rows.at(placeOf(of - firstRow, level))
      length += this.#rows.at(placeOf(of - firstRow, level) + 1)
    }
    return { documents, length }
  }

  dump(parts: PartWriter, sessions: number): unknown {
    this.#of.dump(parts, sessions)
    this.#rows.dump(parts, this.#rowCount * row_n)
    return { rows: this.#rowCount, firstFree: this.#firstFree, sets: [...this.#sets] }
  }

  /** Gives a session of one level, with these totals, a row. */
  #mix(session: number, { documents, length }: SessionTotals): number {
    const row = this.#firstFree === 0 ? this.#rowCount++ : this.#firstFree - 1
    this.#rows.reserve(this.#rowCount * row_n)
    if (this.#firstFree !== 0) this.#firstFree = this.#rows.at(placeOf(row, 1))
    for (let level = 1; level <= levels_max; level++) {
      const isOnly = level === this.#of.array[session]
      this.#rows.set(placeOf(row, level), isOnly ? documents : 0)
      this.#rows.set(placeOf(row, level) + 1, isOnly ? length : 0)
    }
    this.#of.array[session] = firstRow + row
    return row
  }

  /** Takes the row of a session again when one level is left. */
  #unmix(session: number): void {
    const set = this.#setOf(session)
    if ((set & (set - 1)) !== 0) return
    const row = (this.#of.array[session] as number) - firstRow
    this.#of.array[session] = Math.log2(set) + 1
    this.#rows.set(placeOf(row, 1), this.#firstFree)
    this.#firstFree = row + 1
  }

  #tally(row: number, { level, length }: Counted, documents: 1 | -1): void {
    const place = placeOf(row, level)
    this.#rows.set(place, this.#rows.at(place) + documents)
    this.#rows.set(place + 1, this.#rows.at(place + 1) + documents * length)
  }

  /** The levels of which a session holds documents. */
  #setOf(session: number): number {
    const of = this.#of.array[session] as number
    if (of < firstRow) return of === 0 ? 0 : bitOf(of)
    let set = 0
    for (let level = 1; level <= levels_max; level++) {
      if (this.#rows.at(placeOf(of - firstRow, level)) > 0) set |= bitOf(level)
    }
    return set
  }

  /** A session holds other levels than before. Empty sessions are not counted. */
  #move(from: number, to: number): void {
    if (from === to) return
    if (from !== 0) this.#sets[from] = (this.#sets[from] as number) - 1
    if (to !== 0) this.#sets[to] = (this.#sets[to] as number) + 1
  }
}

const none: SessionTotals = { documents: 0, length: 0 }

function placeOf(row: number, level: number): number {
  return row * row_n + (level - 1) * 2
}

function bitOf(level: number): number {
  return 1 << (level - 1)
}

function setOf(allowed: Uint8Array): number {
  return allowed.reduce((set, isAllowed, level) => (isAllowed === 1 ? set | bitOf(level) : set), 0)
}
