/**
 * The indexes of all spaces in this process. An index follows its space by sequence number: before
 * it answers it reads the rows above its own, in the snapshot that the answer comes from, so a write
 * is seen by the next recall on any node. The least recently used leave when memory runs out.
 */
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Log } from '../../core/log.ts'
import type { DataKey } from '../../crypto/data-key.ts'
import type { PreparedSpace } from '../../kernel/context.ts'
import { Unprepared } from '../../kernel/operation.ts'
import type { SnapshotOwner } from '../../storage/snapshots.ts'
import type { SpaceStore, StoredMemory } from '../../storage/space-store.ts'
import type { IndexSnapshots } from './index-snapshots.ts'
import type { Quantised } from './quantised.ts'
import { createShelf, type Entry, type Shelf } from './shelf.ts'
import { createSnapshotKeeper, type SnapshotKeeper } from './snapshot-keeper.ts'
import { createSpaceIndex, type DocumentFields, type SpaceIndex } from './space-index.ts'
import { termSeed_bytes } from './tokens.ts'
import { createVectorMemory } from './vector-memory.ts'
import type { VectorKind } from './vectors.ts'

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
  /** Drops a space that is no more, with its snapshot. */
  erase(owner: SnapshotOwner): Promise<void>
  /** Something of a space was deleted: nothing that is sealed of it may stay on the disk. */
  deletedFrom(owner: SnapshotOwner): Promise<void>
  /** Writes snapshots of indexes that moved far; tells how many. */
  save(): Promise<number>
  /** Removes snapshots that must not stay, looking at so many; tells how many. */
  sweep(count: number): Promise<number>
  /** Writes what is worth it, in bounded time, and no more. */
  close(): Promise<void>
  readonly bytes: number
  /** For operators: what is in RAM, and how often a read found its index there (`warm`) or did not. */
  readonly sizes: IndexSizes
}

export interface IndexSizes {
  readonly bytes: number
  readonly bytes_max: number
  readonly spaces: number
  readonly documents: number
  readonly warm: number
  readonly cold: number
}

/** An index that a request holds on to from catching up until it has its answer. */
export interface HeldIndex {
  readonly seq: number
}

/** What the terms of an instance are hashed from: who has not the root key cannot know it. */
export function indexSeed(root: DataKey): Uint8Array {
  return root.mac('term-seed', []).subarray(0, termSeed_bytes)
}

/** Reads the vectors that are stored with memories. */
export interface VectorReader {
  /** Stands for the model that made them. */
  readonly code: string
  readonly dimensions: number
  /** The vector; null where there is to be none; undefined for what cannot be compared. */
  read(bytes: Buffer): Quantised | null | undefined
}

export type Vectors = VectorReader & VectorKind

/** Vectors with the memory that they stand in, of so many bytes at most. */
export function openVectors(reader: VectorReader, bytes_max: number): Vectors {
  const { code, dimensions } = reader
  const read = (bytes: Buffer) => reader.read(bytes)
  return { code, dimensions, read, memory: createVectorMemory({ bytes_max }) }
}

export interface SpaceIndexesOptions {
  readonly toDocument: ToDocument
  readonly bytes_max: number
  /** What the hashes of terms start from; 8 bytes that stay the same from start to start. */
  readonly seed: Uint8Array
  /** Left out where there is no embedder. */
  readonly vectors?: Vectors | null
  /** Where indexes are kept between two lives in RAM; without it each is built from its rows. */
  readonly kept?: { readonly snapshots: IndexSnapshots; readonly log: Log } | undefined
}

export function createSpaceIndexes(options: SpaceIndexesOptions): SpaceIndexes {
  return new Indexes(options)
}

class Indexes implements SpaceIndexes {
  readonly #toDocument: ToDocument
  readonly #create: () => SpaceIndex
  readonly #vectors: Vectors | null
  readonly #shelf: Shelf
  readonly #keeper: SnapshotKeeper | null
  /** Counts erasures: what began to load before one may be of what was erased. */
  #erasures = 0
  readonly #bytes_max: number
  #warm = 0
  #cold = 0

  constructor({ toDocument, bytes_max, seed, kept, vectors = null }: SpaceIndexesOptions) {
    this.#toDocument = toDocument
    this.#bytes_max = bytes_max
    this.#vectors = vectors
    this.#create = () => createSpaceIndex({ seed, vectors })
    this.#keeper = kept ? createSnapshotKeeper(kept.snapshots, kept.log) : null
    const leaving = (entry: Entry): void => this.#keeper?.leaving(entry)
    this.#shelf = createShelf({ bytes_max, create: this.#create, leaving })
  }

