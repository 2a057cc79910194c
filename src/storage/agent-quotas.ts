/**
 * How many live memories an agent has stored, over all spaces. Each row says which agent it counts
 * for, whether that agent has a quota or not, so a quota that is set later begins with what is there.
 * Only agents with a quota have a count, which changes in the transaction of what it counts: for all
 * others a store does nothing here.
 */
import { LocketError } from '../core/errors.ts'
import { Fault } from '../core/fault.ts'
import type { Id } from '../core/ids.ts'
import { query } from './query.ts'
import type { TenantStore } from './tenant-store.ts'

type OfAgent = { tenant: Id<'ten'>; agent: Id<'agt'> }

/** The agent that a memory counts for. */
export interface Holder {
  readonly agent: Id<'agt'>
  /** Its quota; null: it has none. */
  readonly memories_max: number | null
}

const change = query((db, arg: OfAgent & { added: number }) =>
  db
    .updateTable('agent_quotas')
    .set((row) => ({ memories: row('memories', '+', arg.added) }))
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.agent)
    .returning('memories'),
)

const counted = query((db, arg: OfAgent) =>
  db
    .selectFrom('agent_quotas')
    .select('memories')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.agent),
)

const held = query((db, arg: { tenant: Id<'ten'>; space: Id<'spc'>; id: Id<'mem'> }) =>
  db
    .selectFrom('memories')
    .select(['state', 'stored_by'])
    .where('tenant_id', '=', arg.tenant)
    .where('memory_id', '=', arg.id)
    .where('space_id', '=', arg.space),
)

/** Rows of a destroyed space are left for a while. They are nobody's any more. */
const stored = query((db, arg: OfAgent) =>
  db
    .selectFrom('memories')
    .innerJoin('spaces', (on) =>
      on
        .onRef('spaces.tenant_id', '=', 'memories.tenant_id')
        .onRef('spaces.space_id', '=', 'memories.space_id'),
    )
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('memories.tenant_id', '=', arg.tenant)
    .where('memories.stored_by', '=', arg.agent)
    .where('spaces.state', '=', 'active'),
)

const putCount = query((db, arg: OfAgent & { memories: number }) =>
  db
    .insertInto('agent_quotas')
    .values({ tenant_id: arg.tenant, principal_id: arg.agent, memories: arg.memories })
    .onConflict((conflict) =>
      conflict.columns(['tenant_id', 'principal_id']).doUpdateSet({ memories: arg.memories }),
    ),
)

const dropCount = query((db, arg: OfAgent) =>
  db
    .deleteFrom('agent_quotas')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.agent),
)

const withoutSpace = query((db, arg: { tenant: Id<'ten'>; space: Id<'spc'> }) =>
  db
    .updateTable('agent_quotas')
    .set(({ eb, selectFrom }) => ({
      memories: eb(
        'memories',
        '-',
        selectFrom('memories')
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .where('memories.tenant_id', '=', arg.tenant)
          .whereRef('memories.stored_by', '=', 'agent_quotas.principal_id')
          .where('memories.space_id', '=', arg.space),
      ),
    }))
    .where('tenant_id', '=', arg.tenant),
)

/** Counts one more. Throws `quota_exceeded`: the caller undoes what was counted. */
export async function charge(store: TenantStore, holder: Holder | null): Promise<void> {
  if (holder === null || holder.memories_max === null) return
  const row = await store.first(change, { agent: holder.agent, added: 1 })
  if (!row) {
    const cause = new Fault('an agent has a quota and no count')
    throw new LocketError('integrity_failed', undefined, { cause })
  }
  if (row.memories > holder.memories_max) {
    throw new LocketError('quota_exceeded', 'memories of this agent')
  }
}

/** Counts one less, for whichever agent the memory counted for. False when it is not there. */
export async function discharge(
  store: TenantStore,
  place: { space: Id<'spc'>; id: Id<'mem'> },
): Promise<boolean> {
  const row = await store.first(held, place)
  if (!row || row.state === 'deleted') return false
  if (row.stored_by) await store.first(change, { agent: row.stored_by, added: -1 })
  return true
}

/** Gives back what is in a space that ends. */
export async function dischargeSpace(store: TenantStore, space: Id<'spc'>): Promise<void> {
  await store.run(withoutSpace, { space })
}

/** Begins to count: belongs to a change of the whole tenant, beside which nothing is stored. */
export async function beginCount(store: TenantStore, agent: Id<'agt'>): Promise<void> {
  const row = await store.first(stored, { agent })
  await store.run(putCount, { agent, memories: row?.count ?? 0 })
}

export async function endCount(store: TenantStore, agent: Id<'agt'>): Promise<void> {
  await store.run(dropCount, { agent })
}

/** How many it has; null while nobody counts. */
export async function countOf(store: TenantStore, agent: Id<'agt'>): Promise<number | null> {
  return (await store.first(counted, { agent }))?.memories ?? null
}
