import { second_ms } from '../../core/clock.ts'
import type { Job } from '../../kernel/job.ts'
import { recordUse } from './store.ts'

/** Writes down when keys were last used. */
export const recordKeyUses: Job = {
  name: 'api-keys.record-uses',
  every_ms: 30 * second_ms,
  run: async (ctx) => {
    const uses = ctx.services.keyUses.drain()
    if (uses.length === 0) return 0
    try {
      await ctx.database.write(async (tx) => {
        for (const use of uses) await recordUse(ctx.open(tx, use.tenant), use.key, use.at_ms)
      }, 'relaxed')
    } catch (thrown) {
      for (const use of uses) ctx.services.keyUses.touch(use.tenant, use.key, use.at_ms)
      throw thrown
    }
    return 0
  },
}
