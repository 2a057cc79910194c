/**
 * A space's view of a transaction: the only way to memories. It cannot reach outside its space, the
 * way a chroot cannot: the space is in every query's condition and in every seal's associated data.
 * Records are bytes of JSON to it; what is in them is the memories feature's business.
 */
import { assert } from '../core/assert.ts'
import { LocketError } from '../core/errors.ts'
import type { Id } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import type { KeySet } from '../crypto/keyring.ts'
import { charge, discharge, type Holder } from './agent-quotas.ts'
import { frame, unframe } from './record-frame.ts'
import { columnOf, RecordSealer, toCell } from './record-sealer.ts'
import { RowIndexes } from './row-indexes.ts'
import { type Mark, type Marking, marksHold, marksUpTo } from './space-marks.ts'
import {
  advance,
  after,
  byContent,
  byId,
  byIds,
  byKey,
  deletedAfter,
  deleteVersions,
  dropOldestVersion,
  ids_perLookUp,
  insertRow,
  insertVersion,
  type MemoryRow,
  moveRow,
  overdue,
  positionOf,
  setEmbedded,
  setEmbeddingCode,
  spaceOf,
  supersededBefore,
  tombstone,
  toSlots,
  updateRow,
  versionsOf,
} from './space-queries.ts'
import type { PrincipalId, Tables } from './tables.ts'
import type { TenantStore } from './tenant-store.ts'

type Row = Tables['memories']

/** One memory as stored, opened. `record` is null once it was deleted or superseded. */
export interface StoredMemory {
  readonly id: Id<'mem'>
  readonly seq: number
  readonly record: Buffer | null
  readonly embedding: Embedding | null
}

/** What an embedder made of a memory; history keeps none. */
export interface Embedding {
  /** In clear: which embedder, under which bounds, the row is settled for. */
  readonly code: string
  /** Sealed with the record. */
  readonly bytes: Buffer
}

export interface KeptMemory extends StoredMemory {
  readonly record: Buffer
  readonly superseded: boolean
}

export interface NewMemory {
  readonly id: Id<'mem'>
  /** 1 for the first; the oldest of more than `limits.versions_max` are dropped. */
  readonly version: number
  readonly record: Uint8Array
  /** The caller's own key, unique in the space. */
  readonly key: string | null
  /** What makes two memories the same; null where nothing is to be found the same as it. */
  readonly content: string | null
  /** Milliseconds, already rounded to the hour; null: never. */
  readonly expiresAt_ms: number | null
  /** Left out: none yet. */
  readonly embedding?: Embedding | null
  /** Whom a new one, or one that comes back, counts for; left out: nobody. */
  readonly storedBy?: Holder | null
}

export interface Position {
  readonly seq: number
  readonly seqFloor: number
  readonly memories: number
}

export interface SpaceStore extends Marking {
  readonly id: Id<'spc'>
  readonly tenant: Id<'ten'>
  readonly ownerId: PrincipalId | null
  /** The space's sequence number in this snapshot, and the floor below which an index is useless. */
  position(): Promise<Position>
  get(id: Id<'mem'>): Promise<StoredMemory | undefined>
  /** As `get`, of one that was superseded, too. */
  getKept(id: Id<'mem'>): Promise<KeptMemory | undefined>
  /** Those of them that are there, by id. */
  getMany(ids: readonly Id<'mem'>[]): Promise<Map<Id<'mem'>, StoredMemory>>
  findByKey(key: string): Promise<Id<'mem'> | undefined>
  /** Those that were stored with this content, at most so many. */
  findByContent(content: string, limit: number): Promise<Id<'mem'>[]>
  insert(memory: NewMemory): Promise<void>
  /** Puts a new version in place and keeps the one before among the versions. */
  replace(memory: NewMemory, before: StoredMemory): Promise<void>
  /** Puts a memory out of `get`, `getMany` and every index, and its key and content out of look-ups. */
  supersede(memory: NewMemory): Promise<void>
  /** Puts one back. Its key must not be another's by now. */
  restore(memory: NewMemory): Promise<void>
  /**
   * Gives a memory its embedding, or takes it away, without a new version; indexes follow. False when
   * it is not the one of `seq` any more.
   */
  embed(memory: StoredMemory, embedding: Embedding | null): Promise<boolean>
  /** Drops the content and every version; a tombstone stays. What is not there stays so. */
  remove(id: Id<'mem'>): Promise<void>
  /** Whether it is there and its time is over. */
  isOver(id: Id<'mem'>, now: number): Promise<boolean>
  /** Earlier versions, newest first. */
  versions(id: Id<'mem'>, limit: number): Promise<Buffer[]>
  /** Rows above `seq` in order, those without content included: what an index catches up with. */
  changesAfter(seq: number, limit: number): Promise<StoredMemory[]>
  /** Superseded ones below `seq`, the latest first. */
  supersededBefore(seq: number, limit: number): Promise<StoredMemory[]>
  /** Whether something was deleted after `seq`. */
  deletedAfter(seq: number): Promise<boolean>
  /** What seals and opens files of this space. */
  fileKeys(): Promise<FileKeys>
  /** A MAC that ties an audit event to the content that it speaks of. */
  contentMac(record: Uint8Array): Promise<Buffer>
}

