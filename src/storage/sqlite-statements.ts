/** What a SQLite connection does in a transaction. Seats mean nothing to it: it has no row security. */
import type { SqliteConnection } from './sqlite-connection.ts'
import type { Statements } from './transaction.ts'

const steps = {
  set: ['SAVEPOINT step'],
  release: ['RELEASE step'],
  undo: ['ROLLBACK TO step', 'RELEASE step'],
} as const

export function sqliteStatements(connection: SqliteConnection): Statements {
  return {
    engine: 'sqlite',
    all: ({ sql, values }) => connection.all(sql, values),
    first: ({ sql, values }) => connection.first(sql, values),
    run: ({ sql, values }) => connection.run(sql, values),
    savepoint: (step) => {
      for (const sql of steps[step]) connection.run(sql)
    },
    get alive() {
      return connection.isTransaction
    },
  }
}
