/**
 * The sinks that the settings name, and how each of them stands, as far as this node knows: when it is asked
 * again after a failure, and whether operations are refused since it has fallen too far behind.
 */
import type { Clock } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Log } from '../../core/log.ts'
import { randomBytes } from '../../crypto/random.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { createFileSink, type FileSinkSettings } from '../../sinks/file-sink.ts'
import {
  type Sink,
  SinkError,
  type SinkFault,
  type SinkFormat,
  type SinkKind,
} from '../../sinks/sink.ts'
import { createSyslogSink, type SyslogSinkSettings } from '../../sinks/syslog-sink.ts'
import { createWebhookSink, type WebhookSinkSettings } from '../../sinks/webhook-sink.ts'
import type { Database } from '../../storage/database.ts'
import type { SinkState } from './audit-sink.ts'
import type { SinkLag } from './store.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly auditSinks: AuditSinks
  }
}

export interface AuditSinkSettings {
  readonly file: FileSinkSettings | null
  readonly syslog: SyslogSinkSettings | null
  readonly webhook: WebhookSinkSettings | null
  /** How events are told to each of them. */
  readonly format: SinkFormat
  /** Without these nothing is done that is to be audited. */
  readonly required: readonly SinkKind[]
  /** How many events may wait for a sink before its queue is full. */
  readonly queue_events_max: number
}

export const noSinks: AuditSinkSettings = {
  file: null,
  syslog: null,
  webhook: null,
  format: 'json',
  required: [],
  queue_events_max: limits.auditSinkQueue_events,
}

export interface AuditSinks {
  readonly all: readonly NamedSink[]
  find(kind: SinkKind): NamedSink | null
  readonly format: SinkFormat
  readonly queue_events_max: number
  /** What this process is called among those that ship. */
  readonly sender: string
  /** Without which nothing is done. */
  readonly required: readonly SinkKind[]
  /** A required sink is full. */
  readonly isFull: boolean
  /** Throws `audit_sink_full` while a required sink is. */
  admit(): void
  /** Aborted: nothing more is shipped. */
  readonly stopping: AbortSignal
  stop(): void
  close(): Promise<void>
}

interface Parts {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Pick<Metrics, 'sinkTook' | 'sinkFailed'>
  readonly database: Pick<Database, 'engine'>
  readonly egressAllow: readonly string[]
}

export function createAuditSinks(settings: AuditSinkSettings, parts: Parts): AuditSinks {
  const { format, required, queue_events_max } = settings
  const all = openSinks(settings, parts).map(
    ([kind, sink]) => new NamedSink({ kind, sink, required: required.includes(kind) }, parts),
  )
  const stop = new AbortController()
  const isFull = (): boolean => all.some((one) => one.required && one.state === 'full')
  return {
    all,
    find: (kind) => all.find((one) => one.kind === kind) ?? null,
    format,
    queue_events_max,
    required,
    sender: randomBytes(8).toString('hex'),
    get isFull() {
      return isFull()
    },
    admit: () => {
      if (isFull()) {
        throw new LocketError('audit_sink_full', undefined, {
          retryAfter_s: limits.auditSinkRetry_s,
        })
      }
    },
    stopping: stop.signal,
    stop: () => stop.abort(),
    close: async () => {
      await Promise.all(all.map(({ sink }) => sink.close()))
    },
  }
}

/** Those that the settings name. */
export function openSinks(
  { file, syslog, webhook }: AuditSinkSettings,
  parts: Pick<Parts, 'database' | 'egressAllow' | 'log' | 'clock'>,
): readonly [SinkKind, Sink][] {
  const { log, clock, egressAllow: allow } = parts
  const sinks: [SinkKind, Sink][] = []
  // With the embedded database there is one node.
  const alone = parts.database.engine === 'sqlite'
  if (file) sinks.push(['file', createFileSink(file, { alone })])
  if (syslog) sinks.push(['syslog', createSyslogSink(syslog, log)])
  if (webhook) sinks.push(['webhook', createWebhookSink(webhook, { allow, log, clock })])
  return sinks
}

/** Failures in a row. */
export interface Failure {
  readonly fault: SinkFault
  readonly detail: string | null
  readonly tries: number
  readonly since: number
  /** Before this it is not tried again. */
  readonly due: number
}

/** A sink of this process. */
export class NamedSink {
  readonly kind: SinkKind
  readonly sink: Sink
  readonly required: boolean
  /** As they were last measured; null: not yet. */
  lag: SinkLag | null = null
  state: SinkState | null = null
  /** Until when no other node ships to it. */
  heldUntil = 0
  /** The state that this process knows to be told. */
  told: SinkState | null = null
  #failure: Failure | null = null
  readonly #parts: Parts

  constructor(
    { kind, sink, required }: { kind: SinkKind; sink: Sink; required: boolean },
    parts: Parts,
  ) {
    this.kind = kind
    this.sink = sink
    this.required = required
    this.#parts = parts
  }

  get failure(): Failure | null {
    return this.#failure
  }

  /** Whether it has failed and is left alone for now. */
  get rests(): boolean {
    return this.#failure !== null && this.#failure.due > this.#parts.clock()
  }

  took(events: number): void {
    const { log, metrics } = this.#parts
    metrics.sinkTook(this.kind, events)
    if (this.#failure) log.info({ sink: this.kind }, 'an audit sink takes events again')
    this.#failure = null
  }

  /** What is no fault of the sink is thrown on. */
  failed(thrown: unknown): void {
    if (!(thrown instanceof SinkError)) throw thrown
    const { clock, log, metrics } = this.#parts
    const { fault, detail } = thrown
    const now = clock()
    const tries = (this.#failure?.tries ?? 0) + 1
    const rest_ms = restOf(tries, thrown.retryAfter_ms)
    const since = this.#failure?.since ?? now
    this.#failure = { fault, detail, tries, since, due: now + rest_ms }
    metrics.sinkFailed(this.kind, fault)
    log.warn({ sink: this.kind, fault, detail, tries, rest_ms }, 'an audit sink takes no events')
  }
}

/** Twice as long each time, and not for all nodes alike; what the sink asks for, where that is longer. */
function restOf(tries: number, retryAfter_ms: number | null): number {
  const { auditSinkRest_ms: first, auditSinkRest_ms_max: most } = limits
  const whole = Math.min(first * 2 ** Math.min(tries - 1, 20), most)
  const part = 0.5 + (randomBytes(1)[0] ?? 0) / 510
  return Math.min(Math.max(Math.round(whole * part), retryAfter_ms ?? 0), most)
}
