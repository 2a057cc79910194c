/** Where the figures are looked up that nobody counts. */
import type { Clock } from './core/clock.ts'
import { limits } from './core/limits.ts'
import type { Log } from './core/log.ts'
import { auditLag } from './features/audit-logs/store.ts'
import type { AuditSinks } from './features/audit-sinks/sinks.ts'
import { countRefused } from './features/cosignatures/store.ts'
import { mailsWaiting } from './features/mails/store.ts'
import type { Services } from './kernel/context.ts'
import type { Measure, Measured, SinkDepth } from './metrics/gauges.ts'
import type { Database, Transaction } from './storage/database.ts'

interface Parts {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** Asked for late: they are made after what counts. */
  readonly services: () => Pick<
    Services,
    'indexes' | 'passwordWork' | 'embeddings' | 'auditSinks' | 'cosigning'
  >
}

export function measureOf({ database, clock, log, services }: Parts): Measure {
  return {
    now: () => {
      const { indexes, passwordWork, embeddings, auditSinks, cosigning } = services()
      return {
        index: indexes.sizes,
        witnesses_lag_ms: cosigning.lag_ms(),
        queues: queuesOf({ database, passwordWork, embeddings }),
        sinks: sinksOf(auditSinks, clock()),
      }
    },
    ask: () =>
      database.read(async (tx) => ({
        audit: await auditLag(tx, clock()),
        mails: await mailsWaiting(tx),
        refusedLogs: await refusedLogs(tx, services().cosigning),
      })),
    failed: (what, thrown) => log.error({ what, err: thrown }, 'not measured'),
  }
}

async function refusedLogs(tx: Transaction, { asked }: Services['cosigning']): Promise<number> {
  let count = 0
  for (const { id } of asked) count += await countRefused(tx, id)
  return count
}

function queuesOf({
  database,
  passwordWork,
  embeddings,
}: Pick<Services, 'passwordWork' | 'embeddings'> & {
  readonly database: Database
}): Measured['queues'] {
  const { writes, reads } = database.queued
  return {
    write: { waiting: writes, max: limits.writeQueue_max },
    read: { waiting: reads, max: limits.readQueue_max },
    password: passwordWork.queue,
    embedding: { waiting: embeddings?.pending.size ?? 0, max: limits.embedPending_max },
  }
}

function sinksOf({ all, queue_events_max: max }: AuditSinks, now: number): SinkDepth[] {
  return all.map(({ kind: sink, required, lag }) => {
    const oldest = lag?.oldest ?? null
    const oldest_ms = oldest === null ? 0 : Math.max(0, now - oldest)
    return { sink, required, max, waiting: lag?.waiting ?? Number.NaN, oldest_ms }
  })
}
