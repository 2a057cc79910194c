import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toCursor, toPage } from '../../core/page.ts'
import { Moment, pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { AuditEvent, outcomes } from './event.ts'
import { openEvent } from './open-event.ts'
import { listEvents, scanEnd } from './store.ts'

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
