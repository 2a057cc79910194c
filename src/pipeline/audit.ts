/** From a trail to its audit event. */
import { setTimeout as pause } from 'node:timers/promises'
import { type ErrorCode, LocketError } from '../core/errors.ts'
import { type Id, instanceTenant } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { appendEvent } from '../features/audit/append.ts'
import { type EventClass, jobEvent, type NewEvent, type Outcome } from '../features/audit/event.ts'
import type { Operation } from '../kernel/operation.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import type { RateClass } from '../throttles/budgets.ts'
import { outcomeOf } from './outcome.ts'
import { type Pipeline, type Trail, type Within, within } from './request.ts'

/** The event of an operation that was done. Belongs in its transaction. */
export async function auditAllowed(
  app: Pipeline,
  store: TenantStore,
  { trail, output, replayed }: { trail: Trail; output: unknown; replayed: boolean },
): Promise<void> {
  const facts = trail.request.operation.facts?.(trail.input, output)
  const event = eventOf(app, trail, {
    outcome: 'allowed',
    code: null,
    details: detailsOf(trail, facts?.details ?? {}, replayed),
    spaceId: trail.spaceId,
    resourceId: facts?.resourceId ?? trail.spaceId,
    ...(facts?.action && { action: facts.action }),
  })
  trail.event = await appendEvent(store, event, app.clock)
}

function detailsOf(trail: Trail, facts: Details, replayed: boolean): Details {
  const { changes } = trail
  if (changes.length === 0 && !replayed) return facts
  return { ...facts, ...(changes.length > 0 && { changes }), ...(replayed && { replayed }) }
}

/** The event of a refusal or a failure, in a transaction of its own. */
export async function auditRefused(app: Pipeline, trail: Trail, error: LocketError): Promise<void> {
  // Whoever was looked up or not, known or not, told or only counted: it takes as long.
  const even = trail.subject && pause(limits.refusal_ms_min)
  trail.event = null
  if (isTold(app, trail, error)) {
    // What was noted went with the transaction that failed.
    trail.changes = []
    await app.database.write(
      (tx) => appendRefused(app, eventStore(within(app, tx), trail), { trail, error }),
      { durability: 'relaxed', turn: null, touches: 'events' },
    )
  }
  await even
}

/** The same in a transaction whose changes stand. */
export async function appendRefused(
  app: Pipeline,
  store: TenantStore,
  { trail, error }: { trail: Trail; error: LocketError },
): Promise<void> {
  const { operation } = trail.request
  const facts = trail.input === undefined ? undefined : operation.facts?.(trail.input, null)
  const spaceId = await usable(store, trail.spaceId)
  const event = eventOf(app, trail, {
    outcome: outcomeOf(error),
    code: error.code,
    details: detailsOf(trail, { ...facts?.details, ...error.facts }, false),
    spaceId,
    resourceId: facts?.resourceId ?? spaceId,
  })
  trail.event = await appendEvent(store, event, app.clock)
}

/** The event of what is refused before it is anybody's call of anything. */
export async function auditUnanswered(
  app: Pipeline,
  { address, code }: { address: string | null; code: ErrorCode },
): Promise<void> {
  if (!app.services.refusals.add(address, code)) return
  const about = { outcome: 'denied', code, address, details: { count: 1 } } as const
  const event = jobEvent(app.clock(), 'requests.refused', about)
  await app.database.write(
    (tx) => appendEvent(within(app, tx).open(instanceTenant), event, app.clock),
    { durability: 'relaxed', turn: null, touches: 'events' },
  )
}

/** False for one of many of its kind, that is only counted: of nobody known, or of who calls too often. */
function isTold(app: Pipeline, trail: Trail, { code, status }: LocketError): boolean {
  const { refusals } = app.services
  const { address } = trail.request
  // However many there are, from wherever: they would only make the queue longer.
  if (code === 'audit_sink_full') return refusals.add(null, code)
  const tenant = (trail.caller ?? trail.subject)?.tenant
  if (tenant === undefined) return refusals.add(address, code)
  const actor = actorOf(trail)
  const action = trail.request.operation.audit
  if (actor === null) return refusals.add(address, code, { tenant, actor, action })
  return status !== 429 || refusals.add(address, code, { tenant, actor })
}

/**
 * The view that an event is added to in a transaction of its own. It is sealed with the keys as they
 * were when the caller was let in: a version that was replaced since still opens what it sealed.
 */
export function eventStore(inside: Within, { caller, subject, epoch }: Trail): TenantStore {
  const store = inside.open((caller ?? subject)?.tenant ?? instanceTenant)
  if (epoch !== null) store.follow(epoch)
  return store
}

/**
 * The space whose key can seal the event. One that the failed operation made is gone with it, one
 * may be destroyed or damaged: the tenant's key seals then, since a refusal must not go unwritten.
 */
async function usable(store: TenantStore, spaceId: Id<'spc'> | null): Promise<Id<'spc'> | null> {
  try {
    if (spaceId) await store.keys(spaceId)
    return spaceId
  } catch (thrown) {
    if (thrown instanceof LocketError) return null
    throw thrown
  }
}

type Details = NewEvent['details']

type Ending = Pick<NewEvent, 'outcome' | 'code' | 'details' | 'spaceId' | 'resourceId'> &
  Partial<Pick<NewEvent, 'action'>>

function eventOf(app: Pipeline, trail: Trail, ending: Ending): NewEvent {
  const { request, decision } = trail
  return {
    time_ms: app.clock(),
    class: classOf(request.operation, ending.outcome),
    action: ending.action ?? request.operation.audit,
    outcome: ending.outcome,
    code: ending.code,
    actor: actorOf(trail),
    requestId: request.requestId,
    door: request.door,
    address: request.address,
    userAgent: request.userAgent,
    decision,
    resourceId: ending.resourceId,
    spaceId: ending.spaceId,
    details: ending.details,
  }
}

function actorOf({ caller, subject }: Trail): NewEvent['actor'] {
  const who = caller ?? subject?.actor
  if (!who) return null
  const credentialId = (caller ?? subject)?.credentialId ?? null
  const method = caller?.method ?? null
  const actor = { id: who.principalId, kind: who.kind, credentialId, method }
  if (!caller?.onBehalfOf) return actor
  const { principalId: id, userPresent } = caller.onBehalfOf
  return { ...actor, onBehalfOf: { id, userPresent } }
}

/** Of operations that are about who may do something; of all others what they do tells. */
const classes: Partial<Record<RateClass, EventClass>> = {
  admin: 'admin',
  invitation: 'admin',
  reset: 'admin',
  'sign-in': 'security',
}

/** The class of an operation's event. */
export function classOf(operation: Operation, outcome: Outcome): EventClass {
  if (outcome === 'denied') return 'security'
  return classes[operation.rateClass] ?? (operation.effect === 'read' ? 'read' : 'write')
}
