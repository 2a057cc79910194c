/** The gate: who is it, may he call so often, is the input well formed, and may he do this here. */
import type { z } from 'zod'
import { assert } from '../core/assert.ts'
import { LocketError } from '../core/errors.ts'
import type { Permission } from '../core/permissions.ts'
import { budgetsOf } from '../features/api-keys/budget.ts'
import { budgetUseOf } from '../features/api-keys/store.ts'
import { type AdmittedSpace, decide } from '../features/decisions/decide.ts'
import { isStale } from '../features/decisions/fresh.ts'
import { insist } from '../features/spaces/access.ts'
import { ownEpoch } from '../features/tenants/store.ts'
import { type Caller, sourceOf } from '../kernel/context.ts'
import { leavesOf, type Operation, type Resource } from '../kernel/operation.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import { authenticate } from './authenticate.ts'
import { asGiver } from './giver.ts'
import type { Admitted, Pipeline, Trail, Within } from './request.ts'

/** Throws what the caller is to be told; writes down on the trail what is known by then. */
export async function admit(app: Pipeline, within: Within, trail: Trail): Promise<Admitted> {
  const { request } = trail
  const { operation } = request
  const now = app.clock()
  const { caller: bearer, epoch } = await authenticate(app, request, { within, now })
  trail.caller = bearer
  trail.epoch = epoch
  trail.decision = null
  await spend(app, within, { caller: bearer, trail })
  if (bearer.lacksFactor && !operation.withoutFactor) throw new LocketError('factor_required')
  const input = parseInput(operation, request.input)
  trail.input = input
  const resource = resourceOf(operation, input, bearer)
  const store = within.open(bearer.tenant)
  const permission = permissionFor(operation, input, bearer)
  const decided = insist(await decide(store, bearer, { permission, resource }))
  if (operation.stepUp) insistOnFresh(bearer, now)
  const asked = { permission, resource, leaves: leavesOf(operation, input), decided }
  const { caller, grant, spaces } = await asGiver(store, bearer, asked)
  trail.caller = caller
  trail.decision = grant
  // Details of an event about one space are sealed with that space's key and die with it.
  trail.spaceId = spaces.length === 1 ? (spaces[0]?.row?.space_id ?? null) : null
  await loadKeys(store, caller, spaces)
  const { tenant, keyId } = caller
  if (keyId !== null) app.services.keyUses.touch(tenant, keyId, now)
  return { within, caller, epoch, input, permission, resource, spaces, now }
}

/** A request that comes here again, since something changed under it, is still one. */
async function spend(
  app: Pipeline,
  within: Within,
  { caller, trail }: { caller: Caller; trail: Trail },
): Promise<void> {
  if (trail.rate) return
  const { operation, body_bytes: bytes = 0 } = trail.request
  const { tenant, principalId } = caller
  // All tokens that were got by one key, or one sign-in, share what that may.
  const credentialId = sourceOf(caller) ?? caller.credentialId
  trail.rate = app.rateLimits.spend(operation.rateClass, { tenant, principalId, credentialId })
  const { keyBudgets } = app.services
  for (const { key } of budgetsOf(caller)) {
    if (keyBudgets.knows(key)) continue
    keyBudgets.learn(tenant, key, await budgetUseOf(within.open(tenant), key))
  }
  keyBudgets.spend(caller, { operations: 1, bytes }, app.clock())
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

function insistOnFresh(caller: Caller, now: number): void {
  if (caller.isElsewhere) {
    throw new LocketError('step_up_required', undefined, { facts: { reason: 'another-network' } })
  }
  if (isStale(caller, now)) throw new LocketError('step_up_required')
}

/** The permission that this very call needs. */
function permissionFor(operation: Operation, input: unknown, caller: Caller): Permission {
  const { permission } = operation
  assert(permission !== 'public', 'what is public is not asked for here')
  return typeof permission === 'string' ? permission : permission.by(input, caller)
}

/** What this very call acts on. */
function resourceOf(operation: Operation, input: unknown, caller: Caller): Resource {
  const { resource } = operation
  if (typeof resource === 'function') return resource()
  const named = resource.by(input, caller)
  assert(resource.of.includes(named.kind), 'an operation acts on what it declares')
  return named
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
