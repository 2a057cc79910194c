import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job } from '../../kernel/job.ts'
import { sweepFactorRows } from './store.ts'

/** Removes factors that were begun and not proven in time. */
export const sweepFactors: Job = {
  name: 'factors.sweep',
  every_ms: minute_ms,
  run: (ctx) => {
    const bounds = { now: ctx.clock(), limit: limits.sweep_rows }
    return ctx.database.write((tx) => sweepFactorRows(tx, bounds), 'relaxed')
  },
}
