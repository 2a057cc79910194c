/** All events by their ids: which have no place, and which should. */
import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { noStretch, stretch_leaves } from '../../storage/audit-streams.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { isProvenRow } from '../audit/proven-row.ts'
import { findLog } from '../audit-logs/store.ts'
import { type CheckFault, type CheckStep, faultOf } from './audit-check.ts'
import { lastInStretch, type PlacedRow, placedEvents, waitingEvents } from './store.ts'

/** The first batch of a log that was slept over takes a moment; a minute is none. */
const wait_ms_max = minute_ms

export async function checkRows(
  store: TenantStore,
  after: string,
  now: number,
): Promise<CheckStep> {
  const log = await findLog(store)
  const { first_index: first = 0, size = 0, state = 'adopting' } = log ?? {}
  const isBroken = state === 'broken'
  const limit = limits.sweep_rows
  const rows = await placedEvents(store, { after, limit })
  const last = rows.at(-1)?.event_id ?? after
  const altered = await alteredOf(store, { after, last, adopts: state === 'adopting' })
  const isFiled = await filing(store, after)
  const unplacedFault = ({ event_id, time }: PlacedRow): CheckFault | null => {
    if (altered.has(event_id)) return 'event-altered'
    // Where nothing is added, all that comes waits.
    return isBroken || time >= now - wait_ms_max ? null : 'event-waiting'
  }
  const wrong = (row: PlacedRow): CheckFault | null => {
    const { leaf } = row
    if (leaf !== null && leaf < 0) return 'event-refused'
    if (leaf !== null && (leaf < first || leaf >= size)) return 'event-outside'
    if (!isFiled(row)) return 'event-misfiled'
    return leaf === null ? unplacedFault(row) : null
  }
  const faults = isBroken && after === '' ? [faultOf('log-broken')] : []
  for (const row of rows) {
    const fault = wrong(row)
    const leaf = row.leaf !== null && row.leaf >= 0 ? row.leaf : null
    if (fault) faults.push(faultOf(fault, { event: row.event_id, leaf }))
  }
  return { faults, looked: rows.length, unknown: 0, next: rows.length < limit ? null : last }
}

/**
 * Tells of each row, asked in their order, whether a question finds it: what is in a stretch of the log is in that of its
 * place, and behind all that has a lower id.
 */
async function filing(store: TenantStore, after: string): Promise<(row: PlacedRow) => boolean> {
  let last = await lastInStretch(store, after)
  return ({ leaf, stretch }) => {
    if (stretch === noStretch) return true
    const before = last
    last = leaf ?? last
    return leaf !== null && stretch === Math.floor(leaf / stretch_leaves) && leaf > before
  }
}

/** Of the events that wait, those that no leaf would be made of. */
async function alteredOf(
  store: TenantStore,
  { after, last, adopts }: { after: string; last: string; adopts: boolean },
): Promise<ReadonlySet<string>> {
  const rows = await waitingEvents(store, { after, last, limit: limits.sweep_rows })
  const altered = new Set<string>()
  for (const row of rows) {
    if (row.proof === null ? adopts : await isProvenRow(store, row)) continue
    altered.add(row.event_id)
  }
  return altered
}
