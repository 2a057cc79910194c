/** Every query on audit_sinks, and how far logs are ahead of them. */
import { sql } from 'kysely'
import { LocketError } from '../../core/errors.ts'
import { Fault } from '../../core/fault.ts'
import { type Id, timeOf } from '../../core/ids.ts'
import type { SinkKind } from '../../sinks/sink.ts'
import type { Transaction } from '../../storage/database.ts'
import { query } from '../../storage/query.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { unplacedEvents } from '../audit-logs/store.ts'
import { newPosition, type Position } from './audit-sink.ts'

type OfSink = { kind: SinkKind }
type Of = OfSink & { tenant: Id<'ten'> }

const position = query((db, arg: Of) =>
  db
    .selectFrom('audit_sinks')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('kind', '=', arg.kind),
)

const putRow = query((db, arg: Of & Omit<Tables['audit_sinks'], 'tenant_id' | 'kind'>) =>
  db
    .insertInto('audit_sinks')
    .values({
      tenant_id: arg.tenant,
      kind: arg.kind,
      next_leaf: arg.next_leaf,
      sending_until: arg.sending_until,
      sender_id: arg.sender_id,
      sender_until: arg.sender_until,
      state: arg.state,
      mac: arg.mac,
    })
    .onConflict((conflict) =>
      conflict.columns(['tenant_id', 'kind']).doUpdateSet({
        next_leaf: arg.next_leaf,
        sending_until: arg.sending_until,
        sender_id: arg.sender_id,
        sender_until: arg.sender_until,
        state: arg.state,
        mac: arg.mac,
      }),
    ),
)

/** One of which something may have been sent that is not noted as sent, after this one. */
const nextUnsettled = query((db, arg: OfSink & { after: string }) =>
  db
    .selectFrom('audit_sinks')
    .select('tenant_id')
    .where('kind', '=', arg.kind)
    .where('tenant_id', '>', arg.after as Id<'ten'>)
    .where(sql<boolean>`abs(sending_until) > next_leaf`)
    .orderBy('tenant_id')
    .limit(1),
)

/** Unequal, not less: a place that is past the end of the log is not passed over. */
const nextWaiting = query((db, arg: OfSink & { after: string }) =>
  db
    .selectFrom('audit_logs as log')
    .leftJoin('audit_sinks as place', (join) =>
      join.onRef('place.tenant_id', '=', 'log.tenant_id').on('place.kind', '=', arg.kind),
    )
    .select('log.tenant_id')
    .where('log.tenant_id', '>', arg.after as Id<'ten'>)
    .where(sql<boolean>`coalesce(place.next_leaf, 0) <> log.size`)
    .orderBy('log.tenant_id')
    .limit(1),
)

const waiting = query((db, arg: OfSink) =>
  db
    .selectFrom('audit_logs as log')
    .leftJoin('audit_sinks as place', (join) =>
      join.onRef('place.tenant_id', '=', 'log.tenant_id').on('place.kind', '=', arg.kind),
    )
    .select(
      sql<number>`cast(coalesce(sum(log.size - coalesce(place.next_leaf, 0)), 0) as bigint)`.as(
        'count',
      ),
    )
    .where(sql<boolean>`coalesce(place.next_leaf, 0) < log.size`),
)

/** The first that waits of each log; ids begin with their time. The last condition is that of the index. */
const oldest = query((db, arg: OfSink) =>
  db
    .selectFrom('audit_logs as log')
    .leftJoin('audit_sinks as place', (join) =>
      join.onRef('place.tenant_id', '=', 'log.tenant_id').on('place.kind', '=', arg.kind),
    )
    .innerJoin('audit_events as event', (join) =>
      join
        .onRef('event.tenant_id', '=', 'log.tenant_id')
        .on('event.leaf', '=', sql<number>`coalesce(place.next_leaf, 0)`),
    )
    .select(({ fn }) => fn.min('event.event_id').as('id'))
    .where(sql<boolean>`coalesce(place.next_leaf, 0) < log.size`)
    .where(sql<boolean>`event.leaf >= 0`),
)

/** How far a log was shipped; nothing of it is where there is no row. Throws `PositionAltered`. */
export async function positionOf(store: TenantStore, kind: SinkKind): Promise<Position> {
  const row = await store.first(position, { kind })
  if (!row) return newPosition(kind, store.tenant)
  try {
    const { mac: _, ...rest } = await store.checked('audit_sinks', row)
    return rest
  } catch (thrown) {
    if (!(thrown instanceof LocketError) || thrown.code !== 'integrity_failed') throw thrown
    throw new PositionAltered()
  }
}

/** Before this leaf each of these sinks has taken all of the log. */
export async function takenUntil(store: TenantStore, kinds: readonly SinkKind[]): Promise<number> {
  let until = Number.MAX_SAFE_INTEGER
  for (const kind of kinds) until = Math.min(until, (await positionOf(store, kind)).next_leaf)
  return until
}

/** The row of a position is not what was written. */
export class PositionAltered extends LocketError {
  constructor() {
    super('integrity_failed', undefined, {
      cause: new Fault('a position in an audit sink is not what was written'),
    })
  }
}

export async function putPosition(
  { tx, store }: { tx: Transaction; store: TenantStore },
  row: Position,
): Promise<void> {
  const { tenant_id: tenant, ...signed } = await store.signed('audit_sinks', row)
  await tx.asSystem().run(putRow, { tenant, ...signed })
}

export interface AfterLog {
  readonly kind: SinkKind
  /** A tenant's id, or nothing. */
  readonly after: string
}

/** The next log of which something was begun to be shipped, and not ended. */
export async function unsettledLog(tx: Transaction, place: AfterLog): Promise<Id<'ten'> | null> {
  return (await tx.asSystem().first(nextUnsettled, place))?.tenant_id ?? null
}

/** The next log that has something to ship. */
export async function waitingLog(tx: Transaction, place: AfterLog): Promise<Id<'ten'> | null> {
  return (await tx.asSystem().first(nextWaiting, place))?.tenant_id ?? null
}

/** How far the logs of all tenants are ahead of a sink. */
export interface SinkLag {
  readonly waiting: number
  /** When the oldest of them happened; null: nothing waits, or it was removed meanwhile. */
  readonly oldest: number | null
}

/** Also by what has no place yet, up to `max`: a log that stands still is ahead of its sinks. */
export async function sinkLag(
  tx: Transaction,
  { kind, max }: { kind: SinkKind; max: number },
): Promise<SinkLag> {
  const all = tx.asSystem()
  const unplaced = await unplacedEvents(tx, max)
  const count = Number((await all.first(waiting, { kind }))?.count ?? 0)
  if (count === 0) return unplaced
  const id = (await all.first(oldest, { kind }))?.id ?? null
  const since = id === null ? [] : [timeOf(id)]
  const first = Math.min(...since, unplaced.oldest ?? Number.POSITIVE_INFINITY)
  return { waiting: count + unplaced.waiting, oldest: Number.isFinite(first) ? first : null }
}
