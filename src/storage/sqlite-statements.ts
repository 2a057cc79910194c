/** What a SQLite connection does in a transaction. Seats mean nothing to it: it has no row security. */
import { assert } from '../core/assert.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import type { Statements } from './transaction.ts'

const steps = {
  set: ['SAVEPOINT step'],
  release: ['RELEASE step'],
  undo: ['ROLLBACK TO step', 'RELEASE step'],
} as const

/** `mayRun`: what works may do that have said so; one that does more is a mistake of ours. */
export function sqliteStatements(
  connection: SqliteConnection,
  mayRun: (sql: string) => boolean = () => true,
): Statements {
  const checked = (sql: string): string => {
    assert(mayRun(sql), 'a work does what it has said that it does')
    return sql
  }
  return {
    engine: 'sqlite',
    all: ({ sql, values }) => connection.all(checked(sql), values),
    first: ({ sql, values }) => connection.first(checked(sql), values),
    run: ({ sql, values }) => connection.run(checked(sql), values),
    savepoint: (step) => {
      for (const sql of steps[step]) connection.run(sql)
    },
    get alive() {
      return connection.isTransaction
    },
  }
}

/** Of a work that asks for no audit event. */
export function asksForNoEvent(sql: string): boolean {
  return !sql.includes('"audit_events"')
}

/** Of a work that adds audit events and does nothing else. */
export function onlyAddsEvents(sql: string): boolean {
  return sql.startsWith('select') || sql.startsWith('insert into "audit_events"')
}
