/** The indexes that this process has in RAM, in the order of their use. */
import type { Id } from '../../core/ids.ts'
import type { SnapshotOwner } from '../../storage/snapshots.ts'
import type { SpaceIndex } from './space-index.ts'

/** The index of one space, as of `seq`. */
export interface Entry {
  readonly owner: SnapshotOwner
  seq: number
  index: SpaceIndex
  /** As last accounted. */
  bytes: number
  /** Whether it has caught up with its space at some time: half an index is not worth a snapshot. */
  whole: boolean
  /** The `seq` of the space's snapshot; null when there is none, or it must not stay. */
  saved: number | null
  /** The last deletion that was followed: no snapshot from before it may stay. */
  deletedAt: number
}

/** The entries of a process, the least recently used leaving when they hold more than `bytes_max`. */
export interface Shelf {
  find(space: Id<'spc'>): Entry | undefined
  /** The entry of a space, now the most recently used; `held` comes back when it had to leave. */
  use(owner: SnapshotOwner, held?: Entry): Entry
  drop(space: Id<'spc'>): void
  /** Counts what an entry holds now. */
  account(entry: Entry): void
  /** The most recently used first. */
  all(): Entry[]
  readonly spaces: number
  /** In all of them together. */
  readonly documents: number
  readonly bytes: number
}

export interface ShelfOptions {
  readonly bytes_max: number
  readonly create: () => SpaceIndex
  /** Told of an entry that has just left for want of room. */
  readonly leaving: (entry: Entry) => void
}

/** An index that has seen nothing. */
export function newEntry(owner: SnapshotOwner, index: SpaceIndex): Entry {
  return { owner, seq: 0, index, bytes: 0, whole: false, saved: null, deletedAt: 0 }
}

export function createShelf({ bytes_max, create, leaving }: ShelfOptions): Shelf {
  const entries = new Map<Id<'spc'>, Entry>()
  let total_bytes = 0

  const drop = (space: Id<'spc'>): void => {
    const entry = entries.get(space)
    total_bytes -= entry?.bytes ?? 0
    entry?.index.leave()
    entries.delete(space)
  }

  const account = (entry: Entry): void => {
    if (entries.get(entry.owner.space) !== entry) return
    const { bytes } = entry.index
    total_bytes += bytes - entry.bytes
    entry.bytes = bytes
    for (const [space, oldest] of entries) {
      if (total_bytes <= bytes_max || entries.size === 1) return
      drop(space)
      leaving(oldest)
    }
  }

  return {
    find: (space) => entries.get(space),
    use: (owner, held) => {
      const known = entries.get(owner.space)
      const entry = known ?? held ?? newEntry(owner, create())
      entries.delete(owner.space)
      entries.set(owner.space, entry)
      if (!known) {
        entry.bytes = 0
        entry.index.keep()
        account(entry)
      }
      return entry
    },
    drop,
    account,
    all: () => [...entries.values()].reverse(),
    get spaces() {
      return entries.size
    },
    get documents() {
      let count = 0
      for (const { index } of entries.values()) count += index.size
      return count
    },
    get bytes() {
      return total_bytes
    },
  }
}
