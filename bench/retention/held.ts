/** How long changes keep the only writer, or their transaction open: from the first statement to the commit. */
import type { Database } from '../../src/storage/database.ts'
import { type Timed, used_ms } from './pace.ts'

export function held(database: Database, changes: Timed[]): Database {
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
      let began_ms = 0
      let before_ms = 0
      const done = await database.write((tx) => {
        began_ms = performance.now()
        before_ms = used_ms()
        return work(tx)
      }, options)
      const wall_ms = performance.now() - began_ms
      changes.push({ wall_ms, own_ms: Math.min(wall_ms, used_ms() - before_ms) })
      return done
    },
    scrub: () => database.scrub(),
    close: () => database.close(),
  }
}
