/** Who may come to a space: the one place where a request's space is decided upon. */
import { LocketError } from '../../core/errors.ts'
import type { Permission } from '../../core/permissions.ts'
import type { Caller } from '../../kernel/context.ts'
import { overSpace, overTenant } from '../../kernel/rights.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { SpaceRow } from './space.ts'
import { findSpaceByHandle } from './store.ts'

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

/** The caller's own space, where a request may leave the space out. Throws `space_required`. */
export function defaultSpace(caller: Caller): string {
  if (caller.kind !== 'user') throw new LocketError('space_required')
  return caller.handle
}
