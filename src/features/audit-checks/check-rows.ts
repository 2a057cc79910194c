/** All events by their ids: which have no place, and which should. */
import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { noStretch, stretch_leaves } from '../../storage/audit-streams.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { isProvenRow } from '../audit/proven-row.ts'
import { findLog } from '../audit-logs/store.ts'
import { type CheckFault, type CheckStep, faultOf } from './audit-check.ts'
import { type PlacedRow, placedEvents, waitingEvents } from './store.ts'

/** The first batch of a log that was slept over takes a moment; a minute is none. */
const wait_ms_max = minute_ms

/** What was looked at last: an event, and the last place until there that is in a stretch of the log; or nothing yet. */
export const rowsShape = /^(?:evt_[0-9A-Z]{26}\.-?\d{1,15})?$/

interface LogNow {
  readonly first: number
  readonly size: number
  readonly isBroken: boolean
  readonly now: number
  /** Of the events that wait, those that no leaf would be made of. */
  readonly altered: ReadonlySet<string>
}

export async function checkRows(store: TenantStore, from: string, now: number): Promise<CheckStep> {
  const [after = '', placeBefore = '-1'] = from.split('.')
  const log = await findLog(store)
  const { first_index: first = 0, size = 0, state = 'adopting' } = log ?? {}
  const isBroken = state === 'broken'
  const limit = limits.sweep_rows
  const rows = await placedEvents(store, { after, limit })
  const last = rows.at(-1)?.event_id ?? after
  const altered = await alteredOf(store, { after, last, adopts: state === 'adopting' })
  const faults = isBroken && after === '' ? [faultOf('log-broken')] : []
  let before = Number(placeBefore)
  for (const row of rows) {
    const { event_id: event, leaf, stretch } = row
    const wrong = faultIn(row, { first, size, isBroken, now, altered })
    const fault = wrong ?? (isFiled(row, before) ? null : 'event-misfiled')
    if (fault) faults.push(faultOf(fault, { event, leaf: placeOf(leaf) }))
    if (stretch !== noStretch) before = leaf ?? before
  }
  const next = rows.length < limit ? null : `${last}.${before}`
  return { faults, looked: rows.length, unknown: 0, next }
}

/** What is below zero is no place. */
const placeOf = (leaf: number | null): number | null => (leaf !== null && leaf >= 0 ? leaf : null)

function faultIn({ event_id, time, leaf }: PlacedRow, log: LogNow): CheckFault | null {
  if (leaf === null) {
    if (log.altered.has(event_id)) return 'event-altered'
    // Where nothing is added, all that comes waits.
    return log.isBroken || time >= log.now - wait_ms_max ? null : 'event-waiting'
  }
  if (leaf < 0) return 'event-refused'
  return leaf < log.first || leaf >= log.size ? 'event-outside' : null
}

/**
 * Whether a question finds it: what is in a stretch of the log is in that of its place, and behind all that has a lower id,
 * the last of which stands at `before`.
 */
function isFiled({ leaf, stretch }: PlacedRow, before: number): boolean {
  if (stretch === noStretch) return true
  return leaf !== null && stretch === Math.floor(leaf / stretch_leaves) && leaf > before
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
