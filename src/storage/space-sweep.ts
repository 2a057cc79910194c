/** What the sweeping jobs ask of memories across tenants, and what they remove. */
import type { Id } from '../core/ids.ts'
import type { Transaction } from './database.ts'
import { query } from './query.ts'
import type { Tables } from './tables.ts'
import type { TenantStore } from './tenant-store.ts'

export type ExpiredMemory = Pick<Tables['memories'], 'tenant_id' | 'space_id' | 'memory_id'>
export type EmbeddedRow = ExpiredMemory & Pick<Tables['memories'], 'embedding'>
export type SpaceName = Pick<Tables['spaces'], 'tenant_id' | 'space_id'>
type SpaceState = Tables['spaces']['state']

interface Page {
  /** Null: from the first on. */
  readonly after: SpaceName | null
  readonly limit: number
}

/** A place in the order of the table's key, so that a page is found without looking at all spaces. */
type Placed = { tenant: Id<'ten'>; space: Id<'spc'>; limit: number }

function placed({ after, limit }: Page): Placed {
  const { tenant_id: tenant, space_id: space } = after ?? first
  return { tenant, space, limit }
}

const first = { tenant_id: '', space_id: '' } as unknown as SpaceName

type InSpace = { tenant: Id<'ten'>; space: Id<'spc'> }

const expired = query((db, arg: { now: number; limit: number }) =>
  db
    .selectFrom('memories')
    .select(['tenant_id', 'space_id', 'memory_id'])
    .where('expires_at', '<=', arg.now)
    .where('expires_at', 'is not', null)
    .where('state', '!=', 'deleted')
    .limit(arg.limit),
)

/** Superseded memories are out of recall: they get no vectors. */
const embedded = query((db, arg: { tenant: string; id: string; limit: number }) =>
  db
    .selectFrom('memories')
    .select(['tenant_id', 'space_id', 'memory_id', 'embedding'])
    .where('state', '=', 'live')
    .where(({ eb, refTuple, tuple }) =>
      eb(
        refTuple('tenant_id', 'memory_id'),
        '>',
        tuple(arg.tenant as Id<'ten'>, arg.id as Id<'mem'>),
      ),
    )
    .orderBy('tenant_id')
    .orderBy('memory_id')
    .limit(arg.limit),
)

const leftovers = query((db, arg: Placed) =>
  db
    .selectFrom('spaces')
    .select(['tenant_id', 'space_id'])
    .where('state', '=', 'destroyed')
    .where(({ eb, refTuple, tuple }) =>
      eb(refTuple('tenant_id', 'space_id'), '>', tuple(arg.tenant, arg.space)),
    )
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('memories')
          .select('memory_id')
          .whereRef('memories.tenant_id', '=', 'spaces.tenant_id')
          .whereRef('memories.space_id', '=', 'spaces.space_id'),
      ),
    )
    .orderBy('tenant_id')
    .orderBy('space_id')
    .limit(arg.limit),
)

const inState = query((db, arg: Placed & { state: SpaceState }) =>
  db
    .selectFrom('spaces')
    .select(['tenant_id', 'space_id'])
    .where('state', '=', arg.state)
    .where(({ eb, refTuple, tuple }) =>
      eb(refTuple('tenant_id', 'space_id'), '>', tuple(arg.tenant, arg.space)),
    )
    .orderBy('tenant_id')
    .orderBy('space_id')
    .limit(arg.limit),
)

const idsOf = query((db, arg: InSpace & { limit: number }) =>
  db
    .selectFrom('memories')
    .select('memory_id')
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space)
    .limit(arg.limit),
)

const dropVersions = query((db, arg: InSpace & { id: Id<'mem'> }) =>
  db
    .deleteFrom('memory_versions')
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space)
    .where('memory_id', '=', arg.id),
)

const dropMemory = query((db, arg: InSpace & { id: Id<'mem'> }) =>
  db
    .deleteFrom('memories')
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space)
    .where('memory_id', '=', arg.id),
)

const buried = query((db, arg: { count: number; limit: number }) =>
  db
    .selectFrom('memories')
    .select(['tenant_id', 'space_id'])
    .where('state', '=', 'deleted')
    .groupBy(['tenant_id', 'space_id'])
    .having(({ fn }) => fn.countAll(), '>', arg.count)
    .limit(arg.limit),
)

const oldestTombstones = query((db, arg: InSpace & { limit: number }) =>
  db
    .selectFrom('memories')
    .select(['memory_id', 'seq'])
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space)
    .where('state', '=', 'deleted')
    .orderBy('seq')
    .limit(arg.limit),
)

const raiseFloor = query((db, arg: InSpace & { seq: number }) =>
  db
    .updateTable('spaces')
    .set({ seq_floor: arg.seq })
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space),
)

/** Memories of any tenant whose hour is over. */
export function expiredMemories(
  tx: Transaction,
  bounds: { now: number; limit: number },
): Promise<ExpiredMemory[]> {
  return tx.asSystem().all(expired, bounds)
}

/** Memories of all tenants in the order of the table's key, with what each is settled for. */
export function embeddedRows(
  tx: Transaction,
  page: { tenant: string; id: string; limit: number },
): Promise<EmbeddedRow[]> {
  return tx.asSystem().all(embedded, page)
}

/** Spaces marked destroyed that still have rows. What the mark is worth, their MAC tells. */
export function spacesWithLeftovers(tx: Transaction, page: Page): Promise<SpaceName[]> {
  return tx.asSystem().all(leftovers, placed(page))
}

/** Spaces marked destroyed, of all tenants, in the order of tenants and ids; the same holds for them. */
export function destroyedSpaces(tx: Transaction, page: Page): Promise<SpaceName[]> {
  return tx.asSystem().all(inState, { ...placed(page), state: 'destroyed' })
}

/** The same of those that are in use. */
export function activeSpaces(tx: Transaction, page: Page): Promise<SpaceName[]> {
  return tx.asSystem().all(inState, { ...placed(page), state: 'active' })
}

/** Removes rows of a destroyed space, at most `limit` memories, and tells how many. */
export async function dropSpaceRows(
  store: TenantStore,
  space: Id<'spc'>,
  limit: number,
): Promise<number> {
  const rows = await store.all(idsOf, { space, limit })
  for (const { memory_id } of rows) {
    await store.run(dropVersions, { space, id: memory_id })
    await store.run(dropMemory, { space, id: memory_id })
  }
  return rows.length
}

/** Spaces with more tombstones than `count`. */
export function spacesWithTombstones(
  tx: Transaction,
  bounds: { count: number; limit: number },
): Promise<SpaceName[]> {
  return tx.asSystem().all(buried, bounds)
}

/**
 * Forgets the oldest tombstones of a space and raises its floor above them: an index that has not
 * seen them by then is rebuilt. Tells how many there were.
 */
export async function dropTombstones(
  store: TenantStore,
  space: Id<'spc'>,
  limit: number,
): Promise<number> {
  const rows = await store.all(oldestTombstones, { space, limit })
  const last = rows.at(-1)
  if (!last) return 0
  for (const { memory_id } of rows) await store.run(dropMemory, { space, id: memory_id })
  await store.run(raiseFloor, { space, seq: last.seq })
  return rows.length
}
