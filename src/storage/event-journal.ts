/**
 * Events of reads, before they are rows. A transaction of its own for each was most of what the event of a
 * recall cost (measured): four pages of the database's log. So the events of a work that adds nothing else
 * are lines of a file beside the database first, written before the work is answered, and the next transaction
 * makes rows of them: within a second at the latest, and before anybody asks for events.
 *
 * - A line outlives the process as a relaxed commit does, and is on the disk within a second as a row.
 * - The file is emptied when a flush of the disk has taken the rows along, at most a second later.
 * - What a crash has left in the file waits like the rest. It may be a row already, and then stays as it is.
 * - What follows the last line was not answered, and is passed over. A line that is damaged is, too, and the file is put aside.
 * - A line has what the row has, sealed what is sealed there.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { toBase64Url } from '../core/encoding.ts'
import { Fault } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import type { Column } from './column.ts'
import type { Durability } from './database.ts'
import { eventColumns, insertEventOnce } from './insert-event.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { tables } from './tables.ts'

/** The values of `insertEvent`, in their order. */
export type EventValues = readonly unknown[]

/** How the lines are to be read; whoever changes what they hold changes it. */
const family = Buffer.from('locket/event-journal/')
const head = Buffer.concat([family, Buffer.from('v1\n')])
/** From so many on they are made rows without waiting for another transaction: some milliseconds of work. */
const long_events = 256
/** No more is taken while nothing makes rows of what waits. */
const journal_bytes_max = 1024 * 1024
/** It is emptied without a flush when so much of it are rows. */
const emptied_bytes = journal_bytes_max / 2
const ownerOnly = 0o600

export interface JournalOptions {
  readonly file: string
  readonly log: Log
}

/** Where the journal of a database stands. */
export function journalFile(databaseFile: string): string {
  return `${databaseFile}-events`
}

