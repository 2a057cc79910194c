/** Every query on spaces, but for the counters that a SpaceStore moves. */
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { type Blind, hashed } from '../../crypto/blind-index.ts'
import { dischargeSpace } from '../../storage/agent-quotas.ts'
import { query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { findByHandle, insertPrincipal } from '../principals/store.ts'
import { openHandle, type SpaceRow } from './space.ts'

type Of = { tenant: Id<'ten'> }

const byId = query((db, arg: Of & { id: Id<'spc'> }) =>
  db
    .selectFrom('spaces')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.id),
)

const byHandle = query((db, arg: Of & { handle: Blind }) =>
  db
    .selectFrom('spaces')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('handle_index', '=', arg.handle),
)

const listAfter = query((db, arg: Of & { after: string; limit: number }) =>
  db
    .selectFrom('spaces')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('state', '=', 'active')
    .where('space_id', '>', arg.after as Id<'spc'>)
    .orderBy('space_id')
    .limit(arg.limit),
)

/** Destroyed ones count too: their rows stay. It asks an index alone, 5 ms at the bound. */
const countRows = query((db, arg: Of) =>
  db
    .selectFrom('spaces')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant_id', '=', arg.tenant),
)

const insertRow = query((db, arg: Of & Omit<SpaceRow, 'tenant_id'>) =>
  db.insertInto('spaces').values({
    tenant_id: arg.tenant,
    space_id: arg.space_id,
    state: arg.state,
    owner_id: arg.owner_id,
    handle_index: arg.handle_index,
    profile: arg.profile,
    seq: arg.seq,
    seq_floor: arg.seq_floor,
    memories: arg.memories,
    created_at: arg.created_at,
    mac: arg.mac,
  }),
)

const destroyRow = query((db, arg: Of & Pick<SpaceRow, 'space_id' | 'mac'>) =>
  db
    .updateTable('spaces')
    .set({ state: 'destroyed', profile: null, memories: 0, mac: arg.mac })
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space_id),
)

/** An active space, its MAC checked. */
export async function findSpace(store: TenantStore, id: Id<'spc'>): Promise<SpaceRow | undefined> {
  const row = await store.first(byId, { id })
  const checked = row && (await store.checked('spaces', row))
  return checked?.state === 'active' ? checked : undefined
}

/**
 * The work of finding a space by its id and checking its row, for nothing: what is not there takes
 * as long as what is not the caller's.
 */
export async function findNoSpace(store: TenantStore): Promise<void> {
  await store.first(byId, { id: decoy.space_id })
  await checkNoSpace(store)
}

/** As `findNoSpace`, where the row was already looked for. */
export async function checkNoSpace(store: TenantStore): Promise<void> {
  await store.signed('spaces', { ...decoy, tenant_id: store.tenant })
}

const decoy = {
  space_id: 'spc_00000000000000000000000000',
  state: 'active',
  owner_id: 'usr_00000000000000000000000000',
  handle_index: hashed(new Uint8Array(32)),
  profile: null,
  seq: 0,
  seq_floor: 0,
  memories: 0,
  created_at: 0,
} as const

/** Whether the space was destroyed, as its row says under its MAC. */
export async function isDestroyed(store: TenantStore, id: Id<'spc'>): Promise<boolean> {
  const row = await store.first(byId, { id })
  return row !== undefined && (await store.checked('spaces', row)).state === 'destroyed'
}

/**
 * Also finds destroyed ones: their handles are never given again. Nobody knows the handle of a
 * destroyed one, so its index stays under the look-up key of its time.
 */
export async function findSpaceByHandle(
  store: TenantStore,
  handle: string,
): Promise<SpaceRow | undefined> {
  for (const index of await store.blindIndexes('space.handle', handle)) {
    const row = await store.first(byHandle, { handle: index })
    if (row) return store.checked('spaces', row)
  }
  return undefined
}

export async function requireSpace(store: TenantStore, id: Id<'spc'>): Promise<void> {
  if (!(await findSpace(store, id))) throw new LocketError('not_found', 'space')
}

export async function listSpaceRows(
  store: TenantStore,
  page: { after: string; limit: number },
): Promise<SpaceRow[]> {
  const rows = await store.all(listAfter, page)
  return Promise.all(rows.map((row) => store.checked('spaces', row)))
}

/**
 * Makes a space with its key, and its owner where a user or an agent of that name is not there yet.
 * Throws `already_exists`, `handle_retired` where the space or its owner was deleted, and
 * `quota_exceeded`.
 */
export async function insertSpace(
  store: TenantStore,
  handle: string,
  now: number,
): Promise<SpaceRow> {
  const taken = await findSpaceByHandle(store, handle)
  if (taken) throw new LocketError(taken.state === 'active' ? 'already_exists' : 'handle_retired')
  const made = (await store.first(countRows, {}))?.count ?? 0
  if (made >= limits.spaces_perTenant_max) throw new LocketError('quota_exceeded', 'spaces')
  const space_id = newId('spc', () => now)
  await store.createKey(space_id)
  const cell = { table: 'spaces', row: space_id, column: 'profile' } as const
  const row = await store.signed('spaces', {
    tenant_id: store.tenant,
    space_id,
    state: 'active',
    owner_id: await ownerOf(store, handle, now),
    handle_index: await spaceHandleIndex(store, handle),
    profile: await store.seal(space_id, cell, { handle }),
    seq: 0,
    seq_floor: 0,
    memories: 0,
    created_at: now,
  })
  await store.run(insertRow, row)
  return row
}

async function ownerOf(
  store: TenantStore,
  handle: string,
  now: number,
): Promise<PrincipalId | null> {
  if (!handle.startsWith('user:') && !handle.startsWith('agent:')) return null
  const found = await findByHandle(store, handle)
  if (found?.state === 'deleted') throw new LocketError('handle_retired')
  return (found ?? (await insertPrincipal(store, { handle, name: null }, now))).principal_id
}

const updateRow = query((db, arg: Of & Omit<SpaceRow, 'tenant_id'>) =>
  db
    .updateTable('spaces')
    .set({ profile: arg.profile, handle_index: arg.handle_index, mac: arg.mac })
    .where('tenant_id', '=', arg.tenant)
    .where('space_id', '=', arg.space_id),
)

/** Seals the handle anew, after the space's key was rotated. Throws `not_found`. */
export async function resealSpaceProfile(store: TenantStore, id: Id<'spc'>): Promise<void> {
  const row = await findSpace(store, id)
  if (!row) throw new LocketError('not_found')
  const cell = { table: 'spaces', row: id, column: 'profile' } as const
  const profile = await store.seal(id, cell, { handle: await openHandle(store, row) })
  await store.run(updateRow, await store.signed('spaces', { ...row, profile }))
}

/** Writes the handle's index anew, after the look-up key was rotated. */
export async function reindexSpace(
  store: TenantStore,
  row: SpaceRow,
  handle: string,
): Promise<void> {
  const handle_index = await spaceHandleIndex(store, handle)
  await store.run(updateRow, await store.signed('spaces', { ...row, handle_index }))
}

/** Ends a space: its key's bytes are overwritten, what it sealed can never be opened again. */
export async function destroySpace(store: TenantStore, row: SpaceRow): Promise<void> {
  const ended = await store.signed('spaces', { ...row, state: 'destroyed', profile: null })
  await dischargeSpace(store, row.space_id)
  await store.run(destroyRow, ended)
  await store.destroyKey(row.space_id)
}

function spaceHandleIndex(store: TenantStore, handle: string): Promise<Blind> {
  return store.blindIndex('space.handle', handle)
}
