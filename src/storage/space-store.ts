/**
 * A space's view of a transaction: the only way to memories. It cannot reach outside its space, the
 * way a chroot cannot: the space is in every query's condition and in every seal's associated data.
 * Records are bytes of JSON to it; what is in them is the memories feature's business.
 */
import { assert } from '../core/assert.ts'
import { LocketError } from '../core/errors.ts'
import type { Id } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { type Blind, hashed } from '../crypto/blind-index.ts'
import type { DataKey } from '../crypto/data-key.ts'
import type { KeySet } from '../crypto/keyring.ts'
import { frame, unframe } from './record-frame.ts'
import { columnOf, type RecordSealer, recordSealer } from './record-sealer.ts'
import { type Marking, marking } from './space-marks.ts'
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
  overdue,
  positionOf,
  setEmbedded,
  setEmbeddingCode,
  spaceOf,
  supersededBefore,
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
}

export interface SpaceStore extends Marking {
  readonly id: Id<'spc'>
  readonly tenant: Id<'ten'>
  readonly ownerId: PrincipalId | null
  /** The space's sequence number in this snapshot, and the floor below which an index is useless. */
  position(): Promise<{ seq: number; seqFloor: number; memories: number }>
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

/** Opens a space's view. Whoever calls this has checked that the caller may be there. */
export function spaceStore(
  store: TenantStore,
  space: { id: Id<'spc'>; ownerId: PrincipalId | null },
): SpaceStore {
  const contentIndex = contentIndexes()
  const inside = { store, space: space.id, sealer: recordSealer(store, space.id), contentIndex }
  return {
    ...space,
    tenant: store.tenant,
    ...reading(inside),
    ...finding(inside),
    ...writing(inside),
    ...embedding(inside),
  }
}

interface Inside {
  readonly store: TenantStore
  readonly space: Id<'spc'>
  readonly sealer: RecordSealer
  readonly contentIndex: ContentIndex
}

type Finding = 'findByKey' | 'findByContent'
type Writing = 'insert' | 'replace' | 'supersede' | 'restore' | 'embed' | 'remove'

type Reading = Exclude<keyof SpaceStore, 'id' | 'tenant' | 'ownerId' | Writing | Finding>

function reading(inside: Inside): Pick<SpaceStore, Reading> {
  const { store, space, sealer } = inside
  const open = async (row: MemoryRow): Promise<StoredMemory & { record: Buffer }> => {
    const { memory_id: id, seq, record, state, embedding: code } = row
    const column = columnOf(state)
    const { embedding: bytes, ...framed } = unframe(
      await sealer.open('memories', { id, seq, record, column }),
    )
    return { id, seq, ...framed, embedding: bytes && { code: code ?? '', bytes } }
  }
  const read = async (row: MemoryRow): Promise<StoredMemory> =>
    row.state === 'live'
      ? open(row)
      : { id: row.memory_id, seq: row.seq, record: null, embedding: null }
  return {
    position: async () => {
      const row = await store.first(positionOf, { space })
      assert(row, 'the space exists')
      return { seq: row.seq, seqFloor: row.seq_floor, memories: row.memories }
    },
    get: async (id) => {
      const row = await store.first(byId, { space, id })
      return row?.state === 'live' ? open(row) : undefined
    },
    getKept: async (id) => {
      const row = await store.first(byId, { space, id })
      if (!row || row.state === 'deleted') return undefined
      return { ...(await open(row)), superseded: row.state === 'superseded' }
    },
    getMany: async (ids) => {
      const found = new Map<Id<'mem'>, StoredMemory>()
      for (let at = 0; at < ids.length; at += ids_perLookUp) {
        const slots = toSlots(ids.slice(at, at + ids_perLookUp))
        for (const row of await store.all(byIds, slots)) {
          if (row.space_id !== space || row.state !== 'live') continue
          found.set(row.memory_id, await read(row))
        }
      }
      return found
    },
    isOver: async (id, now) => (await store.first(overdue, { space, id, now })) !== undefined,
    versions: async (id, limit) => {
      const rows = await store.all(versionsOf, { space, id, limit })
      return Promise.all(rows.map((row) => sealer.open('memory_versions', { id, ...row })))
    },
    changesAfter: async (seq, limit) => {
      const rows = await store.all(after, { space, seq, limit })
      return Promise.all(rows.map(read))
    },
    supersededBefore: async (before, limit) => {
      const rows = await store.all(supersededBefore, { space, before, limit })
      return Promise.all(rows.map(open))
    },
    ...marking(inside),
    deletedAfter: async (seq) => (await store.first(deletedAfter, { space, seq })) !== undefined,
    fileKeys: async () => {
      const keys = await sealer.keys()
      const count = (seals: number) => store.countSeal(space, keys.current.version, seals)
      return { owner: { tenant: store.tenant, space }, keys, countSeals: count }
    },
    contentMac: async (record) => (await sealer.keys()).current.mac('content', [record]),
  }
}

function finding({ store, space, sealer, contentIndex }: Inside): Pick<SpaceStore, Finding> {
  return {
    findByKey: (value) =>
      underAnyKey(sealer, (key) => store.first(byKey, { space, key: keyIndex(key, value) })),
    findByContent: async (content, limit) => {
      const keys = await sealer.keys()
      const found: Id<'mem'>[] = []
      for (const version of keys.versions) {
        const index = contentIndex(keys.version(version), content)
        const rows = await store.all(byContent, { space, content: index, limit })
        found.push(...rows.map((row) => row.memory_id))
      }
      return found.slice(0, limit)
    },
  }
}

/** The next sequence number; taking it locks the space's row, so that its order is commit order. */
async function advanceSeq({ store, space }: Inside, added: number): Promise<number> {
  const row = await store.first(advance, { space, added })
  assert(row, 'the space exists')
  if (added > 0 && row.memories > limits.memories_perSpace_max) {
    throw new LocketError('quota_exceeded', 'memories of this space')
  }
  return row.seq
}

function embedding(inside: Inside): Pick<SpaceStore, 'embed'> {
  const { store, space, sealer } = inside
  return {
    embed: async ({ id, seq, record, embedding: before }, embedding) => {
      assert(record, 'a deleted memory has no embedding')
      const place = { space, id, seq, embedding: embedding?.code ?? null }
      const isSame = embedding ? before?.bytes.equals(embedding.bytes) : !before
      // Nothing that an index would have to know.
      if (isSame) return (await store.run(setEmbeddingCode, place)) === 1
      const newSeq = await advanceSeq(inside, 0)
      const framed = frame(record, embedding?.bytes ?? null)
      const sealed = await sealer.seal('memories', { id, seq: newSeq, record: framed })
      return (await store.run(setEmbedded, { ...place, newSeq, ...sealed })) === 1
    },
  }
}

function writing(inside: Inside): Pick<SpaceStore, Exclude<Writing, 'embed'>> {
  const { store, space, sealer, contentIndex } = inside

  const next = (added: number): Promise<number> => advanceSeq(inside, added)

  const toRow = async (
    memory: NewMemory,
    seq: number,
    state: 'live' | 'superseded' = 'live',
  ): Promise<Omit<Row, 'tenant_id'>> => {
    const { current } = await sealer.keys()
    const { id, embedding = null } = memory
    const record = frame(memory.record, embedding?.bytes ?? null)
    return {
      memory_id: id,
      space_id: space,
      seq,
      state,
      expires_at: memory.expiresAt_ms,
      key_index: memory.key === null ? null : keyIndex(current, memory.key),
      content_index: memory.content === null ? null : contentIndex(current, memory.content),
      embedding: embedding?.code ?? null,
      ...(await sealer.seal('memories', { id, seq, record, column: columnOf(state) })),
    }
  }

  const update = async (row: Omit<Row, 'tenant_id'>): Promise<void> => {
    const changed = await store.run(updateRow, row)
    assert(changed === 1, 'the memory is in this space')
  }

  return {
    insert: async (memory) => {
      await store.run(insertRow, await toRow(memory, await next(1)))
    },
    replace: async (memory, before) => {
      const { id, seq, record } = before
      assert(record, 'a deleted memory is not replaced')
      const version = await sealer.seal('memory_versions', { id, seq, record })
      await store.run(insertVersion, { memory_id: id, seq, space_id: space, ...version })
      if (memory.version > limits.versions_max) await store.run(dropOldestVersion, { space, id })
      await update(await toRow(memory, await next(0)))
    },
    supersede: async (memory) => {
      const nowhere = { ...memory, key: null, content: null }
      await update(await toRow(nowhere, await next(0), 'superseded'))
    },
    restore: async (memory) => update(await toRow(memory, await next(0))),
    remove: async (id) => {
      const row = await store.first(byId, { space, id })
      if (!row || row.state === 'deleted') return
      const seq = await next(-1)
      await store.run(deleteVersions, { space, id })
      await store.run(updateRow, { ...tombstone, memory_id: id, space_id: space, seq })
    },
  }
}

const tombstone = {
  state: 'deleted',
  expires_at: null,
  key_version: 0,
  key_index: null,
  record: null,
  content_index: null,
  embedding: null,
} as const

/** Under the space's own key, so that it dies with the space. */
function keyIndex(key: DataKey, value: string): Blind {
  return hashed(key.mac('blind-index', ['memory.key', value]))
}

type ContentIndex = (key: DataKey, content: string) => Blind

/** What is looked for is stored next if it is not found, so the last index is not made twice. */
function contentIndexes(): ContentIndex {
  let last: { key: DataKey; content: string; index: Blind } | undefined
  return (key, content) => {
    if (last?.key !== key || last.content !== content) {
      const index = hashed(key.mac('blind-index', ['memory.content', content]))
      last = { key, content, index }
    }
    return last.index
  }
}

/** An index may have been made under an older version of the space's key. */
async function underAnyKey(
  sealer: RecordSealer,
  find: (key: DataKey) => Promise<Pick<Row, 'memory_id'> | undefined>,
): Promise<Id<'mem'> | undefined> {
  const keys = await sealer.keys()
  for (const version of keys.versions) {
    const row = await find(keys.version(version))
    if (row) return row.memory_id
  }
  return undefined
}

/** Which space a memory is in: what is authorised before anything of it is opened. */
export async function spaceOfMemory(
  store: TenantStore,
  id: Id<'mem'>,
): Promise<Id<'spc'> | undefined> {
  return (await store.first(spaceOf, { id }))?.space_id
}
