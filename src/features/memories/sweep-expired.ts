import { minute_ms } from '../../core/clock.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import { spaceStore } from '../../storage/space-store.ts'
import { type ExpiredMemory, expiredMemories } from '../../storage/space-sweep.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { findSpace } from '../spaces/store.ts'

/** Deletes memories whose time is over, content and versions, as a caller's delete would. */
export const sweepExpired: Job = {
  name: 'memories.sweep-expired',
  every_ms: minute_ms,
  run: async (ctx) => {
    const now = ctx.clock()
    const limit = limits.sweep_rows
    const found = await ctx.database.read((tx) => expiredMemories(tx, { now, limit }))
    let deleted = 0
    for (const batch of bySpace(found)) deleted += await trySpace(ctx, batch, now)
    return deleted
  },
}

function bySpace(found: readonly ExpiredMemory[]): ExpiredMemory[][] {
  return [...Map.groupBy(found, (memory) => memory.space_id).values()]
}

/** A space that fails, because its row was altered say, must not hold up the others. */
async function trySpace(
  ctx: JobContext,
  batch: readonly ExpiredMemory[],
  now: number,
): Promise<number> {
  try {
    return await sweepSpace(ctx, batch, now)
  } catch (thrown) {
    ctx.log.error({ space: batch[0]?.space_id, err: thrown }, 'a space was not swept')
    return 0
  }
}

/** All of one space in one transaction, with one event that tells how many. */
async function sweepSpace(
  ctx: JobContext,
  batch: readonly ExpiredMemory[],
  now: number,
): Promise<number> {
  const [first] = batch
  if (!first) return 0
  return ctx.database.write(
    async (tx) => {
      const store = ctx.open(tx, first.tenant_id)
      const row = await findSpace(store, first.space_id)
      if (!row) return 0
      const space = spaceStore(store, { id: row.space_id, ownerId: row.owner_id })
      const deleted: Id<'mem'>[] = []
      for (const { memory_id } of batch) {
        // It may have been given a longer life, or deleted, since it was found.
        if (!(await space.isOver(memory_id, now))) continue
        await space.remove(memory_id)
        deleted.push(memory_id)
      }
      if (deleted.length === 0) return 0
      await forgetAnswers(store, row.space_id)
      const event = jobEvent(now, 'memory.expired', { spaceId: row.space_id, details: { deleted } })
      await appendEvent(store, event, ctx.clock)
      return deleted.length
    },
    { durability: 'full', turn: { tenant: first.tenant_id, spaces: [first.space_id] } },
  )
}
