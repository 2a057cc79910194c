import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job } from '../../kernel/job.ts'
import { sweepChallenges } from './store.ts'

/** Forgets which challenges were answered, once they are over. */
export const sweepPasskeyChallenges: Job = {
  name: 'passkeys.sweep',
  every_ms: minute_ms,
  run: (ctx) => {
    const bounds = { now: ctx.clock(), limit: limits.sweep_rows }
    return ctx.database.write((tx) => sweepChallenges(tx, bounds), 'relaxed')
  },
}
