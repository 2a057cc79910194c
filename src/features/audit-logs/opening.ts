/** What an event's entry was made of, and what its hash stands for. */
import { fromUtf8 } from '../../core/encoding.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { Opening } from '../../tlog/opening.ts'
import { openContent } from '../audit/open-event.ts'
import { type EventRow, entryOf } from './audit-log.ts'

export type OpenedEvent = Omit<Opening, 'leaf' | 'state'>

/**
 * The salt and the texts as they were hashed, so that who holds it with a proof needs nothing else. Null
 * where the key of what was sealed is destroyed. Throws `integrity_failed`.
 */
export async function openingOf(store: TenantStore, row: EventRow): Promise<OpenedEvent> {
  const { body, origin } = await openContent(store, row)
  const { salt, ...said } = body ?? {}
  return {
    ...unopened(row),
    salt: salt ?? null,
    origin: origin && JSON.stringify(origin),
    body: body && JSON.stringify(said),
  }
}

/** What stands in clear of it. */
export function unopened(row: EventRow): OpenedEvent {
  const { event_id: id, time, class: kind, action, outcome } = row
  const clear = { id, time, class: kind, action, outcome, actorId: row.actor_id }
  return {
    entry: fromUtf8(entryOf(row)),
    event: { ...clear, resourceId: row.resource_id },
    salt: null,
    origin: null,
    body: null,
  }
}
