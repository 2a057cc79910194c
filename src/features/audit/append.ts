/**
 * Appends an event in the caller's transaction: it commits with what it speaks of, or neither does.
 * The address and agent are sealed under the actor's key, the rest under the space's key (or the
 * tenant's), so that erasing a person or a space takes the content of its events too, while the
 * commitment, which the log's leaf is made of, stays.
 */
import type { Clock } from '../../core/clock.ts'
import { toBase64Url } from '../../core/encoding.ts'
import { newId } from '../../core/ids.ts'
import { randomBytes } from '../../crypto/random.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { commitmentOf } from './commitment.ts'
import type { EventBody, EventOrigin, NewEvent } from './event.ts'
import { insertEvent } from './store.ts'

export async function appendEvent(
  store: TenantStore,
  event: NewEvent,
  clock: Clock,
): Promise<string> {
  const id = newId('evt', clock)
  const body = bodyOf(event)
  const origin: EventOrigin = { address: event.address, userAgent: event.userAgent }
  const scope = event.spaceId ?? 'tenant'
  const cell = { table: 'audit_events', row: id } as const
  const originScope = event.actor?.id ?? 'tenant'
  const clear = {
    event_id: id,
    time: event.time_ms,
    class: event.class,
    action: event.action,
    outcome: event.outcome,
    actor_id: event.actor?.id ?? null,
    resource_id: event.resourceId,
  }
  await store.run(insertEvent, {
    ...clear,
    scope,
    commitment: commitmentOf(clear, { body, origin }),
    origin: await store.seal(originScope, { ...cell, column: 'origin' }, origin),
    body: await store.seal(scope, { ...cell, column: 'body' }, body),
  })
  return id
}

function bodyOf(event: NewEvent): EventBody {
  const { actor, requestId, door, decision, details } = event
  return {
    salt: toBase64Url(randomBytes(16)),
    code: event.code ?? null,
    actor: actor && { kind: actor.kind, credentialId: actor.credentialId },
    requestId,
    door,
    decision,
    details,
  }
}
