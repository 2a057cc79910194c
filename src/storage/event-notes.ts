/**
 * Works that add events and nothing else have no transaction. Those of one round of the event loop are done one after
 * another, and one write to the journal serves them all. Nobody hears anything before it, not even of a failure.
 */
import { apart, withErrand } from '../core/errand.ts'
import { limits } from '../core/limits.ts'
import type { Transaction } from './database.ts'
import type { EventJournal, EventValues } from './event-journal.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { type NotingStatements, notingStatements } from './sqlite-statements.ts'
import { StrictTransaction } from './transaction.ts'
import type { Turns } from './turns.ts'

/** A work, and who hears how it ended. */
export interface Note {
  readonly work: (tx: Transaction) => Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

interface Ending {
  readonly note: Note
  readonly failed: boolean
  /** What it gave or what it threw. */
  readonly value: unknown
}

export interface EventNotesOptions {
  readonly connection: SqliteConnection
  readonly journal: EventJournal
  /** Of the connection: between them no transaction is open, so a work sees what is committed. */
  readonly turns: Turns
  /** Is told when something was written to the journal. */
  readonly noted: () => void
  /** Does a work that the journal does not take at present; nothing of it was done. */
  readonly otherwise: (note: Note) => void
}

export class EventNotes {
  readonly #parts: EventNotesOptions
  readonly #statements: NotingStatements
  readonly #queue: Note[] = []
  #scheduled = false

  constructor(parts: EventNotesOptions) {
    this.#parts = parts
    this.#statements = notingStatements(parts.connection)
  }

  /** How many works wait. */
  get waiting(): number {
    return this.#queue.length
  }

  add<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const heard = resolve as Note['resolve']
      this.#queue.push({ work: withErrand(work), resolve: heard, reject })
      this.#schedule()
    })
  }

  /** Does what waits. */
  async drain(): Promise<void> {
    while (this.#queue.length > 0) await this.#parts.turns.take(() => this.#noteNext())
  }

  /** Waits only for the reads that share a snapshot, which are done together anyway. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    apart(() => process.nextTick(() => this.#begin()))
  }

  #begin(): void {
    this.#scheduled = false
    void this.#parts.turns.take(() => this.#noteNext())
  }

  async #noteNext(): Promise<void> {
    const group = this.#queue.splice(0, limits.writeGroup_max)
    const endings: Ending[] = []
    const events: EventValues[] = []
    for (const note of group) endings.push(await this.#endOf(note, events))
    const { journal, noted, otherwise } = this.#parts
    if (journal.add(events)) {
      if (events.length > 0) noted()
      for (const { note, failed, value } of endings) (failed ? note.reject : note.resolve)(value)
    } else for (const note of group) otherwise(note)
    if (this.#queue.length > 0) this.#schedule()
  }

  async #endOf(note: Note, events: EventValues[]): Promise<Ending> {
    const before = events.length
    const tx = new StrictTransaction(this.#statements, true)
    this.#statements.events = events
    try {
      const value = await note.work(tx.view())
      tx.settle()
      return { note, failed: false, value }
    } catch (error) {
      // What it had added goes with it.
      events.length = before
      return { note, failed: true, value: error }
    } finally {
      tx.end()
    }
  }
}
