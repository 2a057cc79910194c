import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job } from '../../kernel/job.ts'
import { dropOverFamilies } from './store.ts'

/** Removes families of tokens that are over. */
export const sweepTokens: Job = {
  name: 'tokens.sweep',
  every_ms: minute_ms,
  run: (ctx) => {
    const bounds = { now: ctx.clock(), limit: limits.sweep_rows }
    return ctx.database.write((tx) => dropOverFamilies(tx.asSystem(), bounds), 'relaxed')
  },
}
