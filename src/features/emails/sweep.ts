import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job } from '../../kernel/job.ts'
import { sweepUnproven } from './store.ts'

/** Removes addresses that nobody has proven in time. */
export const sweepEmails: Job = {
  name: 'emails.sweep',
  every_ms: minute_ms,
  run: (ctx) => {
    const bounds = { now: ctx.clock(), limit: limits.sweep_rows }
    return ctx.database.write((tx) => sweepUnproven(tx, bounds), 'relaxed')
  },
}
