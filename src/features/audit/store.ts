/** What audit_events is asked. How an event is added to it is in storage, beside the journal of those that are no rows yet. */
import { sql } from 'kysely'
import type { Id } from '../../core/ids.ts'
import {
  beginsWith,
  inStretches,
  placed,
  rareAction,
  type StreamName,
  type StretchedName,
  streamNames,
  stretched,
  waiting,
} from '../../storage/audit-streams.ts'
import { leftOut, query } from '../../storage/query.ts'

/** Ids from `low`, and below `high`: whatever sorts between them. */
export interface Range {
  readonly low: string
  readonly high: string
}

/** Conditions of which none needs an index; those that are null do not narrow. */
export interface Narrowing {
  readonly from: number
  readonly until: number
  readonly action: string | null
  readonly prefix: string | null
  readonly class: string | null
  readonly outcome: string | null
  readonly actor: string | null
  readonly resource: string | null
  readonly scope: string | null
}

export const unnarrowed: Narrowing = {
  from: 0,
  until: Number.MAX_SAFE_INTEGER,
  action: null,
  prefix: null,
  class: null,
  outcome: null,
  actor: null,
  resource: null,
  scope: null,
}

export type Direction = 'asc' | 'desc'

type InStream = { tenant: Id<'ten'>; value: string; stretch: number } & Range

type Condition = typeof placed

function streamQueries(condition: Condition, name: StreamName, direction: Direction) {
  return {
    /** The event that stands `rows` further on: how far one question looks. */
    end: query((db, arg: InStream & { rows: number }) =>
      db
        .selectFrom('audit_events')
        .select('event_id')
        .where('tenant_id', '=', arg.tenant)
        .where(condition(name, arg))
        .where('event_id', '>=', arg.low as Id<'evt'>)
        .where('event_id', '<', arg.high as Id<'evt'>)
        .orderBy('event_id', direction)
        .limit(1)
        .offset(arg.rows),
    ),
    rows: query((db, arg: InStream & Narrowing & { limit: number }) =>
      db
        .selectFrom('audit_events')
        .selectAll()
        .where('tenant_id', '=', arg.tenant)
        .where(condition(name, arg))
        .where('event_id', '>=', arg.low as Id<'evt'>)
        .where('event_id', '<', arg.high as Id<'evt'>)
        .where('time', '>=', arg.from)
        .where('time', '<', arg.until)
        .where((row) =>
          row.and([
            row.or([leftOut(arg.action), row('action', '=', arg.action)]),
            row.or([leftOut(arg.prefix), beginsWith(arg.prefix)]),
            row.or([leftOut(arg.class), row('class', '=', arg.class as never)]),
            row.or([leftOut(arg.outcome), row('outcome', '=', arg.outcome as never)]),
            row.or([leftOut(arg.actor), row('actor_id', '=', arg.actor as never)]),
            row.or([leftOut(arg.resource), row('resource_id', '=', arg.resource)]),
            row.or([leftOut(arg.scope), row('scope', '=', arg.scope as never)]),
          ]),
        )
        .orderBy('event_id', direction)
        .limit(arg.limit),
    ),
  } as const
}

type Lookups = Readonly<Record<StreamName, ReturnType<typeof streamQueries>>>

function inDirection(condition: Condition, direction: Direction): Lookups {
  const entries = streamNames.map((name) => [name, streamQueries(condition, name, direction)])
  return Object.fromEntries(entries) as Lookups
}

/** Of events that have their place in the log, by an index each; `all` is of those that wait, too. */
export const lookups = { asc: inDirection(placed, 'asc'), desc: inDirection(placed, 'desc') }

/** Of those that wait for their place. */
export const waitingLookups = {
  asc: inDirection(waiting, 'asc'),
  desc: inDirection(waiting, 'desc'),
}

type Of = { tenant: Id<'ten'> }

/** How many there are in each of some neighbouring stretches: a look at the index for each. */
function countedIn(name: StretchedName) {
  return query((db, arg: Of & { value: string; first: number; last: number }) =>
    db
      .withRecursive('stretches(number)', (cte) =>
        cte
          .selectNoFrom(sql<number>`cast(${arg.first} as bigint)`.as('number'))
          .unionAll(
            cte
              .selectFrom('stretches')
              .select(sql<number>`number + 1`.as('number'))
              .where('number', '<', arg.last),
          ),
      )
      .selectFrom('stretches')
      .select(({ selectFrom }) => [
        'number as stretch',
        selectFrom('audit_events')
          .select(({ fn }) => fn.countAll<number>().as('entries'))
          .where('tenant_id', '=', arg.tenant)
          .where(placed(name, { value: arg.value, stretch: sql.ref('stretches.number') }))
          .as('entries'),
      ]),
  )
}

/** Some event of the first stretch from one on that an index has anything of; or of the last up to one. */
function nearestTo(name: StretchedName, direction: Direction) {
  return query((db, arg: Of & { stretch: number }) =>
    db
      .selectFrom('audit_events')
      .select(['stretch', 'event_id'])
      .where('tenant_id', '=', arg.tenant)
      .where(inStretches(name))
      .where('stretch', direction === 'asc' ? '>=' : '<=', arg.stretch)
      .orderBy('stretch', direction)
      .limit(1),
  )
}

function ofStretched<Made>(make: (name: StretchedName) => Made) {
  const made = stretched.map((name) => [name, make(name)] as const)
  return Object.fromEntries(made) as Readonly<Record<StretchedName, Made>>
}

export const countsIn = ofStretched(countedIn)

export const nearest = {
  asc: ofStretched((name) => nearestTo(name, 'asc')),
  desc: ofStretched((name) => nearestTo(name, 'desc')),
}

/** The next action there is, of those that are not common; the words of a log are few. */
export const nextAction = query((db, arg: { tenant: Id<'ten'>; after: string }) =>
  db
    .selectFrom('audit_events')
    .select('action')
    .where('tenant_id', '=', arg.tenant)
    .where(rareAction())
    .where('action', '>', arg.after)
    .orderBy('action')
    .limit(1),
)
