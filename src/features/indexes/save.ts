import { second_ms } from '../../core/clock.ts'
import type { Job } from '../../kernel/job.ts'

/** Writes sealed snapshots of indexes that moved far from their last. */
export const saveIndexes: Job = {
  name: 'indexes.save',
  every_ms: 10 * second_ms,
  run: (ctx) => ctx.services.indexes.save(),
}
