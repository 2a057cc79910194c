/**
 * The entries after the last full tile. They are nowhere but in the rows of their events, or kept where one of
 * these was purged, so what they have to be is told by the root that the checkpoint signs.
 */
import type { TenantStore } from '../../storage/tenant-store.ts'
import { readCheckpointText } from '../../tlog/checkpoint.ts'
import { Frontier, isSame, leafHash, wholeSubtrees } from '../../tlog/merkle.ts'
import { readNote } from '../../tlog/signed-note.ts'
import { hashesFrom, tile_hashes } from '../../tlog/tiles.ts'
import { type AuditLogRow, type EventRow, entryOf } from '../audit-logs/audit-log.ts'
import { keptTail, treeTiles } from '../audit-logs/tree.ts'
import { isIntegrityFailure } from './audit-check.ts'

/** `unknown`: some are missing, or the tiles before them do not say what they follow. */
export type Tail = { readonly entries: readonly Uint8Array[] } | 'differs' | 'unknown'

/**
 * What the entries are, by the root: as the rows stand, or in the order of their ids, in which a batch
 * gets its places; so of rows that were exchanged it is known which.
 */
export async function tailOf(
  store: TenantStore,
  log: AuditLogRow,
  rows: readonly EventRow[],
): Promise<Tail> {
  const first = log.size - (log.size % tile_hashes)
  const kept = await keptTail(store, first / tile_hashes)
  const later = rows.filter(({ leaf }) => (leaf ?? 0) >= first + kept.length)
  if (later.length !== log.size - first - kept.length) return 'unknown'
  const before = await treeBefore(store, first)
  if (!before) return 'unknown'
  const root = rootOf(log)
  const sorted = later.toSorted((one, other) => (one.event_id < other.event_id ? -1 : 1))
  for (const order of [later, sorted]) {
    const tree = new Frontier(first, before)
    const entries = [...kept, ...order.map(entryOf)]
    for (const entry of entries) tree.add(leafHash(entry))
    if (root && isSame(tree.root(), root)) return { entries }
  }
  return 'differs'
}

/** Which tile is not whole is told by who reads all of them. */
async function treeBefore(store: TenantStore, size: number): Promise<Uint8Array[] | null> {
  try {
    return await Promise.all(wholeSubtrees(0, size).map(hashesFrom(size, treeTiles(store))))
  } catch (thrown) {
    if (isIntegrityFailure(thrown)) return null
    throw thrown
  }
}

/** The row was checked by its MAC, so its checkpoint is the one that was signed. */
function rootOf({ checkpoint, size }: AuditLogRow): Uint8Array | null {
  const note = readNote(checkpoint)
  const head = note && readCheckpointText(note.text)
  return head?.size === size ? head.root : null
}
