import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job } from '../../kernel/job.ts'
import { dropTombstones, spacesWithTombstones } from '../../storage/space-sweep.ts'

/**
 * Keeps the tombstones of deleted memories from piling up. The newest stay, so that an index that
 * is a little behind can follow; half of the bound goes at once, so that this is rare.
 */
export const sweepTombstones: Job = {
  name: 'memories.sweep-tombstones',
  every_ms: 10 * minute_ms,
  run: async (ctx) => {
    const count = limits.tombstones_perSpace_max
    const found = await ctx.database.read((tx) => spacesWithTombstones(tx, { count, limit: 10 }))
    let dropped = 0
    for (const { tenant_id, space_id } of found) {
      dropped += await ctx.database.write(
        (tx) => dropTombstones(ctx.open(tx, tenant_id), space_id, count / 2),
        { durability: 'full', turn: { tenant: tenant_id, spaces: [space_id] } },
      )
    }
    return dropped
  },
}
