/** Every query on audit_logs and audit_tiles, and those on audit_events that make leaves of them. */
import { sql } from 'kysely'
import { type Id, timeOf } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { AuditLag } from '../../metrics/gauges.ts'
import { noStretch, stretchOf } from '../../storage/audit-streams.ts'
import type { Transaction } from '../../storage/database.ts'
import { query } from '../../storage/query.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type AuditLogRow, type EventRow, entryLevel, refusedLeaf, tailLevel } from './audit-log.ts'

type CheckpointKeyRow = Tables['checkpoint_keys']

type Of = { tenant: Id<'ten'> }

const byTenant = query((db, arg: Of) =>
  db.selectFrom('audit_logs').selectAll().where('tenant_id', '=', arg.tenant),
)

const putRow = query((db, arg: Of & Omit<AuditLogRow, 'tenant_id'>) =>
  db
    .insertInto('audit_logs')
    .values({
      tenant_id: arg.tenant,
      state: arg.state,
      size: arg.size,
      first_index: arg.first_index,
      checkpoint: arg.checkpoint,
      signed_at: arg.signed_at,
      mac: arg.mac,
    })
    .onConflict((conflict) =>
      conflict.column('tenant_id').doUpdateSet({
        state: arg.state,
        size: arg.size,
        first_index: arg.first_index,
        checkpoint: arg.checkpoint,
        signed_at: arg.signed_at,
        mac: arg.mac,
      }),
    ),
)

/** One whose events wait, after this one. A look at an index each, however many there are. */
const nextWaiting = query((db, arg: { after: string }) =>
  db
    .selectFrom('audit_events')
    .select('tenant_id')
    .where('leaf', 'is', null)
    .where('tenant_id', '>', arg.after as Id<'ten'>)
    .orderBy('tenant_id')
    .limit(1),
)

/** What an entry is made of, and what proves it: nothing that is sealed. */
const waiting = query((db, arg: Of & { limit: number }) =>
  db
    .selectFrom('audit_events')
    .select([
      'tenant_id',
      'event_id',
      'time',
      'class',
      'action',
      'outcome',
      'actor_id',
      'resource_id',
      'scope',
      'commitment',
      'proof',
    ])
    .where('tenant_id', '=', arg.tenant)
    .where('leaf', 'is', null)
    .orderBy('event_id')
    .limit(arg.limit),
)

/** Events from one leaf on, in order: what the tail of a log is made of. The last condition is that of the index. */
const fromLeaf = query((db, arg: Of & { from: number; until: number; limit: number }) =>
  db
    .selectFrom('audit_events')
    .select(['event_id', 'time', 'class', 'commitment', 'leaf'])
    .where('tenant_id', '=', arg.tenant)
    .where('leaf', '>=', arg.from)
    .where('leaf', '<', arg.until)
    .where(sql<boolean>`leaf >= 0`)
    .orderBy('leaf')
    .limit(arg.limit),
)

/** Whole events from one leaf on. The last condition is that of the index. */
const byLeaf = query((db, arg: Of & { from: number; until: number; limit: number }) =>
  db
    .selectFrom('audit_events')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('leaf', '>=', arg.from)
    .where('leaf', '<', arg.until)
    .where(sql<boolean>`leaf >= 0`)
    .orderBy('leaf')
    .orderBy('event_id')
    .limit(arg.limit),
)

const byId = query((db, arg: Of & { id: Id<'evt'> }) =>
  db
    .selectFrom('audit_events')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('event_id', '=', arg.id),
)

const refuse = query((db, arg: Of & { id: Id<'evt'> }) =>
  db
    .updateTable('audit_events')
    .set({ leaf: refusedLeaf })
    .where('tenant_id', '=', arg.tenant)
    .where('event_id', '=', arg.id),
)

/**
 * All that wait, up to this one, in the order of their ids: one statement for the whole batch. Those that come
 * after all that were placed before are in the stretch of their place.
 */
const number = query((db, arg: Of & { last: Id<'evt'>; first: number; newest: string }) =>
  db
    .updateTable('audit_events')
    .from(
      db
        .selectFrom('audit_events')
        .select(['event_id', sql<number>`row_number() over (order by event_id)`.as('place')])
        .where('tenant_id', '=', arg.tenant)
        .where('leaf', 'is', null)
        .where('event_id', '<=', arg.last)
        .as('waiting'),
    )
    .set(({ ref }) => {
      const leaf = sql<number>`cast(${arg.first} as bigint) + waiting.place - 1`
      const isLater = sql<boolean>`${ref('audit_events.event_id')} > cast(${arg.newest} as text)`
      return { leaf, stretch: stretchOf(leaf, isLater) }
    })
    .where('audit_events.tenant_id', '=', arg.tenant)
    .whereRef('audit_events.event_id', '=', 'waiting.event_id'),
)

