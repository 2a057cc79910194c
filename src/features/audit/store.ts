/** Every query on audit_events. Events are only ever appended and read. */
import type { Id } from '../../core/ids.ts'
import { leftOut, query } from '../../storage/query.ts'
import type { Tables } from '../../storage/tables.ts'

type Row = Tables['audit_events']

export const insertEvent = query(
  (db, arg: { tenant: Id<'ten'> } & Omit<Row, 'tenant_id' | 'leaf'>) =>
    db.insertInto('audit_events').values({
      tenant_id: arg.tenant,
      event_id: arg.event_id,
      time: arg.time,
      class: arg.class,
      action: arg.action,
      outcome: arg.outcome,
      actor_id: arg.actor_id,
      resource_id: arg.resource_id,
      scope: arg.scope,
      commitment: arg.commitment,
      origin: arg.origin,
      body: arg.body,
      proof: arg.proof,
    }),
)

/** The event that stands `rows` below `before`: how far one question looks back. */
export const scanEnd = query((db, arg: { tenant: Id<'ten'>; before: string; rows: number }) =>
  db
    .selectFrom('audit_events')
    .select('event_id')
    .where('tenant_id', '=', arg.tenant)
    .where('event_id', '<', arg.before as Id<'evt'>)
    .orderBy('event_id', 'desc')
    .limit(1)
    .offset(arg.rows),
)

/** Newest first, below `before` and not below `end`. Conditions that are null do not narrow. */
export const listEvents = query(
  (
    db,
    arg: {
      tenant: Id<'ten'>
      before: string
      end: string
      from: number
      until: number
      action: string | null
      outcome: string | null
      actor: string | null
      resource: string | null
      limit: number
    },
  ) =>
    db
      .selectFrom('audit_events')
      .selectAll()
      .where('tenant_id', '=', arg.tenant)
      .where('event_id', '<', arg.before as Id<'evt'>)
      .where('event_id', '>=', arg.end as Id<'evt'>)
      .where('time', '>=', arg.from)
      .where('time', '<', arg.until)
      .where((row) =>
        row.and([
          row.or([leftOut(arg.action), row('action', '=', arg.action)]),
          row.or([leftOut(arg.outcome), row('outcome', '=', arg.outcome as never)]),
          row.or([leftOut(arg.actor), row('actor_id', '=', arg.actor as never)]),
          row.or([leftOut(arg.resource), row('resource_id', '=', arg.resource)]),
        ]),
      )
      .orderBy('event_id', 'desc')
      .limit(arg.limit),
)
