/**
 * A running transaction, the same for every engine and as strict as the strictest: after a statement
 * failed, nothing more can be done but leave the savepoint (or the whole work) it failed in, so that
 * no feature comes to rely on an engine that forgives.
 */
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

  constructor(statements: Statements, writable: boolean) {
    this.#statements = statements
    this.#writable = writable
  }

  /** The transaction as a work is handed it. */
  view(seat: Seat = null): Transaction {
    const statement = <Args>(query: Query<Args, unknown>, args: Args): Statement => {
      const values = query.values(args)
      return { sql: query.sql(this.#statements.engine), values, seat }
    }
    return {
      writable: this.#writable,
      as: (tenant) => this.view(tenant),
      asSystem: () => this.view('system'),
      all: async <Args, Row>(query: Query<Args, Row>, args: Args) => {
        const one = statement(query, args)
        return (await this.#attempt(() => this.#statements.all(one))) as Row[]
      },
      first: async <Args, Row>(query: Query<Args, Row>, args: Args) => {
        const one = statement(query, args)
        return (await this.#attempt(() => this.#statements.first(one))) as Row | undefined
      },
      run: async (query, args) => {
        const one = statement(query, args)
        return this.#attempt(() => this.#statements.run(one))
      },
      savepoint: (work) => this.savepoint(work),
    }
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.#attempt(() => this.#statements.savepoint('set'))
    this.#depth += 1
    const depth = this.#depth
    try {
      const value = await work()
      this.#innermost(depth)
      await this.#attempt(() => this.#statements.savepoint('release'))
      this.#depth -= 1
      return value
    } catch (error) {
      await this.#undo(depth)
      throw error
    }
  }

  /** What failed and has not been undone by leaving a savepoint. */
  get failure(): Failure | undefined {
    return this.#failure
  }

  /** From now on nothing can be done with it. */
  end(): void {
    this.#ended = true
  }

  async #attempt<T>(statement: () => T | Promise<T>): Promise<T> {
    if (this.#ended) throw new Error('a transaction was used after its work had ended')
    if (this.#failure) throw this.#failure.error
    try {
      return await statement()
    } catch (error) {
      this.#failure ??= { error, final: !this.#statements.alive }
      throw error
    }
  }

  #innermost(depth: number): void {
    if (this.#depth === depth) return
    const error = new Error('savepoints of one transaction overlap; await each before the next')
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