/** Opens the file, and makes it when there is none. Throws for one that another version wrote. */
export function openEventJournal({ file, log }: JournalOptions): EventJournal {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, ownerOnly)
  try {
    fchmodSync(fd, ownerOnly)
    return new EventJournal({ file, log, fd })
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

export class EventJournal {
  /** How many lines could not be read when it was opened. */
  readonly damaged: number
  readonly #file: string
  readonly #log: Log
  readonly #fd: number
  /**
   * What the file says, up to `#end`. Not as values: those would outlive the collector's young generation, which would
   * have to copy them.
   */
  readonly #content: Buffer
  /** Of it, what waits: what is before are rows. */
  #begin = head.length
  #end: number
  #waiting: number
  /** Nothing is written to it: what is in the file may not be what it should. */
  #isSpoilt = false
  /** Why those that wait could not be made rows when it was last tried; null: they could. */
  #failure: unknown = null
  /** Those that wait are rows of the transaction that is open. */
  #areMade = false

  constructor({ file, log, fd }: JournalOptions & { readonly fd: number }) {
    this.#file = file
    this.#log = log
    this.#fd = fd
    if (fstatSync(fd).size > journal_bytes_max) throw new Fault('the journal of events is too long')
    const found = readFileSync(fd)
    this.#content = Buffer.alloc(journal_bytes_max)
    this.#end = found.copy(this.#content)
    const { events, damaged } = this.#left(found)
    if (damaged > 0) {
      copyFileSync(file, `${file}.damaged`)
      log.error({ count: damaged }, 'the journal of events is damaged: it was put aside')
    }
    this.damaged = damaged
    this.#waiting = events
    if (events === 0) this.#empty()
    else {
      log.info({ count: events }, 'events were left in the journal')
      // Something may follow the last line, so nothing is written after it.
      this.#isSpoilt = true
    }
  }

  #left(found: Uint8Array): { events: number; damaged: number } {
    if (this.#content.subarray(0, head.length).equals(head)) {
      const { events, damaged } = this.#read()
      return { events: events.length, damaged }
    }
    if (this.#content.subarray(0, family.length).equals(family)) {
      throw new Fault('the journal of events was written by another version of Locket')
    }
    return { events: 0, damaged: found.length > head.length ? 1 : 0 }
  }

  /** How many events are no rows yet. */
  get waiting(): number {
    return this.#waiting
  }

  /** Whether so many wait that they should be made rows. */
  get isLong(): boolean {
    return this.#waiting >= long_events
  }

  /** Why what waits is not made rows; null: it is, or nothing waits. */
  get failure(): unknown {
    return this.#failure
  }

  /** False: it takes nothing at present, and nothing was added. */
  add(events: readonly EventValues[]): boolean {
    if (events.length === 0) return true
    if (this.#failure !== null || this.#isSpoilt) return false
    const lines = events.map(toLine).join('')
    // A character may take three bytes.
    if (this.#end + 3 * lines.length > this.#content.length) return false
    const length = this.#content.write(lines, this.#end)
    if (!this.#write(this.#end, length)) return false
    this.#end += length
    this.#waiting += events.length
    return true
  }

  /** Makes rows of all that waits, in the transaction that is open; false where that fails. */
  makeRows(connection: SqliteConnection): boolean {
    if (this.#waiting === 0) return true
    this.#areMade = false
    const sql = insertEventOnce.sql('sqlite')
    try {
      for (const values of this.#read().events) connection.run(sql, values)
      this.#areMade = true
    } catch (error) {
      this.failed(error)
    }
    return this.#areMade
  }

  /** What waits could not be made rows, or these not be committed: nothing is added until that succeeds. */
  failed(error: unknown): void {
    this.#areMade = false
    if (this.#waiting === 0) return
    if (this.#failure === null) {
      this.#log.error({ err: error, count: this.#waiting }, 'events cannot be made rows')
    }
    this.#failure = error
  }

  /** The transaction that `makeRows` was called in was committed, and flushed to the disk or not. */
  settled(durability: Durability): void {
    if (this.#waiting > 0) {
      if (!this.#areMade) return
      this.#failure = null
      this.#waiting = 0
      this.#begin = this.#end
    }
    const used_bytes_max = durability === 'full' ? head.length : emptied_bytes
    const isDone = this.#isSpoilt ? durability === 'full' : this.#end > used_bytes_max
    if (isDone) this.#empty()
  }

  /** The file stays where something is in it that is no row yet. */
  close(): void {
    closeSync(this.#fd)
    if (this.#waiting === 0) rmSync(this.#file, { force: true })
  }

  /** All lines that wait; what follows the last is none. */
  #read(): { events: readonly EventValues[]; damaged: number } {
    const events: EventValues[] = []
    const lines = this.#content.toString('utf8', this.#begin, this.#end).split('\n').slice(0, -1)
    for (const line of lines) {
      const values = fromLine(line)
      if (values) events.push(values)
    }
    return { events, damaged: lines.length - events.length }
  }

  #empty(): void {
    this.#isSpoilt = true
    try {
      ftruncateSync(this.#fd, 0)
    } catch (error) {
      this.#log.error({ err: error }, 'the journal of events cannot be emptied')
      return
    }
    this.#end = head.copy(this.#content)
    this.#begin = this.#end
    this.#isSpoilt = !this.#write(0, head.length)
  }

  /** After what was not written whole nothing is added before the file was emptied. */
  #write(position: number, length: number): boolean {
    try {
      const written = writeSync(this.#fd, this.#content, position, length, position)
      if (written < length) throw new Fault('a file did not take all that was written')
      this.#isSpoilt = false
    } catch (error) {
      this.#isSpoilt = true
      this.#log.warn({ err: error }, 'the journal of events takes nothing')
      this.#cut(position)
    }
    return !this.#isSpoilt
  }

  /** Whoever was not answered is not in it, as far as the file can be mended. */
  #cut(length: number): void {
    try {
      ftruncateSync(this.#fd, length)
    } catch (error) {
      this.#log.warn({ err: error }, 'the journal of events cannot be cut')
    }
  }
}

const columns = eventColumns.map((name) => tables.audit_events[name])

/** JSON in a line, and bytes in it as base64url. */
function toLine(values: EventValues): string {
  const plain: unknown[] = []
  for (const value of values) plain.push(value instanceof Uint8Array ? toBase64Url(value) : value)
  return `${JSON.stringify(plain)}\n`
}

/** Null for a line that is none of ours. */
function fromLine(line: string): EventValues | null {
  const found = parsed(line)
  if (!Array.isArray(found) || found.length !== columns.length) return null
  const values: unknown[] = columns.map((column, at) => cellOf(column, found[at]))
  return values.includes(undefined) ? null : values
}

/** Undefined for what the column does not take. Whether it is what was written, seals and proof tell. */
function cellOf({ type, nullable }: Column<unknown>, value: unknown): unknown {
  if (value === null) return nullable ? null : undefined
  if (type === 'integer') return Number.isSafeInteger(value) ? value : undefined
  if (typeof value !== 'string') return undefined
  return type === 'bytes' ? Buffer.from(value, 'base64url') : value
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined
    throw thrown
  }
}
