import { minute_ms } from '../../core/clock.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Job } from '../../kernel/job.ts'
import { resealSpace } from '../../storage/space-reseal.ts'
import { findSpace } from '../spaces/store.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    /** Spaces whose key was rotated and whose records still have to be sealed anew. */
    readonly reseals: Map<Id<'spc'>, Id<'ten'>>
  }
}

/** Seals the records of rotated spaces anew, under the current version of the space's key. */
export const resealRecords: Job = {
  name: 'encryption-keys.reseal',
  every_ms: minute_ms,
  run: async (ctx) => {
    const [next] = ctx.services.reseals
    if (!next) return 0
    const [spaceId, tenant] = next
    // To the end of the line first: a space whose records do not open must not hold up the others.
    ctx.services.reseals.delete(spaceId)
    ctx.services.reseals.set(spaceId, tenant)
    const done = await ctx.database.write(
      async (tx) => {
        const store = ctx.open(tx, tenant)
        const row = await findSpace(store, spaceId)
        return row ? resealSpace(store, spaceId, limits.sweep_rows) : 0
      },
      { durability: 'full', turn: { tenant, spaces: [spaceId] } },
    )
    if (done === 0) ctx.services.reseals.delete(spaceId)
    return Math.max(done, ctx.services.reseals.size)
  },
}
