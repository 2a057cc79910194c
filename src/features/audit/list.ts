import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { fromCursor, toCursor, toPage } from '../../core/page.ts'
import { macsEqual } from '../../crypto/data-key.ts'
import { Moment, pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import type { KeyScope, Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { commitmentOf } from './commitment.ts'
import { AuditEvent, type EventBody, type EventOrigin, outcomes } from './event.ts'
import { listEvents, scanEnd } from './store.ts'

type Row = Tables['audit_events']

const id = 'audit-events.list'

const ListAuditEvents = z.strictObject({
  log: z
    .enum(['tenant', 'instance'])
    .default('tenant')
    .describe("The tenant's own log, or the instance's (needs `system:admin`)."),
  action: z.string().max(64).optional().describe('One action, such as `memory.recalled`.'),
  outcome: z.enum(outcomes).optional(),
  actor: z.string().max(40).optional().describe("A principal's id."),
  resource: z.string().max(40).optional().describe('The id of what was acted on.'),
  from: Moment.optional().describe('Not before this moment.'),
  until: Moment.optional().describe('Before this moment.'),
  ...pageFields,
})

/** Lists audit events, newest first. Fails with `invalid_cursor`. */
export const listAuditEvents = operation({
  id,
  method: 'GET',
  path: '/v1/audit-events',
  summary: 'List audit events, newest first. A page may hold fewer than asked for.',
  effect: 'read',
  idempotent: false,
  permission: {
    of: ['audit:read', 'system:admin'],
    by: (input) => (input.log === 'instance' ? 'system:admin' : 'audit:read'),
  },
  resource: {
    of: ['tenant', 'instance'],
    by: (input) => ({ kind: input.log === 'instance' ? 'instance' : 'tenant' }),
  },
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'audit.listed',
  facts: (input, output) => ({ details: { log: input.log, items: output?.items.length ?? 0 } }),
  input: ListAuditEvents,
  output: pageOf(AuditEvent),
  status: 200,
  run: async (ctx, input) => {
    const store = input.log === 'instance' ? ctx.instance() : ctx.store
    const before = input.cursor ? fromCursor(id, input.cursor) : 'evt_~'
    const end = await store.first(scanEnd, { before, rows: limits.auditScan_rows })
    const rows = await store.all(listEvents, {
      before,
      end: end?.event_id ?? '',
      from: input.from ? Date.parse(input.from) : 0,
      until: input.until ? Date.parse(input.until) : Number.MAX_SAFE_INTEGER,
      action: input.action ?? null,
      outcome: input.outcome ?? null,
      actor: input.actor ?? null,
      resource: input.resource ?? null,
      limit: input.limit + 1,
    })
    const opened = await Promise.all(rows.map((row) => openEvent(store, row)))
    const page = toPage(opened, {
      list: id,
      limit: input.limit,
      id: (event) => event.id,
      item: (event) => event,
    })
    // A narrow question over a long log goes on where this one stopped looking.
    return end && !page.nextCursor ? { ...page, nextCursor: toCursor(id, end.event_id) } : page
  },
})

async function openEvent(store: TenantStore, row: Row): Promise<AuditEvent> {
  const cell = { table: 'audit_events', row: row.event_id } as const
  const body = await openPart<EventBody>(row.body, (sealed) =>
    store.open(row.scope, { ...cell, column: 'body' }, sealed),
  )
  const originScope: KeyScope = row.actor_id ?? 'tenant'
  const origin = await openPart<EventOrigin>(row.origin, (sealed) =>
    store.open(originScope, { ...cell, column: 'origin' }, sealed),
  )
  if (body && origin && !macsEqual(commitmentAgain(row, body, origin), row.commitment)) {
    const cause = new Error('an audit event is not what was committed to')
    throw new LocketError('integrity_failed', undefined, { cause })
  }
  return {
    id: row.event_id,
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
