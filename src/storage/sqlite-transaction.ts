/**
 * A running transaction on a SQLite connection. It is as strict as PostgreSQL: after a statement
 * failed, nothing more can be done but leave the savepoint (or the whole work) it failed in, so that
 * no feature comes to rely on an engine that forgives.
 */
import type { Transaction } from './database.ts'
import type { Query } from './query.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

interface Failure {
  readonly error: unknown
  /** No savepoint can bring the transaction back. */
  readonly final: boolean
}

export class SqliteTransaction implements Transaction {
  readonly writable: boolean
  readonly #connection: SqliteConnection
  #failure: Failure | undefined
  #depth = 0
  #ended = false

  constructor(connection: SqliteConnection, writable: boolean) {
    this.#connection = connection
    this.writable = writable
  }

  async all<Args, Row>(query: Query<Args, Row>, args: Args): Promise<Row[]> {
    const values = query.values(args)
    return this.#attempt(() => this.#connection.all(query.sql, values) as Row[])
  }

  async first<Args, Row>(query: Query<Args, Row>, args: Args): Promise<Row | undefined> {
    const values = query.values(args)
    return this.#attempt(() => this.#connection.first(query.sql, values) as Row | undefined)
  }

  async run<Args>(query: Query<Args, unknown>, args: Args): Promise<number> {
    const values = query.values(args)
    return this.#attempt(() => this.#connection.run(query.sql, values))
  }

  /** Savepoints all have one name: SQLite means the innermost. */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    this.#attempt(() => this.#connection.run('SAVEPOINT step'))
    this.#depth += 1
    const depth = this.#depth
    try {
      const value = await work()
      this.#innermost(depth)
      this.#attempt(() => this.#connection.run('RELEASE step'))
      this.#depth -= 1
      return value
    } catch (error) {
      this.#undo(depth)
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

  #attempt<T>(statement: () => T): T {
    if (this.#ended) throw new Error('a transaction was used after its work had ended')
    if (this.#failure) throw this.#failure.error
    try {
      return statement()
    } catch (error) {
      this.#failure = { error, final: !this.#connection.isTransaction }
      throw error
    }
  }

  #innermost(depth: number): void {
    if (this.#depth === depth) return
    const error = new Error('savepoints of one transaction overlap; await each before the next')
    this.#failure ??= { error, final: true }
    throw error
  }

  #undo(depth: number): void {
    if (this.#failure?.final) return
    try {
      this.#innermost(depth)
      this.#connection.run('ROLLBACK TO step')
      this.#connection.run('RELEASE step')
      this.#depth -= 1
      this.#failure = undefined
    } catch (error) {
      this.#failure = { error, final: true }
    }
  }
}
