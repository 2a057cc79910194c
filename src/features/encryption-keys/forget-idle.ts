import { minute_ms } from '../../core/clock.ts'
import type { Job } from '../../kernel/job.ts'

/** Lets keys that nobody used lately leave the memory of this process. */
export const forgetIdleKeys: Job = {
  name: 'encryption-keys.forget-idle',
  every_ms: minute_ms,
  run: async (ctx) => {
    ctx.keys.cache.sweep()
    return 0
  },
}
