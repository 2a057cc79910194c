/**
 * The part of better-sqlite3's interface that mem0ai uses, over Node's own SQLite, with the settings
 * that better-sqlite3 compiles in where they matter for speed. Nothing is sped up or held back.
 */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'

export interface Statement {
  run(...values: SQLInputValue[]): unknown
  get(...values: SQLInputValue[]): unknown
  all(...values: SQLInputValue[]): unknown[]
}

export class Database {
  readonly #database: DatabaseSync

  constructor(path: string) {
    this.#database = new DatabaseSync(path)
    this.#database.exec('PRAGMA cache_size = -16000')
  }

  exec(sql: string): this {
    this.#database.exec(sql)
    return this
  }

  prepare(sql: string): Statement {
    return this.#database.prepare(sql)
  }

  /** What `work` does is committed together, or not at all. */
  transaction<Values extends unknown[], Result>(
    work: (...values: Values) => Result,
  ): (...values: Values) => Result {
    return (...values) => {
      this.#database.exec('BEGIN')
      try {
        const result = work(...values)
        this.#database.exec('COMMIT')
        return result
      } catch (thrown) {
        this.#database.exec('ROLLBACK')
        throw thrown
      }
    }
  }

  close(): void {
    this.#database.close()
  }
}
