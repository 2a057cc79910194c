/**
 * What a running server counts, in one registry. Every label comes from a closed list: ids of operations,
 * names of jobs, codes, classes. A value that is on none is counted as `other`, so that neither a tenant, a
 * principal, an address nor any text can become a series, and the number of series has a bound.
 */
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { type ErrorCode, errorTable } from '../core/errors.ts'
import { createGauges, type Measure } from './gauges.ts'

/** How an operation ended, as the audit says it. */
export const outcomes = ['allowed', 'denied', 'failed'] as const
export type Outcome = (typeof outcomes)[number]

/** What was shown by somebody who was not let in; `public`: he has called what asks for no credential. */
export const methods = [
  'api-key',
  'access-token',
  'external-token',
  'certificate',
  'sign-in',
  'public',
  'none',
] as const
export type Method = (typeof methods)[number]

/** Codes that mean that somebody has not proven who he is. */
export const authenticationCodes: ReadonlySet<ErrorCode> = new Set([
  'unauthenticated',
  'wrong_password',
  'wrong_factor',
  'factor_required',
  'tenant_disabled',
  'cross_site_request',
  'provider_refused',
  'no_account',
])

const limitCodes: ReadonlySet<ErrorCode> = new Set(['too_many_requests', 'budget_exhausted'])

/** The lists that labels are from, beside those that stand here. */
export interface Lists {
  readonly operations: readonly string[]
  readonly jobs: readonly string[]
  /** Classes of rates, and `failure`. */
  readonly rateClasses: readonly string[]
  /** Kinds of audit sinks, and why they fail. */
  readonly sinks: readonly string[]
  readonly sinkFaults: readonly string[]
}

export interface RefusedCall {
  readonly operation: string
  readonly outcome: Exclude<Outcome, 'allowed'>
  readonly duration_ms: number
  readonly code: ErrorCode
  readonly method: Method
  readonly rateClass: string
}

export interface Metrics {
  /** An operation was done. */
  done(operation: string, duration_ms: number): void
  refused(call: RefusedCall): void
  /** A request was answered, whatever it was; `code`: of the problem, null where there is none. */
  answered(status: number, code: ErrorCode | null): void
  jobRan(job: string, run: { readonly ok: boolean; readonly duration_ms: number }): void
  /** Events that were not believed and so became no leaves. */
  eventsRefused(count: number): void
  /** This process has signed a checkpoint. */
  checkpointSigned(time_ms: number): void
  /** So many logs were found not to be what they were; nothing is added to them. */
  logsBroken(count: number): void
  /** Pieces of traces were sent, or could not be. */
  spans(count: number, outcome: SpanOutcome): void
  /** An audit sink has taken so many events. */
  sinkTook(sink: string, events: number): void
  sinkFailed(sink: string, fault: string): void
  /** Measures the process, too, and the disk of this directory. Once in a process. */
  watchProcess(directory: string): void
  /** Everything, in the text format of Prometheus. */
  text(): Promise<string>
  /** Of what `text` gives. */
  readonly contentType: string
  /** The names of all metrics. */
  readonly names: readonly string[]
}

const operationBuckets_s = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
const jobBuckets_s = [0.001, 0.01, 0.1, 1, 10, 60]

/** `measure` asks what is not counted but looked up, whenever somebody asks for the text. */
export function createMetrics(lists: Lists, measure: Measure): Metrics {
  const registry = new Registry()
  const gauges = createGauges(registry, measure)
  const counters = createCounters(registry)
  const operation = oneOf(lists.operations)
  const rateClass = oneOf(lists.rateClasses)
  const job = oneOf(lists.jobs)
  beginAtZero(counters, lists)
  const sink = oneOf(lists.sinks)
  const sinkFault = oneOf(lists.sinkFaults)
  const ended = (id: string, outcome: Outcome, duration_ms: number): void => {
    const name = operation(id)
    counters.operations.inc({ operation: name, outcome })
    counters.durations.observe({ operation: name }, duration_ms / 1000)
  }
  return {
    done: (id, duration_ms) => ended(id, 'allowed', duration_ms),
    refused: ({ operation: id, outcome, duration_ms, code, method, ...call }) => {
      ended(id, outcome, duration_ms)
      if (authenticationCodes.has(code)) counters.authentication.inc({ method, code })
      if (limitCodes.has(code)) counters.limits.inc({ class: rateClass(call.rateClass), code })
    },
    answered: (status, code) => {
      counters.responses.inc({ class: `${Math.trunc(status / 100)}xx` })
      if (code !== null) counters.errors.inc({ code })
    },
    jobRan: (name, { ok, duration_ms }) => {
      counters.jobRuns.inc({ name: job(name), outcome: ok ? 'done' : 'failed' })
      counters.jobDurations.observe({ name: job(name) }, duration_ms / 1000)
    },
    eventsRefused: (count) => counters.refusedEvents.inc(count),
    checkpointSigned: gauges.checkpointSigned,
    logsBroken: gauges.logsBroken,
    spans: (count, outcome) => counters.spans.inc({ outcome }, count),
    sinkTook: (name, events) => counters.sinkEvents.inc({ sink: sink(name) }, events),
    sinkFailed: (name, fault) =>
      counters.sinkFailures.inc({ sink: sink(name), fault: sinkFault(fault) }),
    watchProcess: (directory) => {
      collectDefaultMetrics({ register: registry })
      gauges.watchDisk(directory)
    },
    text: async () => {
      await gauges.refresh()
      return registry.metrics()
    },
    contentType: registry.contentType,
    get names() {
      return registry.getMetricsAsArray().map(({ name }) => name)
    },
  }
}

