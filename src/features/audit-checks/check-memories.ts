/** All memories by their ids: whether an event speaks of each as it is. */
import { minute_ms, second_ms } from '../../core/clock.ts'
import { toBase32 } from '../../core/encoding.ts'
import { limits } from '../../core/limits.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { openContent } from '../audit/open-event.ts'
import type { EventRow } from '../audit-logs/audit-log.ts'
import { purgedBefore } from '../audit-logs/purged.ts'
import { type CheckStep, type FoundFault, faultOf, isIntegrityFailure } from './audit-check.ts'
import { eventsAfter, memoriesAfter } from './store.ts'
import { changesOf, type KeptVersion, keptVersion } from './stored-memory.ts'

type MemoryRow = Awaited<ReturnType<typeof memoriesAfter>>[number]

export async function checkMemories(store: TenantStore, after: string): Promise<CheckStep> {
  const limit = memories_perStep
  const { write: gone_before = 0 } = await purgedBefore(store)
  const rows = await memoriesAfter(store, { after, limit })
  const faults: FoundFault[] = []
  let unknown = 0
  for (const row of rows) {
    const found = row.state === 'deleted' ? 'told' : await lookAt(store, row, gone_before)
    if (found === 'unknown') unknown += 1
    else if (found !== 'told') faults.push(faultOf(found, { memory: row.memory_id }))
  }
  const next = rows.length < limit ? null : (rows.at(-1)?.memory_id ?? null)
  return { faults, looked: rows.length, unknown, next }
}

type Found = 'told' | 'unknown' | 'memory-damaged' | 'memory-unknown'

async function lookAt(store: TenantStore, row: MemoryRow, gone_before: number): Promise<Found> {
  const kept = await keptVersion(store, row.memory_id)
  if (kept === null) return 'told'
  if (kept === 'damaged') return 'memory-damaged'
  const found = await whetherTold(store, row, kept)
  // The event of a change that is so old need not be there any more.
  const isGone = found === 'memory-unknown' && kept.updatedAt < gone_before + slack_ms
  return isGone ? 'unknown' : found
}

/** The event of a change has an id of its moment, give or take what clocks do. */
async function whetherTold(store: TenantStore, row: MemoryRow, kept: KeptVersion): Promise<Found> {
  // Nearly always it is among the first that follow, however many were just before.
  const found = await toldSince(store, row, { ...kept, since: kept.updatedAt })
  return found === 'told'
    ? found
    : toldSince(store, row, { ...kept, since: kept.updatedAt - slack_ms })
}

async function toldSince(
  store: TenantStore,
  row: MemoryRow,
  { version, updatedAt, since }: KeptVersion & { readonly since: number },
): Promise<Found> {
  const limit = limits.sweep_rows
  const events = await eventsAfter(store, { after: eventIdAt(since), limit })
  for (const event of events) {
    if (event.class !== 'write' || event.outcome !== 'allowed') continue
    if (event.scope !== row.space_id && event.scope !== 'tenant') continue
    const changes = await changesIn(store, event)
    if (changes.some((one) => one.id === row.memory_id && one.version === version)) return 'told'
  }
  const last = events.at(-1)
  const isCut = events.length === limit && last !== undefined && last.time < updatedAt + minute_ms
  return isCut ? 'unknown' : 'memory-unknown'
}

const slack_ms = 5 * second_ms
/** Each is held against the events of its time. */
const memories_perStep = 25

/** Below every id of an event that was made at that moment. */
function eventIdAt(time_ms: number): string {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Math.max(0, time_ms)) << 16n)
  return `evt_${toBase32(bytes)}`
}

/** What does not open is told where its place is looked at. */
async function changesIn(
  store: TenantStore,
  event: EventRow,
): Promise<ReturnType<typeof changesOf>> {
  try {
    return changesOf((await openContent(store, event)).body)
  } catch (thrown) {
    if (isIntegrityFailure(thrown)) return []
    throw thrown
  }
}
