import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job } from '../../kernel/job.ts'
import { sweepSpent } from './store.ts'

/** Removes what was kept of sign-ins by a provider that could not come back again anyhow. */
export const sweepProviderSignIns: Job = {
  name: 'provider-sign-ins.sweep',
  every_ms: minute_ms,
  run: (ctx) => {
    const bounds = { now: ctx.clock(), limit: limits.sweep_rows }
    return ctx.database.write((tx) => sweepSpent(tx, bounds), 'relaxed')
  },
}
