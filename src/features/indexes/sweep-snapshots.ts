import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job } from '../../kernel/job.ts'

/**
 * Removes snapshots of spaces that are gone, and those that hold what was deleted since, by whatever
 * node: a deletion shall not wait until somebody asks for the space here.
 */
export const sweepSnapshots: Job = {
  name: 'indexes.sweep-snapshots',
  every_ms: minute_ms,
  run: (ctx) => ctx.services.indexes.sweep(limits.snapshotSweep_files),
}
