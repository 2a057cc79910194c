/** The events that have a place, against the entries of the log. */
import type { TenantStore } from '../../storage/tenant-store.ts'
import { readLeaf } from '../../tlog/leaf.ts'
import { isSame } from '../../tlog/merkle.ts'
import { fromBundle, tile_hashes, widthIn } from '../../tlog/tiles.ts'
import type { EventBody } from '../audit/event.ts'
import { isProven, proofVersion } from '../audit/event-proof.ts'
import { openContent } from '../audit/open-event.ts'
import { type EventRow, entryOf } from '../audit-logs/audit-log.ts'
import { findLog, wholeEventsFrom } from '../audit-logs/store.ts'
import { readTile } from '../audit-logs/tree.ts'
import { type CheckStep, type FoundFault, faultOf, isIntegrityFailure } from './audit-check.ts'
import { changesOf, faultAfter } from './stored-memory.ts'

/** So many memories are opened in a step, and some more of its last event. */
const memories_perStep = 500

/** Looks at one bundle at most. */
export async function checkLeaves(store: TenantStore, after: string): Promise<CheckStep> {
  const log = await findLog(store)
  const from = after === '' ? (log?.first_index ?? 0) : Number(after) + 1
  if (!log || from >= log.size) return { faults: [], looked: 0, unknown: 0, next: null }
  const index = Math.floor(from / tile_hashes)
  const until = index * tile_hashes + widthIn(log.size, { level: 0, index })
  const rows = await wholeEventsFrom(store, { from, until, limit: 2 * tile_hashes })
  const entries = await entriesOf(store, { index, width: until - index * tile_hashes })
  const check = new LeavesCheck(store)
  // Where a tail has a gap its entries cannot be made; what is missing is named by its place.
  if (!entries && until % tile_hashes === 0) check.add(faultOf('entries-damaged', { leaf: from }))
  let leaf = from
  for (; leaf < until && check.memories < memories_perStep; leaf += 1) {
    const entry = entries?.[leaf - index * tile_hashes] ?? null
    await check.look({ leaf, entry, rows: rows.filter((row) => row.leaf === leaf) })
  }
  const { faults } = check
  return { faults, looked: leaf - from, unknown: 0, next: String(leaf - 1) }
}

async function entriesOf(
  store: TenantStore,
  { index, width }: { index: number; width: number },
): Promise<Uint8Array[] | null> {
  const bytes = await readTile(store, { level: 'entries', index, width })
  return bytes && fromBundle(bytes, width)
}

interface Place {
  readonly leaf: number
  /** Null when it cannot be read. */
  readonly entry: Uint8Array | null
  readonly rows: readonly EventRow[]
}

class LeavesCheck {
  readonly #store: TenantStore
  readonly faults: FoundFault[] = []
  memories = 0

  constructor(store: TenantStore) {
    this.#store = store
  }

  add(fault: FoundFault): void {
    this.faults.push(fault)
  }

  async look({ leaf, entry, rows: [row, ...others] }: Place): Promise<void> {
    if (!row) {
      const event = entry && (readLeaf(entry)?.id ?? null)
      this.add(faultOf('event-missing', { leaf, event }))
      return
    }
    for (const { event_id: event } of others) this.add(faultOf('event-repeated', { leaf, event }))
    const about = { leaf, event: row.event_id }
    if (entry && !isSame(entryOf(row), entry)) this.add(faultOf('event-replaced', about))
    if (!(await this.#isProven(row))) this.add(faultOf('event-altered', about))
    await this.#lookAtMemories(row, await this.#open(row))
  }

  /** Events of before there were proofs have none; their entries hold what they say. */
  async #isProven(row: EventRow): Promise<boolean> {
    if (row.proof === null) return true
    const version = proofVersion(row.proof)
    if (version === undefined) return false
    return isProven(await this.#store.keys('lookup', version), row)
  }

  async #open(row: EventRow): Promise<EventBody | null> {
    try {
      return (await openContent(this.#store, row)).body
    } catch (thrown) {
      if (!isIntegrityFailure(thrown)) throw thrown
      this.add(faultOf('content-altered', { leaf: row.leaf, event: row.event_id }))
      return null
    }
  }

  async #lookAtMemories(row: EventRow, body: EventBody | null): Promise<void> {
    for (const change of changesOf(body)) {
      this.memories += 1
      const fault = await faultAfter(this.#store, change)
      if (!fault) continue
      this.add(faultOf(fault, { leaf: row.leaf, event: row.event_id, memory: change.id }))
    }
  }
}
