/** What is read and removed where the time of events is over: of events, tiles, and how far it has come. */
import { sql } from 'kysely'
import type { Id } from '../../core/ids.ts'
import type { Transaction } from '../../storage/database.ts'
import { query } from '../../storage/query.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { tile_hashes } from '../../tlog/tiles.ts'
import type { EventClass } from '../audit/event.ts'
import { entryLevel } from '../audit-logs/audit-log.ts'

type Of = { tenant: Id<'ten'> }
type OfClass = Of & { class: EventClass }
type Range = { from: number; until: number }

/** The condition of the index of leaves: without it, none of these would find it. */
const isLeaf = sql<boolean>`leaf >= 0`

const place = query((db, arg: OfClass) =>
  db
    .selectFrom('audit_purges')
    .select(['next_leaf', 'event_id'])
    .where('tenant_id', '=', arg.tenant)
    .where('class', '=', arg.class),
)

const putPlace = query((db, arg: OfClass & { next: number; event: Id<'evt'> | null }) =>
  db
    .insertInto('audit_purges')
    .values({
      tenant_id: arg.tenant,
      class: arg.class,
      next_leaf: arg.next,
      event_id: arg.event,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'class'])
        .doUpdateSet({ next_leaf: arg.next, event_id: arg.event }),
    ),
)

const ofClass = query((db, arg: OfClass & Range & { limit: number }) =>
  db
    .selectFrom('audit_events')
    .select(['leaf', 'time'])
    .where('tenant_id', '=', arg.tenant)
    .where('leaf', '>=', arg.from)
    .where('leaf', '<', arg.until)
    .where(isLeaf)
    .where('class', '=', arg.class)
    .orderBy('leaf')
    .limit(arg.limit),
)

const drop = query((db, arg: OfClass & Range) =>
  db
    .deleteFrom('audit_events')
    .where('tenant_id', '=', arg.tenant)
    .where('leaf', '>=', arg.from)
    .where('leaf', '<', arg.until)
    .where(isLeaf)
    .where('class', '=', arg.class),
)

const firstFrom = query((db, arg: Of & { from: number }) =>
  db
    .selectFrom('audit_events')
    .select(['leaf', 'time'])
    .where('tenant_id', '=', arg.tenant)
    .where('leaf', '>=', arg.from)
    .where(isLeaf)
    .orderBy('leaf')
    .limit(1),
)

const dropTilesBefore = query((db, arg: Of & { level: number; tile: number }) =>
  db
    .deleteFrom('audit_tiles')
    .where('tenant_id', '=', arg.tenant)
    .where('level', '=', arg.level)
    .where('tile', '<', arg.tile),
)

/** How far the purge of a class has come. */
export interface PurgePlace {
  /** The first leaf that may still be an event of it. */
  readonly next: number
  /** The event of its last purge. */
  readonly event: Id<'evt'> | null
}

export async function purgePlace(store: TenantStore, kind: EventClass): Promise<PurgePlace> {
  const row = await store.first(place, { class: kind })
  return { next: row?.next_leaf ?? 0, event: row?.event_id ?? null }
}

export async function setPurgePlace(
  tx: Transaction,
  at: PurgePlace & { readonly tenant: Id<'ten'>; readonly class: EventClass },
): Promise<void> {
  await tx.asSystem().run(putPlace, at)
}

export interface Aged {
  readonly leaf: number
  readonly time: number
}

/** Events of a class among those leaves, in their order. */
export async function eventsOfClass(
  store: TenantStore,
  range: Range & { class: EventClass; limit: number },
): Promise<Aged[]> {
  return (await store.all(ofClass, range)).map(toAged)
}

export function dropEvents(
  tx: Transaction,
  range: Range & { tenant: Id<'ten'>; class: EventClass },
): Promise<number> {
  return tx.asSystem().run(drop, range)
}

/** The first event from a leaf on that is still there. */
export async function firstEvent(store: TenantStore, from: number): Promise<Aged | null> {
  const row = await store.first(firstFrom, { from })
  return row ? toAged(row) : null
}

function toAged({ leaf, time }: { leaf: number | null; time: number }): Aged {
  return { leaf: leaf ?? 0, time }
}

/**
 * All tiles, of hashes and of entries, that end before the first leaf that is kept. What is left is all
 * that proofs of later entries need (C2SP tlog-tiles, Pruning).
 */
export async function dropTiles(
  tx: Transaction,
  { tenant, first }: { tenant: Id<'ten'>; first: number },
): Promise<number> {
  let dropped = await tx
    .asSystem()
    .run(dropTilesBefore, { tenant, level: entryLevel, tile: Math.floor(first / tile_hashes) })
  for (let level = 0; first >= tile_hashes ** (level + 1); level += 1) {
    const tile = Math.floor(first / tile_hashes ** (level + 1))
    dropped += await tx.asSystem().run(dropTilesBefore, { tenant, level, tile })
  }
  return dropped
}
