/**
 * One Locket to a data directory. The lock is the operating system's and ends with the process,
 * however it ends, so a crash leaves nothing behind that has to be cleared by hand. SQLite is used
 * for it because Node itself has no file locks.
 */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LocketError } from '../core/errors.ts'
import { isBusy, keepPrivate } from './sqlite-connection.ts'

/** Its name in the data directory. */
export const lockFile = 'locket.lock'

/** Takes the directory for this process, or throws `unavailable` when it is taken. */
export function lockDirectory(directory: string): { release(): void } {
  const file = join(directory, lockFile)
  keepPrivate(file)
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    // In memory, because a journal on disk would be one more file to explain.
    lock.exec('PRAGMA journal_mode = MEMORY')
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    throw isBusy(error) ? taken(error) : error
  }
  return {
    release: () => {
      if (lock.isOpen) lock.close()
    },
  }
}

function taken(cause: unknown): LocketError {
  return new LocketError('unavailable', 'Another Locket is using this data directory.', { cause })
}
