/**
 * The embedded engine reads on one connection, and what is in its cache holds for one snapshot. So
 * reads that wait are done in one snapshot together, one after another: those of one round of the
 * event loop look at the same few pages. Each was asked for before its snapshot was taken, so it
 * sees all that was committed until then; what comes later waits for the next.
 */
import { stopwatch } from '../core/clock.ts'
import { apart, withErrand } from '../core/errand.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import type { Transaction } from './database.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { sqliteStatements } from './sqlite-statements.ts'
import { type Statements, StrictTransaction } from './transaction.ts'
import { Turns } from './turns.ts'

interface Job {
  readonly work: (tx: Transaction) => Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

export class GroupRead {
  readonly #connection: SqliteConnection
  readonly #statements: Statements
  readonly #log: Log
  readonly #turns = new Turns()
  readonly #queue: Job[] = []
  #scheduled = false

  constructor(connection: SqliteConnection, log: Log) {
    this.#connection = connection
    this.#log = log
    this.#statements = sqliteStatements(connection)
  }

  /** How many reads wait for their snapshot. */
  get waiting(): number {
    return this.#queue.length
  }

  read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work: withErrand(work), resolve: resolve as Job['resolve'], reject })
      this.#schedule()
    })
  }

  /** Runs `task` while no snapshot is open. */
  async between<T>(task: () => T | Promise<T>): Promise<T> {
    return this.#turns.take(async () => task())
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
    try {
      this.#end()
      const end_ms = stopwatch() + limits.readGroup_ms
      let done = 0
      for (const job of group) {
        await this.#look(job)
        done += 1
        if (stopwatch() >= end_ms) break
      }
      if (done < group.length) this.#queue.unshift(...group.splice(done))
      this.#end()
    } catch (error) {
      this.#log.error({ err: error, works: group.length }, 'a group of reads failed')
      for (const job of group) job.reject(error)
    }
    if (this.#queue.length > 0) this.#schedule()
  }

  #end(): void {
    if (this.#connection.isTransaction) this.#connection.run('ROLLBACK')
  }

  /** In the snapshot of the group, or in one of its own where an error has ended that. */
  async #look({ work, resolve, reject }: Job): Promise<void> {
    const tx = new StrictTransaction(this.#statements, false)
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
