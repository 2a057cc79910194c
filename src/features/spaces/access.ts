/** Who may come to a space: the one place where a request's space is decided upon. */
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import type { Permission } from '../../core/permissions.ts'
import type { Caller } from '../../kernel/context.ts'
import { overSpace, overTenant, type Reach } from '../../kernel/rights.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { SpaceRow } from './space.ts'
import { checkNoSpace, findSpace, findSpaceByHandle, listSpaceRows } from './store.ts'

/** Why the caller may: the grant that allows it. `row` is null for a space that he would make. */
export interface Allowed<Row = SpaceRow | null> {
  readonly row: Row
  readonly grant: string
}

/**
 * Throws `permission_denied` when the caller may see the space but not do this, and `not_found`
 * when he may not even see it, exactly as if it did not exist.
 */
export function admitToSpace(
  caller: Caller,
  permission: Permission,
  row: SpaceRow,
): Allowed<SpaceRow> {
  const on = { space: { id: row.space_id, ownerId: row.owner_id }, principal: caller.principalId }
  const grant = overSpace(caller.rights, permission, on)
  if (grant) return { row, grant }
  const sees = overSpace(caller.rights, 'memory:read', on)
  throw new LocketError(sees ? 'permission_denied' : 'not_found')
}

/**
 * The space of a handle, there or to be made. Throws as `admitToSpace` does; an absent space that
 * the caller could not make is `not_found` too.
 */
export async function admitToHandle(
  store: TenantStore,
  caller: Caller,
  request: { handle: string; permission: Permission },
): Promise<Allowed> {
  const { handle, permission } = request
  const row = await findSpaceByHandle(store, handle)
  if (row?.state === 'active') return admitToSpace(caller, permission, row)
  const grant = makingGrant(caller, handle)
  if (!row) await checkNoSpace(store)
  if (grant === null) throw new LocketError('not_found')
  if (row) throw new LocketError('handle_retired')
  return { row: null, grant }
}

/** A space is made by who may write everywhere in the tenant, or writes to his own. */
function makingGrant(caller: Caller, handle: string): string | null {
  const everywhere = overTenant(caller.rights, 'memory:write')
  if (everywhere !== null || handle !== caller.handle) return everywhere
  const own = { space: { id: null, ownerId: caller.principalId }, principal: caller.principalId }
  return overSpace(caller.rights, 'memory:write', own)
}

/**
 * The spaces that the caller may read, in the order of their ids. Who reads them all has them from
 * the list. Anybody else has his own, which is called as he is, and those that he was granted: they
 * are looked up, since a list that skips what he may not see would tell him where it lies.
 */
export async function readableSpaces(
  store: TenantStore,
  caller: Caller,
  page: { after: string; limit: number },
): Promise<SpaceRow[]> {
  const { rights, principalId: principal } = caller
  if (overTenant(rights, 'memory:read') !== null) return listSpaceRows(store, page)
  const granted = new Set(rights.map(({ reach }) => reach).filter((reach) => isSpaceId(reach)))
  const known = await Promise.all([...granted].map((id) => findSpace(store, id)))
  const own = await findSpaceByHandle(store, caller.handle)
  if (own?.state === 'active' && !granted.has(own.space_id)) known.push(own)
  const readable = known.filter((row) => {
    if (!row || row.space_id <= page.after) return false
    const space = { id: row.space_id, ownerId: row.owner_id }
    return overSpace(rights, 'memory:read', { space, principal }) !== null
  })
  const rows = readable.filter((row) => row !== undefined)
  return rows.sort((a, b) => (a.space_id < b.space_id ? -1 : 1)).slice(0, page.limit)
}

function isSpaceId(reach: Reach): reach is Id<'spc'> {
  return reach !== 'tenant' && reach !== 'own'
}

/** The caller's own space, where a request may leave the space out. Throws `space_required`. */
export function defaultSpace(caller: Caller): string {
  if (caller.kind !== 'user') throw new LocketError('space_required')
  return caller.handle
}