  async catchUp(space: PreparedSpace): Promise<HeldIndex> {
    this.#count(this.#isCold(space.id))
    await this.#load(space)
    let entry = await space.read((store) => this.#step(store))
    while (!entry) {
      await new Promise(setImmediate)
      entry = await space.read((store) => this.#step(store))
    }
    return entry
  }

  async current(space: SpaceStore, held?: HeldIndex): Promise<SpaceIndex> {
    if (!held && (await this.#mayHaveSnapshot(space))) throw new Unprepared()
    const isNew = this.#shelf.find(space.id) === undefined
    const entry = await this.#step(space, held as Entry | undefined)
    if (!entry) throw new Unprepared()
    if (!held) this.#count(isNew)
    return entry.index
  }

  async erase(owner: SnapshotOwner): Promise<void> {
    this.#erasures++
    const entry = this.#shelf.find(owner.space)
    if (entry) entry.deletedAt = Number.POSITIVE_INFINITY
    this.#shelf.drop(owner.space)
    await this.#keeper?.forget(owner)
  }

  async deletedFrom(owner: SnapshotOwner): Promise<void> {
    const entry = this.#shelf.find(owner.space)
    if (entry) entry.saved = null
    await this.#keeper?.forget(owner)
  }

  async save(): Promise<number> {
    return (await this.#keeper?.saveSome(this.#shelf.all())) ?? 0
  }

  async sweep(count: number): Promise<number> {
    return (await this.#keeper?.sweep(count)) ?? 0
  }

  async close(): Promise<void> {
    await this.#keeper?.close(this.#shelf.all())
  }

  get bytes(): number {
    return this.#shelf.bytes
  }

  get sizes(): IndexSizes {
    const { spaces, documents } = this.#shelf
    const [bytes, bytes_max] = [this.bytes, this.#bytes_max]
    return { bytes, bytes_max, spaces, documents, warm: this.#warm, cold: this.#cold }
  }

  /** Puts what the snapshot of a cold space has on the shelf. */
  async #load(space: PreparedSpace): Promise<void> {
    if (!this.#keeper || !this.#isCold(space.id)) return
    const erasures = this.#erasures
    const loaded = await this.#keeper.load(space)
    if (!loaded || erasures !== this.#erasures || !this.#isCold(space.id)) return
    this.#shelf.drop(space.id)
    this.#shelf.use(loaded.owner, loaded)
  }

  #count(wasCold: boolean): void {
    if (wasCold) this.#cold += 1
    else this.#warm += 1
  }

  #isCold(space: Id<'spc'>): boolean {
    return (this.#shelf.find(space)?.seq ?? 0) === 0
  }

  async #mayHaveSnapshot(space: SpaceStore): Promise<boolean> {
    if (!this.#keeper || !this.#isCold(space.id)) return false
    return (await space.position()).seq >= limits.snapshot_rows_min
  }

  /** One step towards the snapshot's end; null when it is not reached. */
  async #step(space: SpaceStore, held?: Entry): Promise<Entry | null> {
    const { seq, seqFloor } = await space.position()
    const entry = this.#shelf.use({ tenant: space.tenant, space: space.id }, held)
    if (entry.seq < seqFloor) {
      entry.index.leave()
      Object.assign(entry, { seq: 0, index: this.#create(), whole: false, saved: null })
      entry.index.keep()
    }
    if (entry.seq >= seq) return entry
    const { index } = entry
    const rows = await space.changesAfter(entry.seq, limits.indexCatchUp_rows)
    // While the rows were being read, another request may have begun it anew, or come this far.
    if (entry.index !== index) return null
    for (const row of rows) if (row.seq > entry.seq) this.#follow(entry, row)
    if (rows.length < limits.indexCatchUp_rows) entry.seq = Math.max(entry.seq, seq)
    entry.whole ||= entry.seq >= seq
    this.#keeper?.followed(entry)
    this.#shelf.account(entry)
    return entry.seq >= seq ? entry : null
  }

  #follow(entry: Entry, row: StoredMemory): void {
    if (row.record) {
      const { fields, text } = this.#toDocument(row.id, row.record)
      const embedding = row.embedding?.bytes
      entry.index.put(fields, text, embedding && this.#vectors?.read(embedding))
    } else {
      entry.index.remove(row.id)
      entry.deletedAt = Math.max(entry.deletedAt, row.seq)
    }
    entry.seq = row.seq
  }
}
