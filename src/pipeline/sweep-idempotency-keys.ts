import { minute_ms } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Job } from '../kernel/job.ts'
import { query } from '../storage/query.ts'

const dropOver = query((db, arg: { now: number; limit: number }) =>
  db
    .deleteFrom('idempotency_keys')
    .where('key_hash', 'in', (rows) =>
      rows
        .selectFrom('idempotency_keys')
        .select('key_hash')
        .where('expires_at', '<=', arg.now)
        .limit(arg.limit),
    ),
)

/** Removes idempotency keys whose day is over. */
export const sweepIdempotencyKeys: Job = {
  name: 'idempotency-keys.sweep',
  every_ms: minute_ms,
  run: (ctx) => {
    const bounds = { now: ctx.clock(), limit: limits.sweep_rows }
    return ctx.database.write((tx) => tx.asSystem().run(dropOver, bounds), 'relaxed')
  },
}
