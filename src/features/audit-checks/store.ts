/** Every query of the checks of audit logs: they read, page by page. */
import type { Id } from '../../core/ids.ts'
import { query } from '../../storage/query.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'

interface Page {
  readonly tenant: Id<'ten'>
  readonly after: string
  readonly limit: number
}

const placed = query((db, arg: Page) =>
  db
    .selectFrom('audit_events')
    .select(['event_id', 'time', 'leaf'])
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

type PageOf = Omit<Page, 'tenant'>

export function placedEvents(
  store: TenantStore,
  page: PageOf,
): Promise<Pick<Tables['audit_events'], 'event_id' | 'time' | 'leaf'>[]> {
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