const newest = query((db, arg: Of) =>
  db
    .selectFrom('audit_events')
    .select('event_id')
    .where('tenant_id', '=', arg.tenant)
    .where('leaf', 'is not', null)
    .orderBy('event_id', 'desc')
    .limit(1),
)

/** Among the last places. The last condition of the inner one is that of the index. */
const lastInStretch = query((db, arg: Of & { rows: number }) =>
  db
    .selectFrom(
      db
        .selectFrom('audit_events')
        .select(['event_id', 'leaf', 'stretch'])
        .where('tenant_id', '=', arg.tenant)
        .where(sql<boolean>`leaf >= 0`)
        .orderBy('leaf', 'desc')
        .limit(arg.rows)
        .as('near'),
    )
    .select('event_id')
    .where('stretch', '>', noStretch)
    .orderBy('leaf', 'desc')
    .limit(1),
)

/** The first that was made; there is one. */
const checkpointKey = query((db, arg: Of) =>
  db
    .selectFrom('checkpoint_keys')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .orderBy('checkpoint_key_id')
    .limit(1),
)

const insertKey = query((db, arg: Of & Omit<CheckpointKeyRow, 'tenant_id'>) =>
  db.insertInto('checkpoint_keys').values({
    tenant_id: arg.tenant,
    checkpoint_key_id: arg.checkpoint_key_id,
    public_key: arg.public_key,
    sealed_key: arg.sealed_key,
    created_at: arg.created_at,
    mac: arg.mac,
  }),
)

const tile = query((db, arg: Of & { level: number; tile: number }) =>
  db
    .selectFrom('audit_tiles')
    .select('data')
    .where('tenant_id', '=', arg.tenant)
    .where('level', '=', arg.level)
    .where('tile', '=', arg.tile),
)

const putTile = query((db, arg: Of & { level: number; tile: number; data: Uint8Array }) =>
  db
    .insertInto('audit_tiles')
    .values({ tenant_id: arg.tenant, level: arg.level, tile: arg.tile, data: arg.data })
    .onConflict((conflict) =>
      conflict.columns(['tenant_id', 'level', 'tile']).doUpdateSet({ data: arg.data }),
    ),
)

const dropTailRows = query((db, arg: Of) =>
  db.deleteFrom('audit_tiles').where('tenant_id', '=', arg.tenant).where('level', '=', tailLevel),
)

const tileCount = query((db, arg: Of & { from: number; until: number }) =>
  db
    .selectFrom('audit_tiles')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant_id', '=', arg.tenant)
    .where('level', 'in', [entryLevel, 0])
    .where('tile', '>=', arg.from)
    .where('tile', '<', arg.until),
)

/** Of all tenants; those that wait have an index of their own, and ids of events begin with their time. */
const allWaiting = query((db, arg: { limit: number }) =>
  db
    .selectFrom(
      db
        .selectFrom('audit_events')
        .select('event_id')
        .where('leaf', 'is', null)
        .limit(arg.limit)
        .as('waiting'),
    )
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min('event_id').as('oldest')]),
)

/** How many events of all tenants wait for their place, up to `limit`, and since when the oldest does. */
export async function unplacedEvents(
  tx: Transaction,
  limit: number,
): Promise<{ readonly waiting: number; readonly oldest: number | null }> {
  const row = await tx.asSystem().first(allWaiting, { limit })
  const oldest = row?.oldest ?? null
  return { waiting: Number(row?.count ?? 0), oldest: oldest === null ? null : timeOf(oldest) }
}

/** How far the logs of all tenants are behind, for who operates the server. */
export async function auditLag(tx: Transaction, now: number): Promise<AuditLag> {
  const { waiting, oldest } = await unplacedEvents(tx, limits.auditWaitingCounted_max)
  return { waiting, oldest_ms: oldest === null ? 0 : Math.max(0, now - oldest) }
}

/** The tenant's log as it stands; undefined while nothing of it is written. Its MAC is checked. */
export async function findLog(store: TenantStore): Promise<AuditLogRow | undefined> {
  const row = await readLog(store)
  return row && store.checked('audit_logs', row)
}