function createCounters(registry: Registry) {
  const registers = [registry]
  const counter = <Label extends string>(name: string, help: string, labels: readonly Label[]) =>
    new Counter({ name: `locket_${name}`, help, labelNames: labels, registers })
  const histogram = <Label extends string>(
    name: string,
    help: string,
    shape: { readonly labels: readonly Label[]; readonly buckets: number[] },
  ) => {
    const { labels: labelNames, buckets } = shape
    return new Histogram({ name: `locket_${name}`, help, labelNames, buckets, registers })
  }
  return {
    operations: counter('operations_total', 'Calls of operations, by how they ended.', [
      'operation',
      'outcome',
    ]),
    durations: histogram('operation_duration_seconds', 'How long operations took.', {
      labels: ['operation'],
      buckets: operationBuckets_s,
    }),
    responses: counter('http_responses_total', 'Answers, by class of status.', ['class']),
    errors: counter('errors_total', 'Problems that were answered, by code.', ['code']),
    authentication: counter(
      'authentication_failures_total',
      'Calls by somebody who has not proven who he is, by what he has shown.',
      ['method', 'code'],
    ),
    limits: counter('limit_violations_total', 'Calls that a budget refused, by class.', [
      'class',
      'code',
    ]),
    // Not `job`: by that name Prometheus keeps where it has scraped.
    jobRuns: counter('job_runs_total', 'Runs of background jobs, by how they ended.', [
      'name',
      'outcome',
    ]),
    jobDurations: histogram('job_duration_seconds', 'How long runs of background jobs took.', {
      labels: ['name'],
      buckets: jobBuckets_s,
    }),
    spans: counter('trace_spans_total', 'Pieces of traces, by whether they could be sent.', [
      'outcome',
    ]),
    refusedEvents: counter(
      'audit_events_refused_total',
      'Audit events that did not say any more what they said when they were added.',
      [],
    ),
    sinkEvents: counter('audit_sink_events_total', 'Audit events that a sink has taken.', ['sink']),
    sinkFailures: counter(
      'audit_sink_failures_total',
      'Times that an audit sink has not taken what it was sent, by why.',
      ['sink', 'fault'],
    ),
  }
}

/** What has never happened is told as 0: of a series that begins with 1, no increase can be seen. */
function beginAtZero(
  { errors, jobRuns, spans }: ReturnType<typeof createCounters>,
  { jobs }: Lists,
): void {
  for (const outcome of spanOutcomes) spans.inc({ outcome }, 0)
  for (const code of Object.keys(errorTable)) errors.inc({ code }, 0)
  for (const name of jobs) {
    for (const outcome of jobOutcomes) jobRuns.inc({ name, outcome }, 0)
  }
}

const spanOutcomes = ['sent', 'lost'] as const
type SpanOutcome = (typeof spanOutcomes)[number]

const jobOutcomes = ['done', 'failed'] as const

/** Of what is on no list nothing is said but that it was there. */
function oneOf(list: readonly string[]): (value: string) => string {
  const known = new Set(list)
  return (value) => (known.has(value) ? value : 'other')
}

/**
 * How many series there can be at the most, those of the process left out: what the lists allow, and nothing
 * that anybody sends.
 */
export function seriesBound(lists: Lists): number {
  const { operations, jobs, rateClasses, sinks, sinkFaults } = lists
  const codes = Object.keys(errorTable).length
  const histogram = (buckets: readonly number[]): number => buckets.length + 3
  const perOperation = outcomes.length + histogram(operationBuckets_s)
  const perJob = 2 + histogram(jobBuckets_s)
  const refusals =
    methods.length * authenticationCodes.size + limitCodes.size * (rateClasses.length + 1)
  const gauges = 40
  const perSink = sinkFaults.length + 5
  return (
    perOperation * (operations.length + 1) +
    perJob * (jobs.length + 1) +
    perSink * (sinks.length + 1) +
    codes +
    refusals +
    gauges
  )
}
