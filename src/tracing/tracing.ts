/**
 * Traces of requests (OpenTelemetry), where an endpoint for them is named. The SDK makes ids and times and collects
 * what is to be sent; which request is traced, what is told of it and how it leaves is decided here. Nothing of the
 * SDK is loaded where there is no endpoint.
 *
 * Whether a request is traced is drawn by lot, here: neither a header nor an id that a caller sends has a say in it, so
 * nobody can have all of his requests recorded or none. Which trace it is a part of is believed of those alone whom
 * the operator has named.
 */
import type { Context, Span as OtelSpan, Tracer } from '@opentelemetry/api'
import type { BatchSpanProcessor, SpanProcessor } from '@opentelemetry/sdk-trace'
import { isWithin, networksOf } from '../core/address.ts'
import { limits } from '../core/limits.ts'
import type { Span, SpanFacts, SpanKind } from '../core/span.ts'
import { createExporter, type ExporterOptions } from './exporter.ts'
import { readTraceparent, type Traceparent } from './traceparent.ts'

export interface TraceSettings {
  /** Of a collector that takes OTLP over HTTP; without a slash at its end. */
  readonly endpoint: string
  /** Which share of requests is traced, from 0 to 1. */
  readonly sample: number
  /** Addresses and networks of callers whose word on the trace is taken. */
  readonly parents: readonly string[]
}

export interface TracingOptions extends Omit<ExporterOptions, 'endpoint'> {
  /** From 0 to below 1. */
  readonly draw: () => number
}

/** A request, before anything of it is believed. */
export interface Begun {
  readonly method: string
  readonly route: string
  readonly requestId: string
  readonly address: string | null
  /** The header of this name. */
  readonly traceparent: string | null
}

export interface Tracing {
  /** Null where the lot does not fall on it. */
  begin(request: Begun): Span | null
  /** Sends what waits, within a bounded time. */
  close(): Promise<void>
}

type Api = typeof import('@opentelemetry/api')

export async function openTracing(
  { endpoint, sample, parents }: TraceSettings,
  { version, draw, ...exporting }: TracingOptions,
): Promise<Tracing> {
  const [api, sdk] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
  ])
  const queue = new Queue(exporting.settled)
  const exporter = createExporter({ ...exporting, version, endpoint, settled: queue.settled })
  queue.batches = new sdk.BatchSpanProcessor({
    exporter,
    maxQueueSize: limits.traceQueue_spans_max,
    maxExportBatchSize: limits.traceBatch_spans_max,
    scheduledDelayMillis: limits.traceBatch_wait_ms,
    exportTimeoutMillis: limits.traceCall_timeout_ms,
  })
  const provider = new sdk.TracerProvider({
    sampler: new sdk.AlwaysOnSampler(),
    spanProcessors: [queue],
  })
  const tracer = provider.getTracer('locket', version)
  const trusted = networksOf(parents)
  return {
    begin: ({ method, route, requestId, address, traceparent }) => {
      if (draw() >= sample) return null
      const isBelieved = parents.length > 0 && isWithin(trusted, address)
      const root = contextOf(api, isBelieved ? readTraceparent(traceparent) : null)
      const made = tracer.startSpan(`${method} ${route}`, { kind: api.SpanKind.SERVER }, root)
      const span = new TracedSpan(made, { api, tracer })
      span.tell({
        'http.request.method': method,
        'http.route': route,
        'locket.request_id': requestId,
      })
      return span
    },
    close: () => within(limits.traceClose_timeout_ms, provider.shutdown()),
  }
}

function contextOf({ ROOT_CONTEXT, trace, TraceFlags }: Api, parent: Traceparent | null): Context {
  if (parent === null) return ROOT_CONTEXT
  return trace.setSpanContext(ROOT_CONTEXT, {
    ...parent,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  })
}

/** Names from lists in the program: routes, operations, codes, ids of requests. */
const word = /^[\w.+:*/{}() -]{1,120}$/

class TracedSpan implements Span {
  readonly traceId: string
  readonly #span: OtelSpan
  readonly #parts: { readonly api: Api; readonly tracer: Tracer }

  constructor(span: OtelSpan, parts: { readonly api: Api; readonly tracer: Tracer }) {
    this.traceId = span.spanContext().traceId
    this.#span = span
    this.#parts = parts
  }

  child(name: string, kind: SpanKind): Span {
    const { api, tracer } = this.#parts
    const { SpanKind: kinds, trace, ROOT_CONTEXT } = api
    const context = trace.setSpan(ROOT_CONTEXT, this.#span)
    const made = tracer.startSpan(name, { kind: kinds[kindNames[kind]] }, context)
    return new TracedSpan(made, this.#parts)
  }

  tell(facts: SpanFacts): void {
    for (const [name, value] of Object.entries(facts) as [string, string | number][]) {
      if (typeof value === 'number' || word.test(value)) this.#span.setAttribute(name, value)
    }
  }

  fail(): void {
    this.#span.setStatus({ code: this.#parts.api.SpanStatusCode.ERROR })
  }

  end(): void {
    this.#span.end()
  }
}

const kindNames = { internal: 'INTERNAL', client: 'CLIENT' } as const

/**
 * Before the SDK's own queue, which drops what does not fit and tells nobody: here it is counted. What is being sent
 * counts as waiting.
 */
class Queue implements SpanProcessor {
  batches: BatchSpanProcessor | undefined
  #waiting = 0
  readonly #settled: ExporterOptions['settled']

  constructor(settled: ExporterOptions['settled']) {
    this.#settled = settled
  }

  readonly settled: ExporterOptions['settled'] = (count, outcome) => {
    this.#waiting -= count
    this.#settled(count, outcome)
  }

  onStart(): void {
    // What has only begun is nothing to send.
  }

  onEnd(span: Parameters<SpanProcessor['onEnd']>[0]): void {
    if (this.#waiting >= limits.traceQueue_spans_max) {
      this.#settled(1, 'lost')
      return
    }
    this.#waiting += 1
    this.batches?.onEnd(span)
  }

  async forceFlush(): Promise<void> {
    await this.batches?.forceFlush()
  }

  async shutdown(): Promise<void> {
    await this.batches?.shutdown()
  }
}

/** What could not be sent was counted, whichever way it ended. */
async function within(time_ms: number, work: Promise<void>): Promise<void> {
  const over = Promise.withResolvers<void>()
  const timer = setTimeout(() => over.resolve(), time_ms)
  await Promise.race([work.catch(() => undefined), over.promise])
  clearTimeout(timer)
}
