import { minute_ms } from '../../core/clock.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import { appendEvent } from './append.ts'
import { jobEvent } from './event.ts'
import type { Opening, Openings } from './openings.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly openings: Openings
  }
}

/** Ends the window of what strangers begin: one event for each kind that was counted. */
export const flushOpenings: Job = {
  name: 'audit.flush-openings',
  every_ms: minute_ms,
  run: async (ctx) => {
    const { openings } = ctx.services
    const failures: unknown[] = []
    for (const opening of openings.drain()) {
      try {
        await write(ctx, opening)
      } catch (thrown) {
        openings.restore(opening)
        failures.push(thrown)
      }
    }
    // One tenant whose key is damaged keeps no other from being told.
    if (failures.length > 0) throw new AggregateError(failures, 'openings that wait to be told')
    return 0
  },
}

async function write(ctx: JobContext, { tenant, action, address, count }: Opening): Promise<void> {
  const event = jobEvent(ctx.clock(), action, { address, details: { count } })
  await ctx.database.write((tx) => appendEvent(ctx.open(tx, tenant), event, ctx.clock), {
    durability: 'relaxed',
    turn: null,
  })
}
