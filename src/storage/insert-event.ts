/** How an event is added to its table: by who appends it, and out of the journal of events. */
import { type Kysely, sql } from 'kysely'
import type { Id } from '../core/ids.ts'
import { noStretch } from './audit-streams.ts'
import { query } from './query.ts'
import type { Tables } from './tables.ts'

type Added = { tenant: Id<'ten'> } & Omit<Tables['audit_events'], 'tenant_id' | 'leaf' | 'stretch'>

function rowOf(arg: Added) {
  return {
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
  }
}

/** What the values of the statement are, in their order. */
export const eventColumns = Object.keys(
  rowOf({} as Added),
) as readonly (keyof Tables['audit_events'])[]

const insert = (db: Kysely<Tables>, arg: Added) =>
  db.insertInto('audit_events').values({ ...rowOf(arg), stretch: sql.lit(noStretch) })

export const insertEvent = query(insert)

/** The same for one that may be a row already. */
export const insertEventOnce = query((db, arg: Added) =>
  insert(db, arg).onConflict((conflict) => conflict.columns(['tenant_id', 'event_id']).doNothing()),
)
