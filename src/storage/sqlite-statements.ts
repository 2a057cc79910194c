/** What a SQLite connection does in a transaction. Seats mean nothing to it: it has no row security. */
import { assert } from '../core/assert.ts'
import type { EventValues } from './event-journal.ts'
import { insertEvent } from './insert-event.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import type { Statements } from './transaction.ts'

const steps = {
  set: ['SAVEPOINT step'],
  release: ['RELEASE step'],
  undo: ['ROLLBACK TO step', 'RELEASE step'],
} as const

const asSaid = 'a work does what it has said that it does'

/** `mayRun`: what works may do that have said so; one that does more is a mistake of ours. */
export function sqliteStatements(
  connection: SqliteConnection,
  mayRun: (sql: string) => boolean = () => true,
): Statements {
  const checked = (sql: string): string => {
    assert(mayRun(sql), asSaid)
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

/** Of a work that asks for nothing of the audit. */
export function asksForNoEvent(sql: string): boolean {
  return !sql.includes('"audit_')
}

/** Of a work that changes nothing but tables of the audit. */
export function onlyTouchesAudit(sql: string): boolean {
  return /^(?:select|(?:insert into|update|delete from) "audit_)/.test(sql)
}

/** Throws for who asks for audit events where the newest of them cannot be shown. */
export function withheld(reason: unknown): (sql: string) => boolean {
  return (sql) => {
    if (asksForNoEvent(sql)) return true
    throw reason
  }
}

/** Of a work that adds audit events and does nothing else. */
export function onlyAddsEvents(sql: string): boolean {
  return sql.startsWith('select') || sql === insertEvent.sql('sqlite')
}

/** Of such works without a transaction, one at a time: what they add is gathered, and they may ask. */
export interface NotingStatements extends Statements {
  /** Where that of the present work is put. */
  events: EventValues[]
}

export function notingStatements(connection: SqliteConnection): NotingStatements {
  const asking = sqliteStatements(connection, (sql) => sql.startsWith('select'))
  const noting: NotingStatements = {
    events: [],
    engine: 'sqlite',
    all: asking.all,
    first: asking.first,
    run: ({ sql, values }) => {
      assert(onlyAddsEvents(sql), asSaid)
      noting.events.push(values)
      return 1
    },
    savepoint: () => assert(false, 'a work that is noted has no savepoints'),
    alive: true,
  }
  return noting
}
