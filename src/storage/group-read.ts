/**
 * The embedded engine reads on one connection, and what is in its cache holds for one snapshot. So
 * reads that wait are done in one snapshot together, one after another: those of one round of the
 * event loop look at the same few pages. Each was asked for before its snapshot was taken, so it
 * sees all that was committed until then; what comes later waits for the next.
 *
 * But recalls add events, which are made leaves of the log, and if a commit of these were the end of the snapshot, the
 * next recalls would read their pages anew. So a snapshot is held while nothing but the audit's tables is changed, for
 * reads that ask for nothing of them. It is let go after so many commits and so long, since the log of the
 * database cannot be emptied meanwhile.
 */
import { stopwatch } from '../core/clock.ts'
import { apart, withErrand } from '../core/errand.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import type { ReadOptions, Transaction } from './database.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { asksForNoEvent, sqliteStatements, withheld } from './sqlite-statements.ts'
import { type Statements, StrictTransaction } from './transaction.ts'
import { Turns } from './turns.ts'

/**
 * A snapshot is held for so many commits at the most, and so long. It has to go right before a commit: that can move all of
 * the log into the file only while nobody reads, and without such a commit the log would grow.
 */
const held_commits_max = 64
const held_ms_max = 500
/** Where no commit comes. */
const idle_ms_max = 1_000

interface Job {
  readonly withoutEvents: boolean
  readonly statements: Statements
  readonly work: (tx: Transaction) => Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

export interface GroupReadOptions {
  readonly connection: SqliteConnection
  readonly log: Log
  /** Changes with every commit that is not this process's own. */
  readonly version: () => unknown
}

interface GroupedReadOptions extends ReadOptions {
  /** Why the newest events are missing: thrown to who asks for events. */
  readonly eventsWithheld?: unknown
}

export class GroupRead {
  readonly #connection: SqliteConnection
  readonly #statements: Readonly<Record<'all' | 'withoutEvents', Statements>>
  readonly #log: Log
  readonly #version: () => unknown
  readonly #turns = new Turns()
  readonly #queue: Job[] = []
  #scheduled = false
  #isReading = false
  /** Set while there is a snapshot that reads without events may go on with. */
  #held: Held | undefined

  constructor({ connection, log, version }: GroupReadOptions) {
    this.#connection = connection
    this.#log = log
    this.#version = version
    this.#statements = {
      all: sqliteStatements(connection),
      withoutEvents: sqliteStatements(connection, asksForNoEvent),
    }
  }

  /** How many reads wait for their snapshot. */
  get waiting(): number {
    return this.#queue.length
  }

  read<T>(work: (tx: Transaction) => Promise<T>, options: GroupedReadOptions = {}): Promise<T> {
    const { withoutEvents = false } = options
    const statements = this.#statementsOf(options)
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({
        withoutEvents,
        statements,
        work: withErrand(work),
        resolve: resolve as Job['resolve'],
        reject,
      })
      this.#schedule()
    })
  }

  #statementsOf({ withoutEvents = false, eventsWithheld }: GroupedReadOptions): Statements {
    if (eventsWithheld === undefined) {
      return this.#statements[withoutEvents ? 'withoutEvents' : 'all']
    }
    return sqliteStatements(this.#connection, withheld(eventsWithheld))
  }

  /** This process is about to commit something, or nothing but what is the audit's. */
  committing(onlyAudit: boolean): void {
    if (!this.#held) return
    this.#held.commits += 1
    const isOld = stopwatch() - this.#held.since_ms >= held_ms_max
    if (!onlyAudit || isOld || this.#held.commits >= held_commits_max) this.#letGo()
  }

  /** Runs `task` while no snapshot is open. */
  async between<T>(task: () => T | Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      this.#letGo()
      return task()
    })
  }

  /** Does what waits. The caller sees to it that nothing more comes. */
  async close(): Promise<void> {
    while (this.#queue.length > 0) await this.#turns.take(() => this.#readNext())
    await this.between(() => this.#connection.close())
  }

  /** Waits for the end of the event loop's round, so that all requests of the round share a group. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    apart(() => setImmediate(() => this.#begin()))
  }

  #begin(): void {
    this.#scheduled = false
    void this.#turns.take(() => this.#readNext())
  }

  async #readNext(): Promise<void> {
    const group = this.#queue.splice(0, limits.readGroup_max)
    // Whoever closes does what waits without waiting for the round's end.
    if (group.length === 0) return
    this.#isReading = true
    try {
      this.#open(group.every(({ withoutEvents }) => withoutEvents))
      const end_ms = stopwatch() + limits.readGroup_ms
      let done = 0
      for (const job of group) {
        await this.#look(job)
        done += 1
        if (stopwatch() >= end_ms) break
      }
      if (done < group.length) this.#queue.unshift(...group.splice(done))
      if (!this.#held) this.#end()
    } catch (error) {
      this.#log.error({ err: error, works: group.length }, 'a group of reads failed')
      for (const job of group) job.reject(error)
    }
    this.#isReading = false
    if (this.#queue.length > 0) this.#schedule()
  }

  /** Goes on with the snapshot that is held, or begins another. */
  #open(withoutEvents: boolean): void {
    const version = withoutEvents ? this.#version() : null
    if (withoutEvents && this.#held?.version === version && this.#connection.isTransaction) return
    this.#letGo()
    this.#end()
    if (!withoutEvents) return
    const timer = apart(() => setTimeout(() => this.#letGo(), idle_ms_max).unref())
    this.#held = { version, timer, commits: 0, since_ms: stopwatch() }
  }

  /** A group that is under way ends it itself. */
  #letGo(): void {
    clearTimeout(this.#held?.timer)
    this.#held = undefined
    if (!this.#isReading) this.#end()
  }

  #end(): void {
    if (this.#connection.isTransaction) this.#connection.run('ROLLBACK')
  }

  /** In the snapshot of the group, or in one of its own where an error has ended that. */
  async #look({ statements, work, resolve, reject }: Job): Promise<void> {
    const tx = new StrictTransaction(statements, false)
    try {
      if (!this.#connection.isTransaction) this.#connection.run('BEGIN')
      const value = await work(tx.view())
      if (tx.failure) throw tx.failure.error
      resolve(value)
    } catch (error) {
      reject(error)
    } finally {
      tx.end()
    }
  }
}

interface Held {
  readonly version: unknown
  readonly timer: NodeJS.Timeout
  commits: number
  readonly since_ms: number
}
