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

/** Writes refusals that were only counted into the log of the instance or the tenant, one event for each kind. */
export const flushRefusals: Job = {
  name: 'audit.flush-refusals',
  every_ms: 10 * second_ms,
  run: async (ctx) => {
    const refusals = ctx.services.refusals.drain()
    if (refusals.length === 0) return 0
    const now = ctx.clock()
    await ctx.database.write(async (tx) => {
      for (const { address, code, count, caller } of refusals) {
        const store = ctx.open(tx, caller?.tenant ?? instanceTenant)
        const actor = caller?.actor ?? null
        const details = { count, ...(caller?.action && { action: caller.action }) }
        const about = { outcome: 'denied', code, address, actor, details } as const
        await appendEvent(store, jobEvent(now, 'requests.refused', about), ctx.clock)
      }
    }, 'relaxed')
    return 0
  },
}
