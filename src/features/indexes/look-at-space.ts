import { LocketError } from '../../core/errors.ts'
import type { Database } from '../../storage/database.ts'
import type { Keys } from '../../storage/encryption-keys.ts'
import { spaceStore } from '../../storage/space-store.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { findSpace } from '../spaces/store.ts'
import type { LookAtSpace } from './index-snapshots.ts'

/** Looks at spaces for what nobody asked for: a space that is gone, or whose key is, is not there. */
export function lookingAtSpaces(database: Pick<Database, 'read'>, keys: Keys): LookAtSpace {
  return async (owner, work) => {
    try {
      return await database.read(async (tx) => {
        const store = tenantStore(tx, keys, owner.tenant)
        const row = await findSpace(store, owner.space)
        return row
          ? await work(spaceStore(store, { id: row.space_id, ownerId: row.owner_id }))
          : null
      })
    } catch (thrown) {
      if (thrown instanceof LocketError && thrown.code === 'not_found') return null
      throw thrown
    }
  }
}
