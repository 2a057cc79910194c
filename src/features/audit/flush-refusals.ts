import { second_ms } from '../../core/clock.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import { appendEvent } from './append.ts'
import { jobEvent } from './event.ts'
import type { Refusal, Refusals } from './refusals.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly refusals: Refusals
  }
}

/** So many events in one transaction, beside which nothing else is written. */
const batch_max = 100

/**
 * Writes refusals that were only counted into the log of the instance or the tenant, one event for each kind.
 * What cannot be written counts on, and is told when it can be.
 */
export const flushRefusals: Job = {
  name: 'audit.flush-refusals',
  every_ms: 10 * second_ms,
  run: async (ctx) => {
    const { refusals } = ctx.services
    const failures: unknown[] = []
    for (const batch of batchesOf(refusals.drain())) {
      try {
        await write(ctx, batch)
      } catch (thrown) {
        for (const refusal of batch) refusals.restore(refusal)
        failures.push(thrown)
      }
    }
    // One tenant whose key is damaged keeps no other from being told.
    if (failures.length > 0) throw failures[0]
    return 0
  },
}

/** Each of one tenant. */
function batchesOf(refusals: readonly Refusal[]): readonly (readonly Refusal[])[] {
  const byTenant = Map.groupBy(refusals, tenantOf)
  return [...byTenant.values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / batch_max) }, (_, at) =>
      all.slice(at * batch_max, (at + 1) * batch_max),
    ),
  )
}

function tenantOf({ caller }: Refusal): Id<'ten'> {
  return caller?.tenant ?? instanceTenant
}

async function write(ctx: JobContext, batch: readonly Refusal[]): Promise<void> {
  const now = ctx.clock()
  await ctx.database.write(
    async (tx) => {
      for (const refusal of batch) {
        const { address, code, count, caller } = refusal
        const store = ctx.open(tx, tenantOf(refusal))
        const details = { count, ...(caller?.action && { action: caller.action }) }
        const about = { outcome: 'denied', code, address, actor: caller?.actor ?? null } as const
        const event = jobEvent(now, 'requests.refused', { ...about, details })
        await appendEvent(store, event, ctx.clock)
      }
    },
    { durability: 'relaxed', turn: null },
  )
}
