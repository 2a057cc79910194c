/** Audit sinks: how far each log was shipped to each of them. */
import { z } from 'zod'
import { Timestamp } from '../../kernel/fields.ts'
import { type SinkKind, sinkFaults, sinkKinds } from '../../sinks/sink.ts'
import type { Tables } from '../../storage/tables.ts'

/** How far a log was shipped to a sink. */
export type Position = Omit<Tables['audit_sinks'], 'mac'>

/** How a sink keeps up: what its row at the instance's log says. */
export const sinkStates = ['current', 'behind', 'full'] as const
export type SinkState = (typeof sinkStates)[number]

export const AuditSink = z.strictObject({
  kind: z.enum(sinkKinds),
  destination: z.string().describe('A file, or a server without the path of its address.'),
  required: z.boolean().describe('Whether operations are refused while its queue is full.'),
  state: z
    .enum(sinkStates)
    .describe('`behind`: an event waits for more than a minute, or half the queue is taken.'),
  waiting: z.int().describe('Entries of all logs that it has not taken yet.'),
  waitingMax: z.int().describe('So many, and its queue is full.'),
  oldestWaiting: Timestamp.nullable().describe('When the oldest of them happened.'),
  failure: z
    .strictObject({
      fault: z.enum(sinkFaults as readonly [string, ...string[]]),
      detail: z.string().nullable().describe('A code: of the system, or an HTTP status.'),
      tries: z.int(),
      since: Timestamp,
    })
    .nullable()
    .describe('Why this node cannot ship to it at present.'),
})
export type AuditSink = z.output<typeof AuditSink>

/** A log begins to be shipped with the first entry that is kept. */
export function newPosition(kind: SinkKind, tenant: Position['tenant_id']): Position {
  return {
    tenant_id: tenant,
    kind,
    next_leaf: 0,
    sending_until: 0,
    sender_id: null,
    sender_until: 0,
    state: 'current',
  }
}
