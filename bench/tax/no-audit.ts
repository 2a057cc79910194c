/** Stands in for src/pipeline/audit.ts where no event is written. Only this bench can load it. */
import {
  type appendRefused as appendRefusedReally,
  type auditAllowed as auditAllowedReally,
  type auditRefused as auditRefusedReally,
  type auditUnanswered as auditUnansweredReally,
  eventStore as eventStoreReally,
} from '../../src/pipeline/audit.ts'
import type { Database } from '../../src/storage/database.ts'

export const eventStore = eventStoreReally

export const auditAllowed: typeof auditAllowedReally = async () => {
  // Nothing is written.
}

export const appendRefused: typeof appendRefusedReally = async () => {
  throw new Error('nothing is refused in this bench')
}

export const auditUnanswered: typeof auditUnansweredReally = async () => {
  throw new Error('nothing is refused in this bench')
}

export const auditRefused: typeof auditRefusedReally = async () => {
  // Nothing is written.
}

/** A database without the transactions that are for events alone: those of reads. */
export function withoutEvents(database: Database): Database {
  return {
    engine: database.engine,
    damagedNotes: database.damagedNotes,
    get takesChanges() {
      return database.takesChanges
    },
    get queued() {
      return database.queued
    },
    read: (work, options) => database.read(work, options),
    write: async (work, options) => {
      const isForEvents = typeof options === 'object' && options.durability === 'relaxed'
      return isForEvents ? (undefined as never) : database.write(work, options)
    },
    scrub: () => database.scrub(),
    close: () => database.close(),
  }
}
