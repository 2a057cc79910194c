import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { AuditEvent } from './event.ts'
import { logField, ofNamedLog, storeOf } from './named.ts'
import { askEvents, orderedPage, questionFields } from './question.ts'

const id = 'audit-events.list'

const ListAuditEvents = z.strictObject({ ...logField, ...questionFields, ...orderedPage })

/** Lists audit events. Fails with `invalid_cursor`. */
export const listAuditEvents = operation({
  id,
  method: 'GET',
  path: '/v1/audit-events',
  summary: 'List audit events. A page may hold fewer than asked for.',
  effect: 'read',
  idempotent: false,
  ...ofNamedLog,
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'audit.listed',
  facts: (input, output) => ({ details: { log: input.log, items: output?.items.length ?? 0 } }),
  input: ListAuditEvents,
  output: pageOf(AuditEvent),
  status: 200,
  run: (ctx, input) => askEvents(storeOf(ctx, input), input, { list: id }),
})
