import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job } from '../../kernel/job.ts'
import { sweepLinks } from './store.ts'

/** Removes links whose hour is over. */
export const sweepPasswordLinks: Job = {
  name: 'password-links.sweep',
  every_ms: minute_ms,
  run: (ctx) => {
    const bounds = { now: ctx.clock(), limit: limits.sweep_rows }
    return ctx.database.write((tx) => sweepLinks(tx, bounds), 'relaxed')
  },
}
