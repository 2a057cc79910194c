import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { AuditEvent } from '../audit/event.ts'
import { askEvents, orderedPage, questionFields } from '../audit/question.ts'
import { streamsOfSubject, subjectFields } from './subject.ts'

const id = 'audit-events.query'

/**
 * Lists audit events about somebody: a handle is personal, and so travels in a body. Fails with
 * `invalid_cursor`.
 */
export const queryAuditEvents = operation({
  id,
  method: 'POST',
  path: '/v1/audit-events/query',
  summary: 'List what was done to somebody, and by whom. A page may hold fewer than asked for.',
  effect: 'read',
  idempotent: false,
  permission: 'audit:read',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'audit.queried',
  facts: (input, output) => ({ details: { as: input.as, items: output?.items.length ?? 0 } }),
  input: z.strictObject({ ...subjectFields, ...questionFields, ...orderedPage }),
  output: pageOf(AuditEvent),
  status: 200,
  run: async (ctx, { subject, as, ...question }) => {
    const among = await streamsOfSubject(ctx.store, subject, as)
    return askEvents(ctx.store, question, { list: id, among })
  },
})
