/**
 * A space's view of a transaction: the only way to memories. It cannot reach outside its space, the
 * way a chroot cannot: the space is in every query's condition and in every seal's associated data.
 * Records are bytes of JSON to it; what is in them is the memories feature's business.
 */
import { assert } from '../core/assert.ts'
import type { Id } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { open, type Place, seal, sealedKeyVersion } from '../crypto/aead.ts'
import { type Blind, hashed } from '../crypto/blind-index.ts'
import type { DataKey } from '../crypto/data-key.ts'
import type { KeySet } from '../crypto/keyring.ts'
import { query } from './query.ts'
import type { PrincipalId, Tables } from './tables.ts'
import type { TenantStore } from './tenant-store.ts'

type InSpace = { tenant: Id<'ten'>; space: Id<'spc'> }
type Row = Tables['memories']

/** One memory as stored, opened. `record` is null once it was deleted. */
export interface StoredMemory {
  readonly id: Id<'mem'>
  readonly seq: number
  readonly record: Buffer | null
}

export interface NewMemory {
  readonly id: Id<'mem'>
  /** 1 for the first; the oldest of more than `limits.versions_max` are dropped. */
  readonly version: number
  readonly record: Uint8Array
  /** The caller's own key, unique in the space. */
  readonly key: string | null
  /** Milliseconds, already rounded to the hour; null: never. */
  readonly expiresAt_ms: number | null
}

export interface SpaceStore {
  readonly id: Id<'spc'>
  readonly ownerId: PrincipalId | null
  /** The space's sequence number in this snapshot, and the floor below which an index is useless. */
  position(): Promise<{ seq: number; seqFloor: number; memories: number }>
  get(id: Id<'mem'>): Promise<StoredMemory | undefined>
  findByKey(key: string): Promise<Id<'mem'> | undefined>
  insert(memory: NewMemory): Promise<void>
  /** Puts a new version in place and keeps the one before among the versions. */
  replace(memory: NewMemory, before: StoredMemory): Promise<void>
  /** Drops the content and every version; a tombstone with a sequence number stays. */
  remove(id: Id<'mem'>): Promise<void>
  /** Earlier versions, newest first. */
  versions(id: Id<'mem'>, limit: number): Promise<Buffer[]>
  /** Rows above `seq` in order, tombstones included: what an index catches up with. */
  changesAfter(seq: number, limit: number): Promise<StoredMemory[]>
  /** A MAC that ties an audit event to the content that it speaks of. */
  contentMac(record: Uint8Array): Promise<Buffer>
}

const columns = ['memory_id', 'seq', 'state', 'record'] as const

const positionOf = query((db, arg: InSpace) =>
  db
    .selectFrom('spaces')
    .select(['seq', 'seq_floor', 'memories'])
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space),
)

const advance = query((db, arg: InSpace & { added: number }) =>
  db
    .updateTable('spaces')
    .set((row) => ({ seq: row('seq', '+', 1), memories: row('memories', '+', arg.added) }))
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space)
    .returning('seq'),
)

const byId = query((db, arg: InSpace & { id: Id<'mem'> }) =>
  db
    .selectFrom('memories')
    .select(columns)
    .where('tenant_id', '=', arg.tenant)
    .where('memory_id', '=', arg.id)
    .where('space_id', '=', arg.space),
)

const byKey = query((db, arg: InSpace & { key: Blind }) =>
  db
    .selectFrom('memories')
    .select('memory_id')
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space)
    .where('key_index', '=', arg.key),
)

const after = query((db, arg: InSpace & { seq: number; limit: number }) =>
  db
    .selectFrom('memories')
    .select(columns)
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space)
    .where('seq', '>', arg.seq)
    .orderBy('seq')
    .limit(arg.limit),
)

const insertRow = query((db, arg: { tenant: Id<'ten'> } & Omit<Row, 'tenant_id'>) =>
  db.insertInto('memories').values({
    tenant_id: arg.tenant,
    memory_id: arg.memory_id,
    space_id: arg.space_id,
    seq: arg.seq,
    state: arg.state,
    expires_at: arg.expires_at,
    key_version: arg.key_version,
    key_index: arg.key_index,
    record: arg.record,
  }),
)

const updateRow = query((db, arg: { tenant: Id<'ten'> } & Omit<Row, 'tenant_id'>) =>
  db
    .updateTable('memories')
    .set({
      seq: arg.seq,
      state: arg.state,
      expires_at: arg.expires_at,
      key_version: arg.key_version,
      key_index: arg.key_index,
      record: arg.record,
    })
    .where('tenant_id', '=', arg.tenant)
    .where('memory_id', '=', arg.memory_id)
    .where('space_id', '=', arg.space_id),
)

const insertVersion = query(
  (db, arg: { tenant: Id<'ten'> } & Omit<Tables['memory_versions'], 'tenant_id'>) =>
    db.insertInto('memory_versions').values({
      tenant_id: arg.tenant,
      memory_id: arg.memory_id,
      seq: arg.seq,
      space_id: arg.space_id,
      key_version: arg.key_version,
      record: arg.record,
    }),
)

const versionsOf = query((db, arg: InSpace & { id: Id<'mem'>; limit: number }) =>
  db
    .selectFrom('memory_versions')
    .select(['seq', 'record'])
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space)
    .where('memory_id', '=', arg.id)
    .orderBy('seq', 'desc')
    .limit(arg.limit),
)

