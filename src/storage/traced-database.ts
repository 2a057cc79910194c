/** A database whose reads and changes are pieces of the trace of who asks, what they wait for included. */
import type { SpanFacts } from '../core/span.ts'
import { traced } from '../tracing/traced.ts'
import type { Database } from './database.ts'

/** Names as OpenTelemetry has them. */
const names: Readonly<Record<Database['engine'], string>> = {
  sqlite: 'sqlite',
  postgres: 'postgresql',
}

/** The same database. Neither statements nor what is in them is told. */
export function tracedDatabase(database: Database): Database {
  const facts: SpanFacts = { 'db.system.name': names[database.engine] }
  const read = { name: 'database.read', kind: 'client', facts } as const
  const write = { name: 'database.write', kind: 'client', facts } as const
  return {
    engine: database.engine,
    damagedNotes: database.damagedNotes,
    get takesChanges() {
      return database.takesChanges
    },
    get queued() {
      return database.queued
    },
    read: (work, options) => traced(read, () => database.read(work, options)),
    write: (work, options) => traced(write, () => database.write(work, options)),
    scrub: () => database.scrub(),
    close: () => database.close(),
  }
}