export interface FileKeys {
  readonly owner: { readonly tenant: Id<'ten'>; readonly space: Id<'spc'> }
  readonly keys: KeySet
  /** Counts what is sealed with the current version. */
  countSeals(seals: number): void
}

/** A space, as whoever opens its view knows it. */
export interface KnownSpace {
  readonly id: Id<'spc'>
  readonly ownerId: PrincipalId | null
  /** Only from a row that was read in this very transaction, and never in one that writes. */
  readonly position?: Position | undefined
}

/** Opens a space's view. Whoever calls this has checked that the caller may be there. */
export function spaceStore(store: TenantStore, space: KnownSpace): SpaceStore {
  assert(!space.position || !store.writable, 'a change moves the position of its space')
  return new SpaceView(store, space)
}

/** Each request has one for each of its spaces: methods are shared, open keys are not waited for. */
class SpaceView implements SpaceStore {
  readonly id: Id<'spc'>
  readonly tenant: Id<'ten'>
  readonly ownerId: PrincipalId | null
  readonly #store: TenantStore
  readonly #position: Position | undefined
  readonly #sealer: RecordSealer
  readonly #indexes = new RowIndexes()

  constructor(store: TenantStore, space: KnownSpace) {
    this.id = space.id
    this.tenant = store.tenant
    this.ownerId = space.ownerId
    this.#store = store
    this.#position = space.position
    this.#sealer = new RecordSealer(store, space.id)
  }