const deleteVersions = query((db, arg: InSpace & { id: Id<'mem'> }) =>
  db
    .deleteFrom('memory_versions')
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space)
    .where('memory_id', '=', arg.id),
)

const dropOldestVersion = query((db, arg: InSpace & { id: Id<'mem'> }) =>
  db
    .deleteFrom('memory_versions')
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space)
    .where('memory_id', '=', arg.id)
    .where('seq', '=', (rows) =>
      rows
        .selectFrom('memory_versions')
        .select(({ fn }) => fn.min('seq').as('oldest'))
        .where('tenant_id', '=', arg.tenant)
        .where('memory_id', '=', arg.id),
    ),
)

/** Opens a space's view. Whoever calls this has checked that the caller may be there. */
export function spaceStore(
  store: TenantStore,
  space: { id: Id<'spc'>; ownerId: PrincipalId | null },
): SpaceStore {
  const here = { space: space.id }
  const read = async (row: Pick<Row, (typeof columns)[number]>): Promise<StoredMemory> => ({
    id: row.memory_id,
    seq: row.seq,
    record: row.record && (await sealer.open('memories', row.memory_id, row)),
  })
  const sealer = recordSealer(store, space.id)

  const next = async (added: number): Promise<number> => {
    const row = await store.first(advance, { ...here, added })
    assert(row, 'the space exists')
    return row.seq
  }

  const toRow = async (memory: NewMemory, seq: number): Promise<Omit<Row, 'tenant_id'>> => ({
    memory_id: memory.id,
    space_id: space.id,
    seq,
    state: 'live',
    expires_at: memory.expiresAt_ms,
    key_index: memory.key === null ? null : keyIndex((await sealer.keys()).current, memory.key),
    ...(await sealer.seal('memories', { id: memory.id, seq, record: memory.record })),
  })

  return {
    ...space,
    position: async () => {
      const row = await store.first(positionOf, here)
      assert(row, 'the space exists')
      return { seq: row.seq, seqFloor: row.seq_floor, memories: row.memories }
    },
    get: async (id) => {
      const row = await store.first(byId, { ...here, id })
      return row && row.state === 'live' ? read(row) : undefined
    },
    findByKey: async (key) => {
      const keys = await sealer.keys()
      for (const version of keys.versions) {
        const index = keyIndex(keys.version(version), key)
        const row = await store.first(byKey, { ...here, key: index })
        if (row) return row.memory_id
      }
      return undefined
    },
    insert: async (memory) => {
      await store.run(insertRow, await toRow(memory, await next(1)))
    },
    replace: async (memory, before) => {
      assert(before.record, 'a deleted memory is not replaced')
      const { id, seq, record } = before
      const version = await sealer.seal('memory_versions', { id, seq, record })
      await store.run(insertVersion, { memory_id: id, seq, space_id: space.id, ...version })
      if (memory.version > limits.versions_max) await store.run(dropOldestVersion, { ...here, id })
      await store.run(updateRow, await toRow(memory, await next(0)))
    },
    remove: async (id) => {
      const seq = await next(-1)
      await store.run(deleteVersions, { ...here, id })
      await store.run(updateRow, { ...tombstone, memory_id: id, space_id: space.id, seq })
    },
    versions: async (id, limit) => {
      const rows = await store.all(versionsOf, { ...here, id, limit })
      return Promise.all(rows.map((row) => sealer.open('memory_versions', id, row)))
    },
    changesAfter: async (seq, limit) => {
      const rows = await store.all(after, { ...here, seq, limit })
      return Promise.all(rows.map(read))
    },
    contentMac: async (record) => (await sealer.keys()).current.mac('content', [record]),
  }
}

const tombstone = {
  state: 'deleted',
  expires_at: null,
  key_version: 0,
  key_index: null,
  record: null,
} as const

type RecordTable = 'memories' | 'memory_versions'

/** Seals and opens records; a record's place has the sequence number as its version. */
function recordSealer(store: TenantStore, space: Id<'spc'>) {
  const place = (table: RecordTable, row: string, version: number): Place => {
    return { tenant: store.tenant, space, table, row, column: 'record', version }
  }
  const keys = (): Promise<KeySet> => store.keys(space)
  return {
    keys,
    seal: async (table: RecordTable, value: { id: string; seq: number; record: Uint8Array }) => {
      const key = (await keys()).current
      store.countSeal(space, key.version)
      const record = seal(key.sealing, place(table, value.id, value.seq), value.record)
      return { record, key_version: key.version }
    },
    open: async (
      table: RecordTable,
      id: string,
      row: { seq: number; record: Uint8Array | null },
    ): Promise<Buffer> => {
      assert(row.record, 'a live row has a record')
      const key = (await keys()).version(sealedKeyVersion(row.record))
      return open(key.sealing, place(table, id, row.seq), row.record)
    },
  }
}

/** Under the space's own key, so that it dies with the space. */
function keyIndex(key: DataKey, value: string): Blind {
  return hashed(key.mac('blind-index', ['memory.key', value]))
}

const spaceOf = query((db, arg: { tenant: Id<'ten'>; id: Id<'mem'> }) =>
  db
    .selectFrom('memories')
    .select('space_id')
    .where('tenant_id', '=', arg.tenant)
    .where('memory_id', '=', arg.id)
    .where('state', '=', 'live'),
)

/** Which space a memory is in: what is authorised before anything of it is opened. */
export async function spaceOfMemory(
  store: TenantStore,
  id: Id<'mem'>,
): Promise<Id<'spc'> | undefined> {
  return (await store.first(spaceOf, { id }))?.space_id
}
