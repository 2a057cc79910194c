/** Every query of the checks of audit logs: they read, page by page. */
import { sql } from 'kysely'
import type { Id } from '../../core/ids.ts'
import { query } from '../../storage/query.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'

type Of = { tenant: Id<'ten'> }

interface Page {
  readonly tenant: Id<'ten'>
  readonly after: string
  readonly limit: number
}

const placed = query((db, arg: Page) =>
  db
    .selectFrom('audit_events')
    .select(['event_id', 'time', 'leaf', 'stretch'])
    .where('tenant_id', '=', arg.tenant)
    .where('event_id', '>', arg.after as Id<'evt'>)
    .orderBy('event_id')
    .limit(arg.limit),
)

const memories = query((db, arg: Page) =>
  db
    .selectFrom('memories')
    .select(['memory_id', 'space_id', 'state'])
    .where('tenant_id', '=', arg.tenant)
    .where('memory_id', '>', arg.after as Id<'mem'>)
    .orderBy('memory_id')
    .limit(arg.limit),
)

/** Of the events after this one, so many rows of all kinds. */
const following = query((db, arg: Page) =>
  db
    .selectFrom('audit_events')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('event_id', '>', arg.after as Id<'evt'>)
    .orderBy('event_id')
    .limit(arg.limit),
)

/** Whole rows of those of a page that wait for a place. */
const waiting = query((db, arg: Page & { last: string }) =>
  db
    .selectFrom('audit_events')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('leaf', 'is', null)
    .where('event_id', '>', arg.after as Id<'evt'>)
    .where('event_id', '<=', arg.last as Id<'evt'>)
    .orderBy('event_id')
    .limit(arg.limit),
)

const byId = query((db, arg: Of & { id: string }) =>
  db
    .selectFrom('audit_events')
    .select('event_id')
    .where('tenant_id', '=', arg.tenant)
    .where('event_id', '=', arg.id as Id<'evt'>),
)

/** The first that has a proof. The condition on the place is that of the index. */
const firstProven = query((db, arg: Of) =>
  db
    .selectFrom('audit_events')
    .select('leaf')
    .where('tenant_id', '=', arg.tenant)
    .where(sql<boolean>`leaf >= 0`)
    .where('proof', 'is not', null)
    .orderBy('leaf')
    .limit(1),
)

type PageOf = Omit<Page, 'tenant'>

export type PlacedRow = Pick<Tables['audit_events'], 'event_id' | 'time' | 'leaf' | 'stretch'>

export function placedEvents(store: TenantStore, page: PageOf): Promise<PlacedRow[]> {
  return store.all(placed, page)
}

export function memoriesAfter(
  store: TenantStore,
  page: PageOf,
): Promise<Pick<Tables['memories'], 'memory_id' | 'space_id' | 'state'>[]> {
  return store.all(memories, page)
}

export function eventsAfter(store: TenantStore, page: PageOf): Promise<Tables['audit_events'][]> {
  return store.all(following, page)
}

/** Of a page of rows, those without a place: whole, since nothing else proves them yet. */
export function waitingEvents(
  store: TenantStore,
  page: PageOf & { last: string },
): Promise<Tables['audit_events'][]> {
  return store.all(waiting, page)
}

export async function hasEvent(store: TenantStore, id: string): Promise<boolean> {
  return (await store.first(byId, { id })) !== undefined
}

/** The place from which on every event has a proof; null: none has. */
export async function firstProof(store: TenantStore): Promise<number | null> {
  return (await store.first(firstProven, {}))?.leaf ?? null
}
