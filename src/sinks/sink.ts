/** Audit sinks: what takes events of audit logs elsewhere, and what each of them is handed. */
import { Fault } from '../core/fault.ts'

export const sinkKinds = ['file', 'syslog', 'webhook'] as const
export type SinkKind = (typeof sinkKinds)[number]

/** How events are told: as Locket lists them, or in the Open Cybersecurity Schema Framework. */
export const sinkFormats = ['json', 'ocsf'] as const
export type SinkFormat = (typeof sinkFormats)[number]

/** An event as it is shipped. */
export interface ShippedEvent {
  /** Its place in its log. */
  readonly leaf: number
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly action: string
  readonly outcome: 'allowed' | 'denied' | 'failed'
  /** One line of JSON, which begins with a head of `lineHeads` and has its place where `placeIn` looks. */
  json(repeated: boolean): string
  /** The same without details and agent, for where there is little room. */
  brief(repeated: boolean): string
}

/** Events of one log, in the order of their leaves. A leaf that is missing was removed before its turn. */
export interface Batch {
  /** The origin of the log. */
  readonly log: string
  /** It is about the leaves from here to before `until`. */
  readonly from: number
  readonly until: number
  readonly events: readonly ShippedEvent[]
  /** All of it, or a part, may have been sent before: what became of that nobody has noted. */
  readonly repeated: boolean
  /** All that the log has is sent once more; else a batch that is repeated is the last that was sent. */
  readonly anew: boolean
}

export interface Sink {
  /** Where it leads, as operators may see it; no secret is in it. */
  readonly destination: string
  /** Hands the events over; they are taken when it resolves. Throws `SinkError`. */
  send(batch: Batch, signal: AbortSignal): Promise<void>
  /** Does what sending does but for the events, as far as nothing is left of it. Throws `SinkError`. */
  probe(): Promise<void>
  close(): Promise<void>
}

/** What every line of a format begins with. */
export const lineHeads: Readonly<Record<SinkFormat, string>> = {
  json: '{"log":',
  ocsf: '{"metadata":{"log_name":',
}

/** Which event a line is. */
export interface Place {
  readonly log: unknown
  readonly leaf: unknown
  readonly id: unknown
}

/** Whichever format it is in: that may have been changed since. Null for a line that is none of ours. */
export function placeIn(line: string): Place | null {
  const { json, ocsf } = lineHeads
  if (!line.startsWith(json) && !line.startsWith(ocsf)) return null
  const { log, leaf, id, metadata } = membersOf(line)
  if (line.startsWith(json)) return { log, leaf, id }
  const { log_name, sequence, uid } = Object(metadata)
  return { log: log_name, leaf: sequence, id: uid }
}

function membersOf(line: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(line))
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return {}
    throw thrown
  }
}

const sentences = {
  unreachable: 'The sink cannot be reached.',
  untrusted: 'The sink cannot be reached by TLS that is to be trusted.',
  refused: 'The sink does not take the events, or must not be called.',
  timeout: 'The sink took too long.',
  full: 'There is no space left for the events.',
  failed: 'The sink did not take the events this time.',
} as const

export const sinkFaults = Object.keys(sentences) as readonly SinkFault[]
export type SinkFault = keyof typeof sentences

/** Why a sink has not taken a batch. It has no `cause`: nothing that the other side said is in it. */
export class SinkError extends Fault {
  readonly fault: SinkFault
  /** The code of the error below (`ECONNREFUSED`, `503`); if any. */
  readonly detail: string | null
  /** When the sink wants to be asked again, where it has said so. */
  readonly retryAfter_ms: number | null

  constructor(fault: SinkFault, detail: string | null = null, retryAfter_ms: number | null = null) {
    super(sentences[fault])
    this.name = 'SinkError'
    this.fault = fault
    this.detail = detail
    this.retryAfter_ms = retryAfter_ms
  }
}
