import { second_ms } from '../../core/clock.ts'
import { instanceTenant } from '../../core/ids.ts'
import type { Job } from '../../kernel/job.ts'
import { appendEvent } from './append.ts'
import { jobEvent } from './event.ts'
import type { Refusals } from './refusals.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly refusals: Refusals
  }
}

/** Writes refusals that were only counted into the instance's log, one event for each kind. */
export const flushRefusals: Job = {
  name: 'audit.flush-refusals',
  every_ms: 10 * second_ms,
  run: async (ctx) => {
    const refusals = ctx.services.refusals.drain()
    if (refusals.length === 0) return 0
    const now = ctx.clock()
    await ctx.database.write(async (tx) => {
      const store = ctx.open(tx, instanceTenant)
      for (const { address, code, count } of refusals) {
        const about = { outcome: 'denied', code, address, details: { count } } as const
        await appendEvent(store, jobEvent(now, 'requests.refused', about), ctx.clock)
      }
    }, 'relaxed')
    return 0
  },
}
