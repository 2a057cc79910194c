import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job } from '../../kernel/job.ts'
import { dropSpaceRows, spacesWithLeftovers } from '../../storage/space-sweep.ts'

/**
 * Removes what destroyed spaces left behind. Nothing of it can be opened any more; it only takes up
 * room.
 */
export const sweepDestroyed: Job = {
  name: 'spaces.sweep-destroyed',
  every_ms: minute_ms,
  run: async (ctx) => {
    await ctx.services.finishScrub()
    const found = await ctx.database.read((tx) => spacesWithLeftovers(tx, 10))
    let dropped = 0
    for (const { tenant_id, space_id } of found) {
      dropped += await ctx.database.write(
        (tx) => dropSpaceRows(ctx.open(tx, tenant_id), space_id, limits.sweep_rows),
        'full',
      )
    }
    return dropped
  },
}
