/**
 * Audit logs: the events of one tenant, or of the instance, as the leaves of a Merkle tree (RFC 6962)
 * that is kept in tiles and signed in checkpoints (C2SP). What this file does not do: it reads and
 * writes nothing.
 */
import { type Id, instanceTenant } from '../../core/ids.ts'
import type { Tables } from '../../storage/tables.ts'
import { leafEntry } from '../../tlog/leaf.ts'

export type AuditLogRow = Tables['audit_logs']
export type EventRow = Tables['audit_events']

/** The level that entry bundles stand at in the table of tiles; hash tiles have 0 and more. */
export const entryLevel = -1

/** The level of the one bundle that is not full, where an event has gone whose entry stands in it. */
export const tailLevel = -2

/** The leaf of an event that is not believed, so that it is none. */
export const refusedLeaf = -1

/** The entry that the log has, or would have, for this event. */
export function entryOf(row: Pick<EventRow, 'event_id' | 'time' | 'class' | 'commitment'>) {
  return leafEntry({
    id: row.event_id,
    time: row.time,
    class: row.class,
    hash: row.commitment,
  })
}

/** How a log is called among all logs: where its server is reached, or what nobody else is called, and whose it is. */
export function originOf(server: string, tenant: Id<'ten'>): string {
  return `${server}/${tenant === instanceTenant ? 'instance' : tenant}`
}
