/**
 * What retention has taken out of a log. Every purge is an event that tells, for each class, before
 * which moment nothing of it has to be there any more; so what an audit log lacks is accounted for by
 * the log itself, and who checks it offline needs no word of the server.
 */
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { query } from '../../storage/query.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type EventClass, eventClasses } from '../audit/event.ts'
import { openContent } from '../audit/open-event.ts'
import { isProvenRow } from '../audit/proven-row.ts'
import { findEvent } from './store.ts'

/** The action of the event of a purge. */
export const purgedAction = 'audit-events.purged'

/** Milliseconds since the epoch, by class; a class that is not named has lost nothing. */
export type PurgedBefore = Readonly<Partial<Record<EventClass, number>>>

const newest = query((db, arg: { tenant: Id<'ten'> }) =>
  db
    .selectFrom('audit_purges')
    .select('event_id')
    .where('tenant_id', '=', arg.tenant)
    .where('event_id', 'is not', null)
    .orderBy('event_id', 'desc')
    .limit(1),
)

/** The event of the newest purge, which tells what all of them have come to; null: there was none. */
export async function newestPurge(store: TenantStore): Promise<Id<'evt'> | null> {
  return (await store.first(newest, {}))?.event_id ?? null
}

/** What may be missing of a log; nothing, where the event that would tell is not there or not believed. */
export async function purgedBefore(store: TenantStore): Promise<PurgedBefore> {
  const id = await newestPurge(store)
  const row = id && (await findEvent(store, id))
  if (row?.action !== purgedAction || !(await isProvenRow(store, row))) return {}
  try {
    const { body } = await openContent(store, row)
    return purgedIn(body?.details)
  } catch (thrown) {
    // That it says something else is told where its place is looked at.
    if (thrown instanceof LocketError && thrown.code === 'integrity_failed') return {}
    throw thrown
  }
}

/** Whether the event of an entry need not be there any more. */
export function isPurged(
  purged: PurgedBefore,
  { class: kind, time }: { readonly class: string; readonly time: number },
): boolean {
  const before = Object.entries(purged).find(([one]) => one === kind)?.[1]
  return before !== undefined && time < before
}

/** As the details of the event of a purge tell it. */
export function purgedIn(details: unknown): PurgedBefore {
  const told = membersOf(membersOf(details)['purgedBefore'])
  const times = eventClasses.map((kind) => [kind, Date.parse(String(told[kind]))] as const)
  return Object.fromEntries(times.filter(([, time]) => Number.isFinite(time)))
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
