/** The gate: who is it, may he call so often, is the input well formed, and may he do this here. */
import type { z } from 'zod'
import { assert, unreachable } from '../core/assert.ts'
import { LocketError } from '../core/errors.ts'
import { type Id, isId } from '../core/ids.ts'
import type { Permission } from '../core/permissions.ts'
import { admitToHandle, admitToSpace } from '../features/spaces/access.ts'
import { openHandle } from '../features/spaces/space.ts'
import { findNoSpace, findSpace } from '../features/spaces/store.ts'
import { ownEpoch } from '../features/tenants/store.ts'
import type { Caller } from '../kernel/context.ts'
import type { Operation, Resource } from '../kernel/operation.ts'
import { holds, overTenant } from '../kernel/rights.ts'
import { spaceOfMemory } from '../storage/space-store.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import { authenticate } from './authenticate.ts'
import type { Admitted, AdmittedSpace, Pipeline, Trail, Within } from './request.ts'

/** Throws what the caller is to be told; writes down on the trail what is known by then. */
export async function admit(app: Pipeline, within: Within, trail: Trail): Promise<Admitted> {
  const { request } = trail
  const { operation } = request
  const now = app.clock()
  const { caller, epoch } = await authenticate(app, request, { within, now })
  trail.caller = caller
  trail.epoch = epoch
  trail.decision = null
  await app.rateLimits.spend(operation.rateClass, caller.credentialId)
  const input = parseInput(operation, request.input)
  trail.input = input
  const resource = operation.resource(input, caller)
  const store = within.open(caller.tenant)
  const permission = permissionFor(operation, input, caller)
  const spaces = await authorise(store, { caller, resource, permission, trail })
  await loadKeys(store, caller, spaces)
  const { tenant, credentialId } = caller
  if (isId('key', credentialId)) app.services.keyUses.touch(tenant, credentialId, now)
  return { within, caller, epoch, input, permission, resource, spaces, now }
}

/**
 * Opens the keys that the transaction will want. A writing transaction keeps what it loads to
 * itself, so a key that is first opened there would be opened again by each.
 */
async function loadKeys(
  store: TenantStore,
  caller: Caller,
  spaces: readonly AdmittedSpace[],
): Promise<void> {
  if (!store.knownKeys(caller.principalId)) await store.keys(caller.principalId)
  for (const { row } of spaces) {
    if (row && !store.knownKeys(row.space_id)) await store.keys(row.space_id)
  }
}

/** The permission that this very call needs. */
function permissionFor(operation: Operation, input: unknown, caller: Caller): Permission {
  const { permission } = operation
  assert(permission !== 'public', 'what is public is not asked for here')
  return typeof permission === 'string' ? permission : permission.by(input, caller)
}

interface Question {
  readonly caller: Caller
  readonly resource: Resource
  readonly permission: Permission
  readonly trail: Trail
}

/** The one decision. What one may not see is `not_found`; what one may see but not do, denied. */
async function authorise(store: TenantStore, question: Question): Promise<AdmittedSpace[]> {
  const { caller, resource, trail, permission } = question
  if (!holds(caller.rights, permission)) throw new LocketError('permission_denied')
  switch (resource.kind) {
    case 'self':
      return []
    case 'tenant':
    case 'instance':
      trail.decision = overTenant(caller.rights, permission)
      if (trail.decision === null) throw new LocketError('permission_denied')
      return []
    case 'spaces':
      return admitToHandles(store, question, resource.handles)
    case 'space':
      return admitToOne(store, question, resource.id)
    case 'memory':
      return admitToOne(store, question, await spaceOfMemory(store, resource.id))
    default:
      return unreachable(resource)
  }
}

async function admitToHandles(
  store: TenantStore,
  question: Question,
  handles: readonly string[],
): Promise<AdmittedSpace[]> {
  const { caller, trail, permission } = question
  const spaces: AdmittedSpace[] = []
  for (const handle of handles) {
    const allowed = await admitToHandle(store, caller, { handle, permission })
    trail.decision ??= allowed.grant
    spaces.push({ handle, row: allowed.row })
  }
  nameSpace(trail, spaces)
  return spaces
}

async function admitToOne(
  store: TenantStore,
  question: Question,
  id: Id<'spc'> | undefined,
): Promise<AdmittedSpace[]> {
  const { caller, trail, permission } = question
  const found = id && (await findSpace(store, id))
  if (!id) await findNoSpace(store)
  if (!found) throw new LocketError('not_found')
  const { row, grant } = admitToSpace(caller, permission, found)
  trail.decision = grant
  const spaces = [{ handle: await openHandle(store, row), row }]
  nameSpace(trail, spaces)
  return spaces
}

/** Details of an event about one space are sealed with that space's key and die with it. */
function nameSpace(trail: Trail, spaces: readonly AdmittedSpace[]): void {
  trail.spaceId = spaces.length === 1 ? (spaces[0]?.row?.space_id ?? null) : null
}

/** Throws `invalid_input` that tells where the mistakes are, never what was there. */
export function parseInput(operation: Operation, input: unknown): unknown {
  const parsed = operation.input.safeParse(input)
  if (parsed.success) return parsed.data
  throw new LocketError('invalid_input', describe(parsed.error))
}

function describe(error: z.ZodError): string {
  const shown = error.issues.slice(0, 5).map((issue) => {
    const path = issue.path.map(String).join('.')
    return path === '' ? issue.message : `${path}: ${issue.message}`
  })
  const more = error.issues.length - shown.length
  return `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`.slice(0, 500)
}

/** Thrown inside a transaction when the rights that admitted the caller have changed since. */
export class Stale extends Error {}

/** Throws `Stale` unless what was settled at the gate still holds: the tenant's epoch stands. */
export async function recheck(within: Within, admitted: Admitted): Promise<void> {
  if (within !== admitted.within && (await hasMoved(within, admitted))) throw new Stale()
}

/**
 * Before a change: rights that moved since the gate are asked for anew in the transaction itself,
 * where nothing can move them any more. Going back to the gate would let a few changes of rights
 * starve everybody else's.
 */
export async function admitAgain(
  app: Pipeline,
  within: Within,
  { admitted, trail }: { admitted: Admitted; trail: Trail },
): Promise<Admitted> {
  return (await hasMoved(within, admitted)) ? admit(app, within, trail) : admitted
}

async function hasMoved(within: Within, admitted: Admitted): Promise<boolean> {
  return (await ownEpoch(within.open(admitted.caller.tenant))) !== admitted.epoch
}
