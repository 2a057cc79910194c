/** The events that have a place, against the entries of the log. */
import { isId } from '../../core/ids.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { readLeaf } from '../../tlog/leaf.ts'
import { isSame } from '../../tlog/merkle.ts'
import { fromBundle, tile_hashes, widthIn } from '../../tlog/tiles.ts'
import type { EventBody } from '../audit/event.ts'
import { openContent } from '../audit/open-event.ts'
import { isProvenRow } from '../audit/proven-row.ts'
import { type AuditLogRow, type EventRow, entryOf } from '../audit-logs/audit-log.ts'
import { isPurged, type PurgedBefore, purgedBefore } from '../audit-logs/purged.ts'
import { findLog, wholeEventsFrom } from '../audit-logs/store.ts'
import { keptTail, readTile } from '../audit-logs/tree.ts'
import { isDestroyed } from '../spaces/store.ts'
import { type CheckStep, type FoundFault, faultOf, isIntegrityFailure } from './audit-check.ts'
import { tailOf } from './check-tail.ts'
import { firstProof, hasEvent } from './store.ts'
import { changesOf, faultAfter } from './stored-memory.ts'

/** So many memories are opened in a step, and some more of its last event. */
const memories_perStep = 500

/** Looks at one bundle at most. `provenSince`: when events began to have proofs. */
export async function checkLeaves(
  store: TenantStore,
  after: string,
  provenSince: number,
): Promise<CheckStep> {
  const log = await findLog(store)
  const from = after === '' ? (log?.first_index ?? 0) : Number(after) + 1
  if (!log || from >= log.size) return { faults: [], looked: 0, unknown: 0, next: null }
  const index = Math.floor(from / tile_hashes)
  const width = widthIn(log.size, { level: 0, index })
  const start = index * tile_hashes
  const range = { from: start, until: start + width, limit: 2 * tile_hashes }
  const rows = await wholeEventsFrom(store, range)
  const { entries, fault } = await entriesOf(store, log, { index, width, rows })
  const check = new LeavesCheck(store, { purged: await purgedBefore(store), provenSince })
  if (fault) check.faults.push(faultOf(fault, { leaf: start }))
  const placed = Map.groupBy(rows, (row) => row.leaf)
  let leaf = from
  for (; leaf < range.until && check.memories < memories_perStep; leaf += 1) {
    await check.look({ leaf, entry: entries?.[leaf - start] ?? null, rows: placed.get(leaf) ?? [] })
  }
  const { faults } = check
  return { faults, looked: leaf - from, unknown: 0, next: String(leaf - 1) }
}

interface BundleOf {
  readonly index: number
  readonly width: number
  readonly rows: readonly EventRow[]
}

interface Entries {
  /** Null when they are not known; where there is a gap, those before it alone. */
  readonly entries: readonly Uint8Array[] | null
  readonly fault: 'entries-damaged' | 'tail-differs' | null
}

async function entriesOf(
  store: TenantStore,
  log: AuditLogRow,
  { index, width, rows }: BundleOf,
): Promise<Entries> {
  if (width < tile_hashes) {
    const tail = await tailOf(store, log, rows)
    if (tail === 'differs') return { entries: null, fault: 'tail-differs' }
    // Where it has a gap, what is missing is named by its place.
    const entries = tail === 'unknown' ? await keptTail(store, index) : tail.entries
    return { entries, fault: null }
  }
  const bytes = await readTile(store, { level: 'entries', index, width })
  const entries = bytes && fromBundle(bytes, width)
  return { entries, fault: entries ? null : 'entries-damaged' }
}

interface Place {
  readonly leaf: number
  /** Null when it cannot be read. */
  readonly entry: Uint8Array | null
  readonly rows: readonly EventRow[]
}

class LeavesCheck {
  readonly #store: TenantStore
  readonly #purged: PurgedBefore
  readonly #provenSince: number
  readonly faults: FoundFault[] = []
  memories = 0

  constructor(
    store: TenantStore,
    { purged, provenSince }: { purged: PurgedBefore; provenSince: number },
  ) {
    this.#store = store
    this.#purged = purged
    this.#provenSince = provenSince
  }

  async look({ leaf, entry, rows: [row, ...others] }: Place): Promise<void> {
    if (!row) {
      await this.#lookForMissing(leaf, entry)
      return
    }
    for (const { event_id: event } of others) this.#add('event-repeated', { leaf, event })
    const about = { leaf, event: row.event_id }
    if (entry && !isSame(entryOf(row), entry)) this.#add('event-replaced', about)
    if (!(await this.#isProven(row))) this.#add('event-altered', about)
    await this.#lookAtMemories(row, await this.#open(row))
  }

  #add(...fault: Parameters<typeof faultOf>): void {
    this.faults.push(faultOf(...fault))
  }

  async #lookForMissing(leaf: number, entry: Uint8Array | null): Promise<void> {
    const known = entry && readLeaf(entry)
    const event = known?.id ?? null
    const isElsewhere = event !== null && (await hasEvent(this.#store, event))
    if (known && !isElsewhere && isPurged(this.#purged, known)) return
    this.#add(isElsewhere ? 'event-moved' : 'event-missing', { leaf, event })
  }

  /** Events of before there were proofs have none. They stand before all others, and are older, as their entries say. */
  async #isProven(row: EventRow): Promise<boolean> {
    if (row.proof !== null) return isProvenRow(this.#store, row)
    if (row.time >= this.#provenSince) return false
    const first = await firstProof(this.#store)
    return first === null || (row.leaf ?? 0) < first
  }

  async #open(row: EventRow): Promise<EventBody | null> {
    const about = { leaf: row.leaf, event: row.event_id }
    try {
      const { body, origin } = await openContent(this.#store, row)
      const isGone = (body === null && !(await this.#isErased(row))) || origin === null
      if (isGone) this.#add('content-missing', about)
      return body
    } catch (thrown) {
      if (!isIntegrityFailure(thrown)) throw thrown
      this.#add('content-altered', about)
      return null
    }
  }

  /** Of all keys only those of spaces are ever destroyed. */
  async #isErased({ scope }: EventRow): Promise<boolean> {
    return isId('spc', scope) && (await isDestroyed(this.#store, scope))
  }

  async #lookAtMemories(row: EventRow, body: EventBody | null): Promise<void> {
    for (const change of changesOf(body)) {
      this.memories += 1
      const fault = await faultAfter(this.#store, change)
      if (!fault) continue
      this.#add(fault, { leaf: row.leaf, event: row.event_id, memory: change.id })
    }
  }
}
