/** All events by their ids: which have no place, and which should. */
import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { refusedLeaf } from '../audit-logs/audit-log.ts'
import { findLog } from '../audit-logs/store.ts'
import { type CheckStep, type FoundFault, faultOf } from './audit-check.ts'
import { placedEvents } from './store.ts'

/** The first batch of a log that was slept over takes a moment; a minute is none. */
const wait_ms_max = minute_ms

export async function checkRows(
  store: TenantStore,
  after: string,
  now: number,
): Promise<CheckStep> {
  const size = (await findLog(store))?.size ?? 0
  const limit = limits.sweep_rows
  const rows = await placedEvents(store, { after, limit })
  const faults: FoundFault[] = []
  for (const { event_id: event, time, leaf } of rows) {
    if (leaf === refusedLeaf) faults.push(faultOf('event-refused', { event }))
    else if (leaf === null && time < now - wait_ms_max) {
      faults.push(faultOf('event-waiting', { event }))
    } else if (leaf !== null && leaf >= size) {
      faults.push(faultOf('event-outside', { event, leaf }))
    }
  }
  const next = rows.length < limit ? null : (rows.at(-1)?.event_id ?? null)
  return { faults, looked: rows.length, unknown: 0, next }
}
