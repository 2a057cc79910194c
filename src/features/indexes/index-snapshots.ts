/**
 * The index of a space as a sealed snapshot. A snapshot is never trusted because it is there: it must
 * open under the space's own key, be of our form, seed and history, and not be ahead of the space or
 * below its floor; else it is discarded and the index is built from the rows, which are the truth.
 */
import { toUtf8 } from '../../core/encoding.ts'
import { limits } from '../../core/limits.ts'
import type { PreparedSpace } from '../../kernel/context.ts'
import {
  offsetsOf,
  partLength,
  type SnapshotHead,
  type SnapshotOwner,
  type Snapshots,
  sealsOf,
} from '../../storage/snapshots.ts'
import type { Mark } from '../../storage/space-marks.ts'
import type { FileKeys, SpaceStore } from '../../storage/space-store.ts'
import { loadSpaceIndex, type SpaceIndex, type SpaceIndexOptions } from './space-index.ts'

/** An index as it stood at a sequence number. */
export interface Dated {
  readonly seq: number
  readonly index: SpaceIndex
}

/** Runs `work` on a space in a read of its own; null when the space is not there any more. */
export type LookAtSpace = <T>(
  owner: SnapshotOwner,
  work: (space: SpaceStore) => Promise<T>,
) => Promise<T | null>

export interface IndexSnapshots {
  /** Null when there is none that may be used. */
  load(space: PreparedSpace): Promise<(Dated & { readonly owner: SnapshotOwner }) | null>
  /** Writes what `dated` is now. Tells at which `seq` it was, or null when nothing was written. */
  save(owner: SnapshotOwner, dated: Dated): Promise<number | null>
  /** Removes the snapshot of a space. */
  forget(owner: SnapshotOwner): Promise<void>
  /**
   * Removes the snapshots of spaces that are gone, and those that hold what was deleted since they were
   * written. Looks at so many at most, each time at the next ones; tells how many it removed.
   */
  sweep(count: number): Promise<number>
  /** Writes no more. */
  close(): Promise<void>
}

export interface IndexSnapshotOptions extends SpaceIndexOptions {
  readonly snapshots: Snapshots
  readonly look: LookAtSpace
}

/** Why a snapshot that opened is discarded; these words stand in the log. */
type Misfit = 'form' | 'seed' | 'ahead' | 'below-floor' | 'other-history'

/** What is sealed at the beginning of the file. */
interface Content {
  readonly v: typeof form
  readonly seed: string
  readonly marks: readonly Mark[]
  readonly parts_bytes: readonly number[]
}

// Raised whenever what a text makes of an index changes: its words, its fields, its arrays. A test
// knows what some texts make of one.
const form = 2

/** Keeps the snapshots of indexes whose terms are hashed from `seed`. */
export function createIndexSnapshots(options: IndexSnapshotOptions): IndexSnapshots {
  return new Kept(options)
}

class Kept implements IndexSnapshots {
  readonly #snapshots: Snapshots
  readonly #look: LookAtSpace
  readonly #seed: Uint8Array
  readonly #index: SpaceIndexOptions
  /** Where the sweep is among the snapshots. */
  #swept = 0

  constructor({ snapshots, look, seed, vectors = null }: IndexSnapshotOptions) {
    this.#index = { seed, vectors }
    this.#snapshots = snapshots
    this.#look = look
    this.#seed = seed
  }

