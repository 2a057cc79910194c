/**
 * PostgreSQL keeps what was overwritten for any change that began before, those of a neighbour test's
 * database too. Locket cleans again a minute later; tests do not wait as long.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { LocketError } from '../src/core/errors.ts'
import type { Database } from '../src/storage/database.ts'

const cleanings_max = 20
const between_ms = 500

/** Cleans while `find` finds something, and returns what is left of that in the end. */
export async function leftAfter<T>(
  clean: () => Promise<unknown>,
  find: () => Promise<readonly T[]>,
): Promise<readonly T[]> {
  let left = await find()
  for (let count = 1; left.length > 0 && count <= cleanings_max; count += 1) {
    await pause(between_ms)
    await clean()
    left = await find()
  }
  return left
}

/** Cleans the database until nothing keeps it from that. */
export async function scrub(database: Pick<Database, 'scrub'>): Promise<void> {
  await leftAfter(
    () => Promise.resolve(),
    async () => {
      try {
        await database.scrub()
        return []
      } catch (error) {
        if (!(error instanceof LocketError && error.code === 'unavailable')) throw error
        return [error]
      }
    },
  )
}
