/**
 * Sends spans to a collector, through the gate of all outgoing calls. What cannot be sent is counted and dropped: nobody
 * waits for it, and nothing is kept for later but what fits the queue.
 */
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { apart } from '../core/errand.ts'
import type { Log } from '../core/log.ts'
import { failureName } from '../core/log-error.ts'
import { toOtlp } from './otlp.ts'

export interface ExporterOptions {
  /** `/v1/traces` is appended to it. */
  readonly endpoint: string
  /** Of this program. */
  readonly version: string
  /** Has bounds on time and size of its own. */
  readonly send: typeof globalThis.fetch
  readonly log: Log
  /** Told of every span, once, that it was sent or that it was lost. */
  readonly settled: (count: number, outcome: SpanOutcome) => void
}

export type SpanOutcome = 'sent' | 'lost'

/** What the SDK calls success and failure. */
const codes: Readonly<Record<SpanOutcome, 0 | 1>> = { sent: 0, lost: 1 }

export function createExporter(options: ExporterOptions): SpanExporter {
  const { settled } = options
  const tell = teller(options.log)
  return {
    export: (spans, done) => {
      const ended = (outcome: SpanOutcome, problem: string | null): void => {
        settled(spans.length, outcome)
        tell(problem)
        done({ code: codes[outcome] })
      }
      apart(() => post(options, spans)).then(
        (problem) => ended(problem === null ? 'sent' : 'lost', problem),
        (thrown: unknown) => ended('lost', problemOf(thrown)),
      )
    },
    shutdown: () => Promise.resolve(),
  }
}

/** Null when it was taken. The answer may say that parts were rejected; the collector's log has more of that. */
async function post(
  { endpoint, version, send }: ExporterOptions,
  spans: readonly ReadableSpan[],
): Promise<string | null> {
  const answer = await send(`${endpoint}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: toOtlp(spans, version),
  })
  await answer.arrayBuffer()
  return answer.ok ? null : String(answer.status)
}

/** The gate's errors say by a word what was wrong. */
function problemOf(thrown: unknown): string {
  const reason: unknown = thrown instanceof Error ? Reflect.get(thrown, 'reason') : undefined
  return typeof reason === 'string' ? reason : failureName(thrown)
}

/** Said once until it works again: the next call would say the same. */
function teller(log: Log): (problem: string | null) => void {
  let isDown = false
  return (problem) => {
    if (problem !== null && !isDown) log.warn({ reason: problem }, 'traces cannot be sent')
    if (problem === null && isDown) log.info('traces are sent again')
    isDown = problem !== null
  }
}
