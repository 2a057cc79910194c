/**
 * What leaves of an event: what an auditor is shown of it, its place, and whether it may have been sent before.
 * The log and the place stand first: a sink knows by them what it has.
 */
import type { ShippedEvent, SinkFormat } from '../../sinks/sink.ts'
import type { EventRecord } from '../event-records/event-record.ts'
import { toOcsf } from '../event-records/ocsf.ts'

/** How an event is shipped, and out of which log. */
export interface Shipping {
  readonly format: SinkFormat
  /** The origin of the log. */
  readonly log: string
}

interface Marks {
  readonly repeated: boolean
  /** Without details and agent. */
  readonly shortened: boolean
  readonly damaged: boolean
}

/** An event that has its place in its log. */
export type PlacedRecord = EventRecord & { readonly leaf: number }

type Teller = (event: PlacedRecord, log: string, marks: Marks) => object

const tellers: Readonly<Record<SinkFormat, Teller>> = {
  json: ({ id, leaf, ...said }, log, { repeated, shortened, damaged }) => ({
    log,
    leaf,
    id,
    repeated,
    ...said,
    ...(shortened && { details: {}, userAgent: null, shortened }),
    ...(damaged && { damaged }),
  }),
  ocsf: (event, log, { repeated, shortened, damaged }) => {
    const { unmapped, http_request: agent, ...told } = toOcsf(event, log)
    return {
      ...told,
      ...(agent !== undefined && !shortened && { http_request: agent }),
      unmapped: {
        ...unmapped,
        repeated,
        ...(shortened && { details: {}, shortened }),
        ...(damaged && { damaged }),
      },
    }
  },
}

/** `damaged`: what is stored of it is not what was sealed. */
export function toShipped(
  event: PlacedRecord,
  { format, log }: Shipping,
  damaged = false,
): ShippedEvent {
  const { leaf, id, time, action, outcome } = event
  const told = (repeated: boolean, shortened: boolean): string =>
    JSON.stringify(tellers[format](event, log, { repeated, shortened, damaged }))
  return {
    leaf,
    id,
    time: Date.parse(time),
    action,
    outcome,
    json: (repeated) => told(repeated, false),
    brief: (repeated) => told(repeated, true),
  }
}
