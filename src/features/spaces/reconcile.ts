/** After a crash between the deletion of a space and its tombstone: finishes what was begun. */
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { JobContext } from '../../kernel/job.ts'
import { destroyedSpaces } from '../../storage/space-sweep.ts'

/** Goes once through all destroyed spaces, when the server starts. */
export async function reconcileTombstones(ctx: JobContext): Promise<void> {
  const limit = limits.sweep_rows
  let after = ''
  let found: { tenant_id: Id<'ten'>; space_id: Id<'spc'> }[] = []
  do {
    found = await ctx.database.read((tx) => destroyedSpaces(tx, { after, limit }))
    for (const { tenant_id, space_id } of found) {
      after = space_id
      if (ctx.keys.tombstones.has(tenant_id, space_id)) continue
      ctx.log.warn({ space: space_id }, 'a destroyed space had no tombstone')
      await ctx.services.keyDestroyed(tenant_id, space_id)
    }
  } while (found.length === limit)
}
