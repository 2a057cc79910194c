import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job } from '../../kernel/job.ts'
import { sweepOver } from './store.ts'

/** Removes sign-ins that are over. What was left alone for too long counts no more, and goes with these. */
export const sweepSignIns: Job = {
  name: 'sign-ins.sweep',
  every_ms: minute_ms,
  run: (ctx) => {
    const bounds = { now: ctx.clock(), limit: limits.sweep_rows }
    return ctx.database.write((tx) => sweepOver(tx, bounds), 'relaxed')
  },
}
