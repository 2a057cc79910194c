/** From the row of an event to what it says. */
import { toTimestamp } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import { Fault } from '../../core/fault.ts'
import { macsEqual } from '../../crypto/data-key.ts'
import type { KeyScope, Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { commitmentOf } from '../../tlog/commitment.ts'
import type { AuditEvent, EventBody, EventOrigin } from './event.ts'
import { isProvenRow } from './proven-row.ts'

type Row = Tables['audit_events']

/** The event as it is listed. Throws `integrity_failed` when it is not what was committed to. */
export async function openEvent(store: TenantStore, row: Row): Promise<AuditEvent> {
  return toEvent(row, await openContent(store, row))
}

/** The event as far as it stands in clear: for one that cannot be opened. */
export function closedEvent(row: Row): AuditEvent {
  return { ...toEvent(row, { body: null, origin: null }), erased: false }
}

/** What is sealed of an event; null what went with its key. */
export interface EventContent {
  readonly body: EventBody | null
  readonly origin: EventOrigin | null
}

/**
 * Throws `integrity_failed` when the event is not what was committed to; or, where a part of that is gone and the
 * commitment cannot be held against it, when the row does not carry the MAC that it was added with.
 */
export async function openContent(store: TenantStore, row: Row): Promise<EventContent> {
  const cell = { table: 'audit_events', row: row.event_id } as const
  const body = await openPart<EventBody>(row.body, (sealed) =>
    store.open(row.scope, { ...cell, column: 'body' }, sealed),
  )
  const originScope: KeyScope = row.actor_id ?? 'tenant'
  const origin = await openPart<EventOrigin>(row.origin, (sealed) =>
    store.open(originScope, { ...cell, column: 'origin' }, sealed),
  )
  const isIt =
    body && origin
      ? macsEqual(commitmentAgain(row, body, origin), row.commitment)
      : await isProvenRow(store, row)
  if (!isIt) {
    const cause = new Fault('an audit event is not what was committed to')
    throw new LocketError('integrity_failed', undefined, { cause })
  }
  return { body, origin }
}

function toEvent(row: Row, { body, origin }: EventContent): AuditEvent {
  return {
    id: row.event_id,
    // Below zero: one that is not believed is no leaf.
    leaf: row.leaf !== null && row.leaf >= 0 ? row.leaf : null,
    time: toTimestamp(row.time),
    class: row.class,
    action: row.action,
    outcome: row.outcome,
    code: body?.code ?? null,
    ...actorsOf(row, body),
    resourceId: row.resource_id,
    spaceId: row.scope.startsWith('spc_') ? row.scope : null,
    requestId: body?.requestId ?? null,
    door: body?.door ?? null,
    decision: body?.decision ?? null,
    address: origin?.address ?? null,
    userAgent: origin?.userAgent ?? null,
    details: body?.details ?? {},
    erased: body === null || origin === null,
  }
}

function actorsOf(row: Row, body: EventBody | null): Pick<AuditEvent, 'actor' | 'onBehalfOf'> {
  const { kind = null, credentialId = null, method = null } = body?.actor ?? {}
  return {
    actor: row.actor_id && { id: row.actor_id, kind, credentialId, method },
    onBehalfOf: body?.onBehalfOf ?? null,
  }
}

/** As it was made when the event was added: of the same JSON. */
function commitmentAgain(row: Row, { salt, ...body }: EventBody, origin: EventOrigin): Uint8Array {
  return commitmentOf(row, { salt, body: JSON.stringify(body), origin: JSON.stringify(origin) })
}

/** Null when the key was destroyed with its space or person; anything else wrong is an error. */
async function openPart<T>(
  sealed: Uint8Array | null,
  open: (sealed: Uint8Array) => Promise<unknown>,
): Promise<T | null> {
  if (!sealed) return null
  try {
    return (await open(sealed)) as T
  } catch (thrown) {
    if (thrown instanceof LocketError && thrown.code === 'not_found') return null
    throw thrown
  }
}
