/** The statements that a database is made to run, as a test watches them. */
import type { Database, Transaction } from '../src/storage/database.ts'
import type { Query } from '../src/storage/query.ts'

export interface Watch {
  /** The text of every statement since the watch began, in order. */
  readonly statements: readonly string[]
  end(): void
}

export function watchStatements(database: Database): Watch {
  const statements: string[] = []
  const seen = <Seen extends Pick<Query<object, unknown>, 'sql'>>(query: Seen): Seen => {
    statements.push(query.sql(database.engine))
    return query
  }
  const watched = (tx: Transaction): Transaction => ({
    writable: tx.writable,
    as: (tenant) => watched(tx.as(tenant)),
    asSystem: () => watched(tx.asSystem()),
    savepoint: (work) => tx.savepoint(work),
    all: (query, args) => tx.all(seen(query), args),
    first: (query, args) => tx.first(seen(query), args),
    run: (query, args) => tx.run(seen(query), args),
  })
  const { read, write } = database
  database.read = (work) => read.call(database, (tx) => work(watched(tx))) as never
  database.write = (work, options) =>
    write.call(database, (tx) => work(watched(tx)), options) as never
  return {
    statements,
    end: () => {
      database.read = read
      database.write = write
    },
  }
}
