/**
 * Appends an event in the caller's transaction: it commits with what it speaks of, or neither does.
 * The address and agent are sealed under the actor's key, the rest under the space's key (or the
 * tenant's), so that erasing a person or a space takes the content of its events too, while the
 * commitment, which the log's leaf is made of, stays.
 */
import type { Clock } from '../../core/clock.ts'
import { toBase64Url } from '../../core/encoding.ts'
import { type Id, newId } from '../../core/ids.ts'
import { fillRandom } from '../../crypto/random.ts'
import { insertEvent } from '../../storage/insert-event.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { commitmentOf } from '../../tlog/commitment.ts'
import type { EventBody, EventOrigin, NewEvent } from './event.ts'
import { eventProof } from './event-proof.ts'

const salt_bytes = 16

export async function appendEvent(
  store: TenantStore,
  event: NewEvent,
  clock: Clock,
): Promise<Id<'evt'>> {
  const id = newId('evt', clock)
  const scope = event.spaceId ?? 'tenant'
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
  const originKeys = store.knownKeys(originScope) ?? (await store.keys(originScope))
  const keys = store.knownKeys(scope) ?? (await store.keys(scope))
  const salt = toBase64Url(fillRandom(Buffer.allocUnsafe(salt_bytes)))
  const origin = originOf(event)
  const body = bodyOf(event)
  const commitment = commitmentOf(clear, { salt, body, origin })
  const proving = store.knownKeys('lookup') ?? (await store.keys('lookup'))
  await store.run(insertEvent, {
    ...clear,
    scope,
    commitment,
    proof: eventProof(proving.current, { tenant_id: store.tenant, ...clear, scope, commitment }),
    origin: store.sealText(originKeys, originScope, {
      cell: { table: 'audit_events', row: id, column: 'origin' },
      text: origin,
    }),
    body: store.sealText(keys, scope, {
      cell: { table: 'audit_events', row: id, column: 'body' },
      text: withSalt(salt, body),
    }),
  })
  return id
}

function originOf({ address, userAgent }: NewEvent): string {
  const origin: EventOrigin = { address, userAgent }
  return JSON.stringify(origin)
}

/** The body without its salt: each event is written in JSON once, to be hashed and to be sealed. */
function bodyOf(event: NewEvent): string {
  const { actor, requestId, door, decision, details } = event
  const body: Omit<EventBody, 'salt'> = {
    code: event.code,
    actor: actor && {
      kind: actor.kind,
      credentialId: actor.credentialId,
      method: actor.method,
    },
    ...(actor?.onBehalfOf && { onBehalfOf: actor.onBehalfOf }),
    requestId,
    door,
    decision,
    details,
  }
  return JSON.stringify(body)
}

/** The whole body, as JSON: the salt is its first field, and base64url needs no escape. */
function withSalt(salt: string, body: string): string {
  return `{"salt":"${salt}",${body.slice(1)}`
}
