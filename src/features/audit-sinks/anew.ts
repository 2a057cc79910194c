/**
 * What is done where the place of a log in a sink is not what was written. It is not believed: all that is kept goes out
 * again, as repeated, so that nothing can be left out by whoever can write to the database.
 */
import { type Id, instanceTenant } from '../../core/ids.ts'
import type { JobContext } from '../../kernel/job.ts'
import type { SinkKind } from '../../sinks/sink.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { findLog } from '../audit-logs/store.ts'
import { newPosition } from './audit-sink.ts'
import { PositionAltered, putPosition } from './store.ts'

interface Place {
  readonly kind: SinkKind
  readonly tenant: Id<'ten'>
}

/** Does what reads a position; once more, where that had to begin anew. */
export async function believed<T>(
  ctx: JobContext,
  place: Place,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (!(thrown instanceof PositionAltered)) throw thrown
    await beginAnew(ctx, place)
    return work()
  }
}

async function beginAnew(ctx: JobContext, { kind, tenant }: Place): Promise<void> {
  ctx.log.error({ sink: kind, tenant }, 'the place of a log in an audit sink is not what it was')
  await ctx.database.write(
    async (tx) => {
      const store = ctx.open(tx, tenant)
      const size = (await findLog(store))?.size ?? 0
      await putPosition({ tx, store }, { ...newPosition(kind, tenant), sending_until: -size })
      const about = { resourceId: tenant, outcome: 'failed', code: 'integrity_failed' } as const
      const details = { sink: kind }
      const event = jobEvent(ctx.clock(), 'audit-sink.restarted', { ...about, details })
      await appendEvent(ctx.open(tx, instanceTenant), event, ctx.clock)
    },
    { durability: 'full', turn: { tenant, log: true } },
  )
}
