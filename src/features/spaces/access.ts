/** Who may come to a space: the one place where a request's space is decided upon. */
import { type ErrorCode, LocketError } from '../../core/errors.ts'
import type { Permission } from '../../core/permissions.ts'
import type { Caller } from '../../kernel/context.ts'
import { namedBy, overSpace, overTenant } from '../../kernel/rights.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { SpaceRow } from './space.ts'
import { checkNoSpace, findSpace, findSpaceByHandle, listSpaceRows } from './store.ts'

/** Whom a decision is about: a caller, or a principal that somebody asks about. */
export type Actor = Pick<Caller, 'principalId' | 'handle' | 'rights'> &
  Partial<Pick<Caller, 'onBehalfOf'>>

/** Why not: a closed set, each with what a call is then told. */
export const denials = {
  no_permission: 'permission_denied',
  out_of_reach: 'permission_denied',
  not_visible: 'not_found',
  handle_retired: 'handle_retired',
} as const satisfies Record<string, ErrorCode>

export type Denial = keyof typeof denials

export interface Denied {
  readonly denied: Denial
}

/** The grant that allows it. `row` is null for a space that the actor would make. */
interface Allowed<Row = SpaceRow | null> {
  readonly denied: null
  readonly row: Row
  readonly grant: string
}

/** What one may see but not do is `out_of_reach`; what one may not even see is as if it were not there. */
export function decideOnSpace(
  actor: Actor,
  permission: Permission,
  row: SpaceRow,
): Allowed<SpaceRow> | Denied {
  const on = { space: { id: row.space_id, ownerId: row.owner_id }, principal: actor.principalId }
  const grant = overSpace(actor.rights, permission, on)
  if (grant !== null) return { denied: null, row, grant }
  const sees = overSpace(actor.rights, 'memory:read', on) !== null
  return { denied: sees ? 'out_of_reach' : 'not_visible' }
}

/** The space of a handle, there or to be made; one that the actor could not make is not visible. */
export async function decideOnHandle(
  store: TenantStore,
  actor: Actor,
  request: { handle: string; permission: Permission },
): Promise<Allowed | Denied> {
  const { handle, permission } = request
  const row = await findSpaceByHandle(store, handle)
  if (row?.state === 'active') return decideOnSpace(actor, permission, row)
  const grant = makingGrant(actor, handle)
  if (!row) await checkNoSpace(store)
  if (grant === null) return { denied: 'not_visible' }
  return row ? { denied: 'handle_retired' } : { denied: null, row: null, grant }
}

/** Throws what a call that is denied is told. */
export function insist<Verdict extends { readonly denied: null }>(
  verdict: Verdict | Denied,
): Verdict {
  if (verdict.denied !== null) throw new LocketError(denials[verdict.denied])
  return verdict
}

/** A space is made by who may write everywhere in the tenant, or writes to his own. */
function makingGrant(actor: Actor, handle: string): string | null {
  const everywhere = overTenant(actor.rights, 'memory:write')
  const owner = partiesOf(actor).find((party) => party.handle === handle)
  if (everywhere !== null || !owner) return everywhere
  const own = { space: { id: null, ownerId: owner.principalId }, principal: actor.principalId }
  return overSpace(actor.rights, 'memory:write', own)
}

/** Those whose rights the actor's are: himself, and the user that he acts for. */
function partiesOf(actor: Actor): readonly Pick<Actor, 'principalId' | 'handle'>[] {
  return actor.onBehalfOf ? [actor, actor.onBehalfOf] : [actor]
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
  const { rights } = caller
  if (overTenant(rights, 'memory:read') !== null) return listSpaceRows(store, page)
  const { spaces: granted, owners } = namedBy(rights, caller.principalId)
  const known = await Promise.all([...granted].map((id) => findSpace(store, id)))
  for (const { principalId, handle } of partiesOf(caller)) {
    if (!owners.has(principalId)) continue
    const own = await findSpaceByHandle(store, handle)
    if (own?.state === 'active' && !granted.has(own.space_id)) known.push(own)
  }
  const found = known.filter((row) => row !== undefined)
  const rows = found.filter(
    (row) => row.space_id > page.after && decideOnSpace(caller, 'memory:read', row).denied === null,
  )
  return rows.sort((a, b) => (a.space_id < b.space_id ? -1 : 1)).slice(0, page.limit)
}

/**
 * The caller's own space, or that of the user he acts for, where a request may leave the space out.
 * Throws `space_required`.
 */
export function defaultSpace(
  caller: Pick<Caller, 'kind' | 'handle'> & Pick<Actor, 'onBehalfOf'>,
): string {
  if (caller.onBehalfOf) return caller.onBehalfOf.handle
  if (caller.kind !== 'user') throw new LocketError('space_required')
  return caller.handle
}