/** The same with its MAC not checked: for who only marks it as broken. */
export async function readLog(store: TenantStore): Promise<AuditLogRow | undefined> {
  return store.first(byTenant, {})
}

export async function putLog(
  { tx, store }: { tx: Transaction; store: TenantStore },
  row: Omit<AuditLogRow, 'tenant_id' | 'mac'>,
): Promise<void> {
  const signed = await store.signed('audit_logs', { tenant_id: store.tenant, ...row })
  await tx.asSystem().run(putRow, { tenant: store.tenant, ...signed })
}

export async function tenantWaiting(tx: Transaction, after: string): Promise<Id<'ten'> | null> {
  return (await tx.asSystem().first(nextWaiting, { after }))?.tenant_id ?? null
}

export type WaitingRow = Omit<EventRow, 'origin' | 'body' | 'leaf' | 'stretch'>

export function eventsWaiting(store: TenantStore, limit: number): Promise<WaitingRow[]> {
  return store.all(waiting, { limit })
}

export function findEvent(store: TenantStore, id: Id<'evt'>): Promise<EventRow | undefined> {
  return store.first(byId, { id })
}

/** Of what is in the log: what its entry is made of. */
export function eventsFrom(
  store: TenantStore,
  { from, until }: { from: number; until: number },
): Promise<Pick<EventRow, 'event_id' | 'time' | 'class' | 'commitment' | 'leaf'>[]> {
  return store.all(fromLeaf, { from, until, limit: until - from })
}

/** One that is not believed becomes no leaf, and is not looked at again. */
export async function refuseEvent(tx: Transaction, row: WaitingRow): Promise<void> {
  await tx.asSystem().run(refuse, { tenant: row.tenant_id, id: row.event_id })
}

/** Gives all that wait, up to the last one, their places from `first` on, after the `newest` that has one. Tells how many. */
export function numberEvents(
  tx: Transaction,
  { tenant, ...range }: { tenant: Id<'ten'>; last: Id<'evt'>; first: number; newest: string },
): Promise<number> {
  return tx.asSystem().run(number, { tenant, ...range })
}

/**
 * An id above which an event comes after all that is in a stretch of the log. That of the last that is in one, as nearly always
 * one of the last is; else the highest of all that have a place, for which those that wait are passed over.
 */
export async function newestPlaced(store: TenantStore): Promise<string> {
  const last = await store.first(lastInStretch, { rows: limits.auditBatch_rows })
  return (last ?? (await store.first(newest, {})))?.event_id ?? ''
}

/** Whole events of a range of leaves, in order. */
export function wholeEventsFrom(
  store: TenantStore,
  range: { from: number; until: number; limit: number },
): Promise<EventRow[]> {
  return store.all(byLeaf, range)
}

/** Whether any event has a place, or ever had one that was not pruned. */
export async function hasPlaces(store: TenantStore): Promise<boolean> {
  const range = { from: 0, until: Number.MAX_SAFE_INTEGER }
  if ((await countTiles(store, range)) > 0) return true
  return (await wholeEventsFrom(store, { ...range, limit: 1 })).length > 0
}

export interface TilePlace {
  readonly level: number
  readonly tile: number
}

export async function findTile(store: TenantStore, place: TilePlace): Promise<Uint8Array | null> {
  return (await store.first(tile, place))?.data ?? null
}

/** How many of the full tiles of entries and of their hashes are there, two for each index. */
export async function countTiles(
  store: TenantStore,
  range: { from: number; until: number },
): Promise<number> {
  return (await store.first(tileCount, range))?.count ?? 0
}

export async function storeTile(
  tx: Transaction,
  tenant: Id<'ten'>,
  place: TilePlace & { readonly data: Uint8Array },
): Promise<void> {
  await tx.asSystem().run(putTile, { tenant, ...place })
}

/** The bundles that were kept of what is no full tile, or was none at the time. */
export async function dropTails(tx: Transaction, tenant: Id<'ten'>): Promise<void> {
  await tx.asSystem().run(dropTailRows, { tenant })
}

/** The instance's, its MAC checked. */
export async function findCheckpointKey(
  instance: TenantStore,
): Promise<CheckpointKeyRow | undefined> {
  const row = await instance.first(checkpointKey, {})
  return row && instance.checked('checkpoint_keys', row)
}

export async function insertCheckpointKey(
  instance: TenantStore,
  row: CheckpointKeyRow,
): Promise<void> {
  await instance.run(insertKey, row)
}
