import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { AuditSink } from './audit-sink.ts'
import type { NamedSink } from './sinks.ts'

/** Lists the sinks that the settings name, and how each of them keeps up. */
export const listAuditSinks = operation({
  id: 'audit-sinks.list',
  method: 'GET',
  path: '/v1/audit-sinks',
  summary: 'List where audit events are shipped to, and how each sink keeps up.',
  effect: 'read',
  idempotent: false,
  permission: 'system:admin',
  resource: () => ({ kind: 'instance' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'audit-sink.listed',
  input: z.strictObject({}),
  output: z.strictObject({ items: z.array(AuditSink) }),
  status: 200,
  run: async (ctx) => {
    const { all, queue_events_max } = ctx.services.auditSinks
    return { items: all.map((one) => toAnswer(one, queue_events_max)) }
  },
})

function toAnswer(one: NamedSink, waitingMax: number): z.output<typeof AuditSink> {
  const { kind, required, lag, failure } = one
  const oldest = lag?.oldest ?? null
  return {
    kind,
    destination: one.sink.destination,
    required,
    state: one.state ?? 'current',
    waiting: lag?.waiting ?? 0,
    waitingMax,
    oldestWaiting: oldest === null ? null : toTimestamp(oldest),
    failure: failure && {
      fault: failure.fault,
      detail: failure.detail,
      tries: failure.tries,
      since: toTimestamp(failure.since),
    },
  }
}
