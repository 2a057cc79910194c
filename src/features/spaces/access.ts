/** Who may come to a space: the one place where a request's space is decided upon. */
import { LocketError } from '../../core/errors.ts'
import type { Permission } from '../../core/permissions.ts'
import type { Caller } from '../../kernel/context.ts'
import { overSpace, overTenant } from '../../kernel/rights.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { SpaceRow } from './space.ts'
import { findSpaceByHandle } from './store.ts'

/** Why the caller may: the grant that allows it. */
export interface Allowed {
  readonly row: SpaceRow
  readonly grant: string
}

/**
 * Throws `permission_denied` when the caller may see the space but not do this, and `not_found`
 * when he may not even see it, exactly as if it did not exist.
 */
export function admitToSpace(caller: Caller, permission: Permission, row: SpaceRow): Allowed {
  const on = { space: { id: row.space_id, ownerId: row.owner_id }, principal: caller.principalId }
  const grant = overSpace(caller.rights, permission, on)
  if (grant) return { row, grant }
  const sees = overSpace(caller.rights, 'memory:read', on)
  throw new LocketError(sees ? 'permission_denied' : 'not_found')
}

/**
 * The space of a handle, or null when there is none but the caller could make it. Throws as
 * `admitToSpace` does; an absent space that he could not make is `not_found` too.
 */
export async function admitToHandle(
  store: TenantStore,
  caller: Caller,
  request: { handle: string; permission: Permission },
): Promise<Allowed | null> {
  const { handle, permission } = request
  const row = await findSpaceByHandle(store, handle)
  if (row?.state === 'active') return admitToSpace(caller, permission, row)
  if (!couldCreate(caller, handle)) throw new LocketError('not_found')
  if (row) throw new LocketError('handle_retired')
  return null
}

/** A space is made by who may write everywhere in the tenant, or writes to his own. */
export function couldCreate(caller: Caller, handle: string): boolean {
  if (overTenant(caller.rights, 'memory:write') !== null) return true
  const own = { space: { id: null, ownerId: caller.principalId }, principal: caller.principalId }
  return handle === caller.handle && overSpace(caller.rights, 'memory:write', own) !== null
}

/** The caller's own space, where a request may leave the space out. Throws `space_required`. */
export function defaultSpace(caller: Caller): string {
  if (caller.kind !== 'user') throw new LocketError('space_required')
  return caller.handle
}
