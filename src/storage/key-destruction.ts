/**
 * What follows once a key's wraps were overwritten and that is committed: the process forgets the
 * key, its tombstone is written, and the copies that the database keeps in its files are dropped.
 * Nothing of it may fail the deletion, which is done: what fails is logged and tried again.
 */
import { toTimestamp } from '../core/clock.ts'
import type { Id } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Tombstone } from '../crypto/tombstones.ts'
import type { Database } from './database.ts'
import type { Keys } from './encryption-keys.ts'
import type { KeyScope } from './tables.ts'

export interface KeyDestruction {
  destroyed(tenant: Id<'ten'>, scope: KeyScope): Promise<void>
  /** Does what is still to be done. */
  finish(): Promise<void>
}

export function createKeyDestruction(options: {
  database: Pick<Database, 'scrub'>
  keys: Pick<Keys, 'cache' | 'clock' | 'tombstones'>
  log: Log
}): KeyDestruction {
  const { database, keys, log } = options
  // As many as keys were destroyed since the file could not be written; the next start finds them.
  let pending: Tombstone[] = []
  // Nobody knows whether the process before this one came to it, nor whether a rotation did.
  let scrubDue = true

  const writeTombstones = (): void => {
    let failure: unknown
    pending = pending.filter((tombstone) => {
      try {
        keys.cache.forget(tombstone.tenant, tombstone.scope)
        keys.tombstones.append(tombstone)
        return false
      } catch (thrown) {
        failure = thrown
        return true
      }
    })
    if (pending.length === 0) return
    log.error({ err: failure, pending: pending.length }, 'tombstones are still to be written')
  }

  const scrub = shared(async () => {
    if (!scrubDue) return
    scrubDue = false
    try {
      await database.scrub()
    } catch (thrown) {
      scrubDue = true
      log.warn({ err: thrown }, 'copies of destroyed keys are still to be dropped')
    }
  })

  const finish = async (): Promise<void> => {
    writeTombstones()
    await scrub()
  }
  return {
    destroyed: async (tenant, scope) => {
      keys.cache.forget(tenant, scope)
      pending.push({ tenant, scope, destroyedAt: toTimestamp(keys.clock()) })
      scrubDue = true
      await finish()
      // A read that began before the commit may have remembered the key where no tombstone stopped it.
      keys.cache.forget(tenant, scope)
    },
    finish,
  }
}

/**
 * Runs `task`, which does not throw, one at a time: whoever comes while it runs waits for the next
 * run, together with all who came since. Each caller gets a run that began after his call.
 */
function shared(task: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve()
  let next: Promise<void> | undefined
  return () => {
    next ??= last = last.then(() => {
      next = undefined
      return task()
    })
    return next
  }
}
