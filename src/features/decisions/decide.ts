/**
 * The one decision: may this actor do this to that. The gate asks it before every operation, and
 * `POST /v1/authorize` asks the same function, so what is explained is what is done.
 */
import { unreachable } from '../../core/assert.ts'
import type { Id } from '../../core/ids.ts'
import type { Permission } from '../../core/permissions.ts'
import type { Resource } from '../../kernel/operation.ts'
import { anywhere, overTenant } from '../../kernel/rights.ts'
import { spaceOfMemory } from '../../storage/space-store.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type Actor, type Denied, decideOnHandle, decideOnSpace } from '../spaces/access.ts'
import { openHandle, type SpaceRow } from '../spaces/space.ts'
import { findNoSpace, findSpace } from '../spaces/store.ts'

/** A space that the actor may use; `row` is null for one that he would make. */
export interface AdmittedSpace {
  readonly handle: string
  readonly row: SpaceRow | null
}

export interface Granted {
  readonly denied: null
  /** The grant that allows it; of several spaces, the first's. */
  readonly grant: string
  readonly spaces: readonly AdmittedSpace[]
}

export type Decision = Granted | Denied

export interface Question {
  readonly permission: Permission
  readonly resource: Resource
}

/**
 * Who holds the permission nowhere is told so, whatever the resource. For others, what is not there
 * takes the same answer and the same work as what they may not see.
 */
export async function decide(
  store: TenantStore,
  actor: Actor,
  { permission, resource }: Question,
): Promise<Decision> {
  const held = anywhere(actor.rights, permission)
  if (held === null) return { denied: 'no_permission' }
  switch (resource.kind) {
    case 'self':
      return { denied: null, grant: held, spaces: [] }
    case 'tenant':
    case 'instance': {
      const grant = overTenant(actor.rights, permission)
      return grant === null ? { denied: 'out_of_reach' } : { denied: null, grant, spaces: [] }
    }
    case 'spaces':
      return decideOnHandles(store, actor, { permission, handles: resource.handles, held })
    case 'space':
      return decideOnId(store, actor, { permission, id: resource.id })
    case 'memory':
      return decideOnId(store, actor, {
        permission,
        id: await spaceOfMemory(store, resource.id),
      })
    default:
      return unreachable(resource)
  }
}

async function decideOnHandles(
  store: TenantStore,
  actor: Actor,
  asked: { permission: Permission; handles: readonly string[]; held: string },
): Promise<Decision> {
  const { permission, handles, held } = asked
  const spaces: AdmittedSpace[] = []
  let grant: string | null = null
  for (const handle of handles) {
    const verdict = await decideOnHandle(store, actor, { handle, permission })
    if (verdict.denied !== null) return verdict
    grant ??= verdict.grant
    spaces.push({ handle, row: verdict.row })
  }
  return { denied: null, grant: grant ?? held, spaces }
}

async function decideOnId(
  store: TenantStore,
  actor: Actor,
  { permission, id }: { permission: Permission; id: Id<'spc'> | undefined },
): Promise<Decision> {
  const found = id && (await findSpace(store, id))
  if (!id) await findNoSpace(store)
  if (!found) return { denied: 'not_visible' }
  const verdict = decideOnSpace(actor, permission, found)
  if (verdict.denied !== null) return verdict
  const { grant, row } = verdict
  return { denied: null, grant, spaces: [{ handle: await openHandle(store, row), row }] }
}