  async position(): Promise<Position> {
    if (this.#position) return this.#position
    const row = await this.#store.first(positionOf, { space: this.id })
    assert(row, 'the space exists')
    return { seq: row.seq, seqFloor: row.seq_floor, memories: row.memories }
  }

  async get(id: Id<'mem'>): Promise<StoredMemory | undefined> {
    const row = await this.#store.first(byId, { space: this.id, id })
    return row?.state === 'live' ? (this.#openKnown(row) ?? this.#open(row)) : undefined
  }

  async getKept(id: Id<'mem'>): Promise<KeptMemory | undefined> {
    const row = await this.#store.first(byId, { space: this.id, id })
    if (!row || row.state === 'deleted') return undefined
    return { ...(await this.#open(row)), superseded: row.state === 'superseded' }
  }

  async getMany(ids: readonly Id<'mem'>[]): Promise<Map<Id<'mem'>, StoredMemory>> {
    const found = new Map<Id<'mem'>, StoredMemory>()
    for (let at = 0; at < ids.length; at += ids_perLookUp) {
      const slots = toSlots(ids.slice(at, at + ids_perLookUp))
      for (const row of await this.#store.all(byIds, slots)) {
        if (row.space_id !== this.id || row.state !== 'live') continue
        found.set(row.memory_id, this.#openKnown(row) ?? (await this.#open(row)))
      }
    }
    return found
  }

  /** An index may have been made under an older version of the space's key. */
  async findByKey(value: string): Promise<Id<'mem'> | undefined> {
    const keys = this.#sealer.knownKeys() ?? (await this.#sealer.keys())
    for (const version of keys.versions) {
      const key = this.#indexes.ofKey(keys.version(version), value)
      const row = await this.#store.first(byKey, { space: this.id, key })
      if (row) return row.memory_id
    }
    return undefined
  }

  async findByContent(value: string, limit: number): Promise<Id<'mem'>[]> {
    const keys = this.#sealer.knownKeys() ?? (await this.#sealer.keys())
    const found: Id<'mem'>[] = []
    for (const version of keys.versions) {
      const content = this.#indexes.ofContent(keys.version(version), value)
      const rows = await this.#store.all(byContent, { space: this.id, content, limit })
      for (const row of rows) found.push(row.memory_id)
    }
    return found.slice(0, limit)
  }

  async insert(memory: NewMemory): Promise<void> {
    const row = await this.#toRow(memory, await this.#advance(1))
    await charge(this.#store, memory.storedBy ?? null)
    await this.#store.run(insertRow, { ...row, stored_by: memory.storedBy?.agent ?? null })
  }

  async replace(memory: NewMemory, before: StoredMemory): Promise<void> {
    const { id, seq, record } = before
    assert(record, 'a deleted memory is not replaced')
    const version = await this.#sealer.seal('memory_versions', { id, seq, record })
    const place = { memory_id: id, seq, space_id: this.id }
    await this.#store.run(insertVersion, { ...place, ...version })
    if (memory.version > limits.versions_max) {
      await this.#store.run(dropOldestVersion, { space: this.id, id })
    }
    const row = await this.#toRow(memory, await this.#advance(0))
    assert((await this.#store.run(updateRow, row)) === 1, 'the memory is in this space')
  }

  async supersede(memory: NewMemory): Promise<void> {
    await discharge(this.#store, { space: this.id, id: memory.id })
    await this.#move({ ...memory, key: null, content: null, storedBy: null }, 'superseded')
  }

  async restore(memory: NewMemory): Promise<void> {
    await charge(this.#store, memory.storedBy ?? null)
    await this.#move(memory, 'live')
  }

  async embed(memory: StoredMemory, embedding: Embedding | null): Promise<boolean> {
    const { id, seq, record, embedding: before } = memory
    assert(record, 'a deleted memory has no embedding')
    const place = { space: this.id, id, seq, embedding: embedding?.code ?? null }
    const isSame = embedding ? before?.bytes.equals(embedding.bytes) : !before
    // Nothing that an index would have to know.
    if (isSame) return (await this.#store.run(setEmbeddingCode, place)) === 1
    const newSeq = await this.#advance(0)
    const framed = frame(record, embedding?.bytes ?? null)
    const sealed = await this.#sealer.seal('memories', { id, seq: newSeq, record: framed })
    return (await this.#store.run(setEmbedded, { ...place, newSeq, ...sealed })) === 1
  }

  async remove(id: Id<'mem'>): Promise<void> {
    if (!(await discharge(this.#store, { space: this.id, id }))) return
    const seq = await this.#advance(-1)
    await this.#store.run(deleteVersions, { space: this.id, id })
    await this.#store.run(moveRow, { ...tombstone, memory_id: id, space_id: this.id, seq })
  }

  async isOver(id: Id<'mem'>, now: number): Promise<boolean> {
    return (await this.#store.first(overdue, { space: this.id, id, now })) !== undefined
  }

  async versions(id: Id<'mem'>, limit: number): Promise<Buffer[]> {
    const rows = await this.#store.all(versionsOf, { space: this.id, id, limit })
    const cells = rows.map(({ seq, record }) => ({ id, seq, record }))
    return Promise.all(cells.map((cell) => this.#sealer.open('memory_versions', cell)))
  }

  async changesAfter(seq: number, limit: number): Promise<StoredMemory[]> {
    return this.#openAll(await this.#store.all(after, { space: this.id, seq, limit }), 'live')
  }

  async supersededBefore(before: number, limit: number): Promise<StoredMemory[]> {
    const rows = await this.#store.all(supersededBefore, { space: this.id, before, limit })
    return this.#openAll(rows, 'superseded')
  }

  async deletedAfter(seq: number): Promise<boolean> {
    return (await this.#store.first(deletedAfter, { space: this.id, seq })) !== undefined
  }

  marksUpTo(seq: number): Promise<Mark[]> {
    return marksUpTo({ store: this.#store, id: this.id, sealer: this.#sealer }, seq)
  }

  marksHold(marks: readonly Mark[], seq: number): Promise<boolean> {
    return marksHold({ store: this.#store, id: this.id, sealer: this.#sealer }, marks, seq)
  }

  async fileKeys(): Promise<FileKeys> {
    const keys = await this.#sealer.keys()
    const countSeals = (seals: number) =>
      this.#store.countSeal(this.id, keys.current.version, seals)
    return { owner: { tenant: this.tenant, space: this.id }, keys, countSeals }
  }

  async contentMac(record: Uint8Array): Promise<Buffer> {
    const { current } = this.#sealer.knownKeys() ?? (await this.#sealer.keys())
    return current.mac('content', [record])
  }

  /** Those in another state come without their content. */
  async #openAll(rows: readonly MemoryRow[], state: Row['state']): Promise<StoredMemory[]> {
    const all: StoredMemory[] = []
    for (const row of rows) {
      if (row.state === state) all.push(this.#openKnown(row) ?? (await this.#open(row)))
      else all.push({ id: row.memory_id, seq: row.seq, record: null, embedding: null })
    }
    return all
  }

  /** At once; undefined where a key has to be read for it. */
  #openKnown(row: MemoryRow): Opened | undefined {
    const opened = this.#sealer.openKnown('memories', toCell(row))
    return opened && toOpened(row, opened)
  }

  async #open(row: MemoryRow): Promise<Opened> {
    return toOpened(row, await this.#sealer.open('memories', toCell(row)))
  }

  /** The next sequence number; taking it locks the space's row, so that its order is commit order. */
  async #advance(added: number): Promise<number> {
    const row = await this.#store.first(advance, { space: this.id, added })
    assert(row, 'the space exists')
    if (added > 0 && row.memories > limits.memories_perSpace_max) {
      throw new LocketError('quota_exceeded', 'memories of this space')
    }
    return row.seq
  }

  async #move(memory: NewMemory, state: 'live' | 'superseded'): Promise<void> {
    const row = await this.#toRow(memory, await this.#advance(0), state)
    const stored_by = memory.storedBy?.agent ?? null
    const changed = await this.#store.run(moveRow, { ...row, stored_by })
    assert(changed === 1, 'the memory is in this space')
  }

  async #toRow(
    memory: NewMemory,
    seq: number,
    state: 'live' | 'superseded' = 'live',
  ): Promise<Omit<Row, 'tenant_id' | 'stored_by'>> {
    const { current } = this.#sealer.knownKeys() ?? (await this.#sealer.keys())
    const { id, key, content, embedding = null } = memory
    const cell = {
      id,
      seq,
      record: frame(memory.record, embedding?.bytes ?? null),
      column: columnOf(state),
    }
    const { record, key_version } = this.#sealer.sealWith(current, 'memories', cell)
    return {
      memory_id: id,
      space_id: this.id,
      seq,
      state,
      expires_at: memory.expiresAt_ms,
      key_index: key === null ? null : this.#indexes.ofKey(current, key),
      content_index: content === null ? null : this.#indexes.ofContent(current, content),
      embedding: embedding?.code ?? null,
      record,
      key_version,
    }
  }
}

type Opened = StoredMemory & { readonly record: Buffer }

function toOpened({ memory_id: id, seq, embedding: code }: MemoryRow, opened: Buffer): Opened {
  const { record, embedding: bytes } = unframe(opened)
  return { id, seq, record, embedding: bytes && { code: code ?? '', bytes } }
}

/** Which space a memory is in: what is authorised before anything of it is opened. */
export async function spaceOfMemory(
  store: TenantStore,
  id: Id<'mem'>,
): Promise<Id<'spc'> | undefined> {
  return (await store.first(spaceOf, { id }))?.space_id
}
