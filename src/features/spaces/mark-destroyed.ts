import { minute_ms } from '../../core/clock.ts'
import type { Job } from '../../kernel/job.ts'
import { markDestroyed } from './reconcile.ts'

/** Another node may have destroyed a space that this one still remembers: it forgets it, too. */
export const markDestroyedSpaces: Job = {
  name: 'spaces.mark-destroyed',
  every_ms: minute_ms,
  run: async (ctx) => {
    await markDestroyed(ctx)
    return 0
  },
}
