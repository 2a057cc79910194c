/**
 * A running transaction, the same for every engine and as strict as the strictest: after a statement
 * failed, nothing more can be done but leave the savepoint (or the whole work) it failed in, so that
 * no feature comes to rely on an engine that forgives.
 */

import { Fault } from '../core/fault.ts'
import type { Id } from '../core/ids.ts'
import type { Transaction } from './database.ts'
import type { Engine, Query } from './query.ts'

/** For whom a statement runs: one tenant, the jobs, or nobody in particular. */
export type Seat = Id<'ten'> | 'system' | null

export interface Statement {
  readonly sql: string
  readonly values: readonly unknown[]
  readonly seat: Seat
}

/** What an engine does in one transaction. */
export interface Statements {
  readonly engine: Engine
  all(statement: Statement): unknown[] | Promise<unknown[]>
  first(statement: Statement): unknown
  /** How many rows were changed. */
  run(statement: Statement): number | Promise<number>
  /** Savepoints all have one name: engines mean the innermost. */
  savepoint(step: 'set' | 'release' | 'undo'): void | Promise<void>
  /** False after an error that no savepoint can bring the transaction back from. */
  readonly alive: boolean
}

/** What is asked, before it is put into the engine's words. */
interface Asked {
  readonly query: Query<never, unknown>
  readonly args: unknown
  readonly seat: Seat
}

interface Failure {
  readonly error: unknown
  /** No savepoint can bring the transaction back. */
  readonly final: boolean
}

export class StrictTransaction {
  readonly #statements: Statements
  readonly #writable: boolean
  #failure: Failure | undefined
  #depth = 0
  #ended = false
  #changed = false

  constructor(statements: Statements, writable: boolean) {
    this.#statements = statements
    this.#writable = writable
  }

  get writable(): boolean {
    return this.#writable
  }

  /** The transaction as a work is handed it. */
  view(seat: Seat = null): Transaction {
    return new View(this, seat)
  }

  /** What the engine says. One that answers at once costs no more than the promise. */
  ask(how: 'all' | 'first' | 'run', asked: Asked): Promise<unknown> {
    if (this.#ended || this.#failure) return Promise.reject(this.#refusal())
    try {
      const given = this.#statements[how](this.#statement(asked))
      return given instanceof Promise ? this.#watched(given) : Promise.resolve(given)
    } catch (error) {
      return Promise.reject(this.#failed(error))
    }
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.#step('set')
    this.#depth += 1
    const depth = this.#depth
    try {
      const value = await work()
      this.#innermost(depth)
      await this.#step('release')
      this.#depth -= 1
      return value
    } catch (error) {
      await this.#undo(depth)
      throw error
    }
  }

  /** Whether anything but reading was tried. */
  get changed(): boolean {
    return this.#changed
  }

  /** Throws what failed, and was neither told nor undone, when the work thinks that it is done. */
  settle(): void {
    this.#innermost(0)
    if (this.#failure) throw this.#failure.error
  }

  /** What failed and has not been undone by leaving a savepoint. */
  get failure(): Failure | undefined {
    return this.#failure
  }

  /** From now on nothing can be done with it. */
  end(): void {
    this.#ended = true
  }

  #statement({ query, args, seat }: Asked): Statement {
    const sql = query.sql(this.#statements.engine)
    if (!sql.startsWith('select')) this.#changed = true
    const tenant = seat === null || seat === 'system' ? undefined : seat
    return { sql, values: query.values(args as never, tenant), seat }
  }

  async #watched(given: Promise<unknown>): Promise<unknown> {
    try {
      return await given
    } catch (error) {
      throw this.#failed(error)
    }
  }

  async #step(step: 'set' | 'release'): Promise<void> {
    if (this.#ended || this.#failure) throw this.#refusal()
    try {
      await this.#statements.savepoint(step)
    } catch (error) {
      throw this.#failed(error)
    }
  }

  #refusal(): unknown {
    if (this.#ended) return new Fault('a transaction was used after its work had ended')
    return this.#failure?.error
  }

  #failed(error: unknown): unknown {
    this.#failure ??= { error, final: !this.#statements.alive }
    return error
  }

  #innermost(depth: number): void {
    if (this.#depth === depth) return
    const error = new Fault('savepoints of one transaction overlap; await each before the next')
    this.#failure ??= { error, final: true }
    throw error
  }

  async #undo(depth: number): Promise<void> {
    if (this.#failure?.final) return
    try {
      this.#innermost(depth)
      await this.#statements.savepoint('undo')
      this.#depth -= 1
      this.#failure = undefined
    } catch (error) {
      this.#failure = { error, final: true }
    }
  }
}

/** A transaction in one seat. */
class View implements Transaction {
  readonly #whole: StrictTransaction
  readonly #seat: Seat

  constructor(whole: StrictTransaction, seat: Seat) {
    this.#whole = whole
    this.#seat = seat
  }

  get writable(): boolean {
    return this.#whole.writable
  }

  as(tenant: Id<'ten'>): Transaction {
    return new View(this.#whole, tenant)
  }

  asSystem(): Transaction {
    return new View(this.#whole, 'system')
  }

  all<Args, Row>(query: Query<Args, Row>, args: Args): Promise<Row[]> {
    return this.#whole.ask('all', { query, args, seat: this.#seat }) as Promise<Row[]>
  }

  first<Args, Row>(query: Query<Args, Row>, args: Args): Promise<Row | undefined> {
    return this.#whole.ask('first', { query, args, seat: this.#seat }) as Promise<Row | undefined>
  }

  run<Args>(query: Query<Args, unknown>, args: Args): Promise<number> {
    return this.#whole.ask('run', { query, args, seat: this.#seat }) as Promise<number>
  }

  savepoint<T>(work: () => Promise<T>): Promise<T> {
    return this.#whole.savepoint(work)
  }
}
