/**
 * The indexes of all spaces in this process. An index follows its space by sequence number: before
 * it answers it reads the rows above its own, in the snapshot that the answer comes from, so a write
 * is seen by the next recall on any node. The least recently used leave when memory runs out.
 */
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { DataKey } from '../../crypto/data-key.ts'
import type { PreparedSpace } from '../../kernel/context.ts'
import { Unprepared } from '../../kernel/operation.ts'
import type { SpaceStore, StoredMemory } from '../../storage/space-store.ts'
import { createSpaceIndex, type DocumentFields, type SpaceIndex } from './space-index.ts'
import { termSeed_bytes } from './tokens.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly indexes: SpaceIndexes
  }
}

/** Turns a stored record into what is indexed of it. */
export type ToDocument = (
  id: Id<'mem'>,
  record: Uint8Array,
) => { fields: DocumentFields; text: string }

export interface SpaceIndexes {
  /** Reads what is missing in short steps, so that a cold space does not hold up the others. */
  catchUp(space: PreparedSpace): Promise<HeldIndex>
  /**
   * The index as of this snapshot, for a read. Throws `Unprepared` when it is far behind. What was
   * caught up may have had to leave again for another space of the same request: `held` brings it
   * back.
   */
  current(space: SpaceStore, held?: HeldIndex): Promise<SpaceIndex>
  drop(space: Id<'spc'>): void
  readonly bytes: number
}

/** An index that a request holds on to from catching up until it has its answer. */
export interface HeldIndex {
  readonly seq: number
}

interface Entry extends HeldIndex {
  seq: number
  index: SpaceIndex
  /** As last accounted. */
  bytes: number
}

/** The entries of a process, the least recently used leaving when they hold more than `bytes_max`. */
interface Shelf {
  /** The entry of a space, now the most recently used; `held` comes back when it had to leave. */
  use(space: Id<'spc'>, held?: Entry): Entry
  drop(space: Id<'spc'>): void
  /** Counts what an entry holds now. */
  account(space: Id<'spc'>, entry: Entry): void
  readonly bytes: number
}

function createShelf(bytes_max: number, create: () => SpaceIndex): Shelf {
  const entries = new Map<Id<'spc'>, Entry>()
  let total_bytes = 0

  const drop = (space: Id<'spc'>): void => {
    total_bytes -= entries.get(space)?.bytes ?? 0
    entries.delete(space)
  }

  const account = (space: Id<'spc'>, entry: Entry): void => {
    if (entries.get(space) !== entry) return
    total_bytes += entry.index.bytes - entry.bytes
    entry.bytes = entry.index.bytes
    for (const oldest of entries.keys()) {
      if (total_bytes <= bytes_max || entries.size === 1) return
      drop(oldest)
    }
  }

  return {
    use: (space, held) => {
      const known = entries.get(space)
      const entry = known ?? held ?? { seq: 0, index: create(), bytes: 0 }
      entries.delete(space)
      entries.set(space, entry)
      if (!known) {
        entry.bytes = 0
        account(space, entry)
      }
      return entry
    },
    drop,
    account,
    get bytes() {
      return total_bytes
    },
  }
}

/** What the terms of an instance are hashed from: who has not the root key cannot know it. */
export function indexSeed(root: DataKey): Uint8Array {
  return root.mac('term-seed', []).subarray(0, termSeed_bytes)
}

export function createSpaceIndexes(options: {
  toDocument: ToDocument
  bytes_max: number
  /** What the hashes of terms start from; 8 bytes that stay the same from start to start. */
  seed: Uint8Array
}): SpaceIndexes {
  const create = (): SpaceIndex => createSpaceIndex({ seed: options.seed })
  const shelf = createShelf(options.bytes_max, create)

  const follow = (entry: Entry, row: StoredMemory): void => {
    if (row.record) {
      const { fields, text } = options.toDocument(row.id, row.record)
      entry.index.put(fields, text)
    } else entry.index.remove(row.id)
    entry.seq = row.seq
  }

  /** One step towards the snapshot's end; null when it is not reached. */
  const step = async (space: SpaceStore, held?: Entry): Promise<Entry | null> => {
    const { seq, seqFloor } = await space.position()
    const entry = shelf.use(space.id, held)
    if (entry.seq < seqFloor) Object.assign(entry, { seq: 0, index: create() })
    if (entry.seq >= seq) return entry
    const rows = await space.changesAfter(entry.seq, limits.indexCatchUp_rows)
    // Another request may have come this far while the rows were being read.
    for (const row of rows) if (row.seq > entry.seq) follow(entry, row)
    if (rows.length < limits.indexCatchUp_rows) entry.seq = Math.max(entry.seq, seq)
    shelf.account(space.id, entry)
    return entry.seq >= seq ? entry : null
  }

  return {
    catchUp: async (space) => {
      let entry = await space.read((store) => step(store))
      while (!entry) {
        await new Promise(setImmediate)
        entry = await space.read((store) => step(store))
      }
      return entry
    },
    current: async (space, held) => {
      const entry = await step(space, held as Entry | undefined)
      if (!entry) throw new Unprepared()
      return entry.index
    },
    drop: shelf.drop,
    get bytes() {
      return shelf.bytes
    },
  }
}