  async load(space: PreparedSpace): Promise<(Dated & { readonly owner: SnapshotOwner }) | null> {
    const file = await space.read(async (store) => {
      const { seq } = await store.position()
      return seq < limits.snapshot_rows_min ? null : store.fileKeys()
    })
    const found = file && (await this.#snapshots.read(file.owner, file.keys))
    if (!found) return null
    const { head, body } = found
    const misfit = this.#misfit(head) ?? (await space.read((store) => misfitOf(store, head)))
    const index = misfit === null ? this.#open(head, body) : null
    if (index) return { owner: file.owner, seq: head.version, index }
    await this.#snapshots.discard(file.owner, misfit ?? 'form')
    return null
  }

  async save(owner: SnapshotOwner, dated: Dated): Promise<number | null> {
    const { seq, index } = dated
    // Nothing of what was deleted may be written, not even the hashes of its words.
    while (!index.tidy()) await new Promise(setImmediate)
    const known = await this.#look(owner, (store) => knownOf(store, seq))
    // While the space was being looked at, requests may have taken the index further.
    if (!known || dated.seq !== seq) return null
    return this.#write(dated, known)
  }

  async forget(owner: SnapshotOwner): Promise<void> {
    await this.#snapshots.discard(owner, null)
  }

  async sweep(count: number): Promise<number> {
    const owners = await this.#snapshots.list()
    if (this.#swept >= owners.length) this.#swept = 0
    let removed = 0
    for (const owner of owners.slice(this.#swept, this.#swept + count)) {
      this.#swept++
      if (await this.#isWanted(owner)) continue
      await this.forget(owner)
      removed++
    }
    return removed
  }

  close(): Promise<void> {
    return this.#snapshots.close()
  }

  async #write({ index, seq }: Dated, { marks, file }: Known): Promise<number | null> {
    const { header, parts: arrays } = index.dump()
    const parts = [[toUtf8(JSON.stringify(header))], ...arrays]
    const content: Content = {
      v: form,
      seed: this.#seedText,
      marks,
      parts_bytes: parts.map(partLength),
    }
    file.countSeals(sealsOf(parts))
    const { changes } = index
    const written = await this.#snapshots.write({
      owner: file.owner,
      key: file.keys.current.sealing,
      version: seq,
      content,
      parts,
      isCurrent: () => index.changes === changes,
    })
    return written === null ? seq : null
  }

  async #isWanted(owner: SnapshotOwner): Promise<boolean> {
    const file = await this.#look(owner, (store) => store.fileKeys())
    const head = file && (await this.#snapshots.readHead(owner, file.keys))
    if (!head) return false
    const isClean = await this.#look(owner, async (store) => {
      const { seqFloor } = await store.position()
      return head.version >= seqFloor && !(await store.deletedAfter(head.version))
    })
    return isClean ?? false
  }

  #misfit({ content }: SnapshotHead): Misfit | null {
    const { v, seed } = content as Partial<Content>
    if (v !== form) return 'form'
    return seed === this.#seedText ? null : 'seed'
  }

  /** Null when the arrays are not those of an index as this program makes it. */
  #open({ content }: SnapshotHead, body: ArrayBuffer): SpaceIndex | null {
    try {
      const { parts_bytes } = content as Content
      const offsets = offsetsOf(parts_bytes)
      const [header = new Uint8Array(0), ...parts] = parts_bytes.map(
        (length, at) => new Uint8Array(body, offsets[at], length),
      )
      const dump = { header: JSON.parse(Buffer.from(header).toString()), parts }
      return loadSpaceIndex(dump, this.#index)
    } catch {
      return null
    }
  }

  get #seedText(): string {
    return Buffer.from(this.#seed).toString('hex')
  }
}

interface Known {
  readonly marks: readonly Mark[]
  readonly file: FileKeys
}

/** What is written along; null when the index would not be good for anything. */
async function knownOf(store: SpaceStore, seq: number): Promise<Known | null> {
  const position = await store.position()
  if (seq > position.seq || seq < position.seqFloor) return null
  return { marks: await store.marksUpTo(seq), file: await store.fileKeys() }
}

async function misfitOf(store: SpaceStore, head: SnapshotHead): Promise<Misfit | null> {
  const { seq, seqFloor } = await store.position()
  if (head.version > seq) return 'ahead'
  if (head.version < seqFloor) return 'below-floor'
  const { marks } = head.content as Content
  return (await store.marksHold(marks, head.version)) ? null : 'other-history'
}
