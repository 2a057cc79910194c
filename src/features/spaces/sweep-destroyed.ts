import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import { dropSpaceRows, type SpaceName, spacesWithLeftovers } from '../../storage/space-sweep.ts'
import { whereProven } from './proven.ts'
import { isDestroyed } from './store.ts'

const page = 10

/**
 * Removes what destroyed spaces left behind. Nothing of it can be opened any more; it only takes up
 * room. It goes past spaces whose end is not proven, so that they do not hold up the others.
 */
export const sweepDestroyed: Job = {
  name: 'spaces.sweep-destroyed',
  every_ms: minute_ms,
  run: async (ctx) => {
    await ctx.services.finishDestruction()
    let dropped = 0
    let after: SpaceName | null = null
    let found: SpaceName[] = []
    do {
      found = await ctx.database.read((tx) => spacesWithLeftovers(tx, { after, limit: page }))
      for (const space of found) {
        after = space
        dropped += (await whereProven(ctx, space, () => dropRows(ctx, space))) ?? 0
      }
    } while (dropped === 0 && found.length === page)
    return dropped
  },
}

function dropRows(ctx: JobContext, { tenant_id, space_id }: SpaceName): Promise<number> {
  return ctx.database.write(
    async (tx) => {
      const store = ctx.open(tx, tenant_id)
      if (!(await isDestroyed(store, space_id))) return 0
      return dropSpaceRows(store, space_id, limits.sweep_rows)
    },
    { durability: 'full', turn: { tenant: tenant_id, spaces: [space_id] } },
  )
}
