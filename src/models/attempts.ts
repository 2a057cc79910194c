/** Calls that are tried again: what every model behind an endpoint has in common. */
import { type Clock, stopwatch, systemClock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { traced } from '../tracing/traced.ts'
import { createBreaker } from './breaker.ts'
import { asModelError, ModelError } from './model-error.ts'

/** Bounds of the calls to one endpoint; tests set smaller ones. */
export interface AttemptBounds {
  readonly retries_max: number
  /** Before the first retry; each further pause is twice as long. */
  readonly backoff_ms: number
  /** A longer `Retry-After` is not waited for: the call fails and the endpoint is left alone. */
  readonly retryAfter_ms_max: number
  readonly failures_max: number
  readonly rest_ms: number
  readonly rest_ms_max: number
}

export interface AttemptsOptions {
  /** What the log calls it: `embedder`. */
  readonly name: string
  /** For each try. */
  readonly timeout_ms: number
  readonly log: Log
  readonly clock?: Clock
  readonly bounds?: Partial<AttemptBounds>
}

export interface Attempts {
  /** Makes a call, again where that may help. Throws `ModelError`. */
  run<Answer>(call: (signal: AbortSignal) => Promise<Answer>): Promise<Answer>
  /** Whether calls are let through: false while the endpoint is left alone. */
  readonly open: boolean
}

/** Timers may end this much before the time by which a rest is measured. */
const early_ms = 5

const defaultBounds: AttemptBounds = {
  retries_max: limits.modelRetries_max,
  backoff_ms: limits.modelBackoff_ms,
  retryAfter_ms_max: limits.modelRetryAfter_ms_max,
  failures_max: limits.modelFailures_max,
  rest_ms: limits.modelRest_ms,
  rest_ms_max: limits.modelRest_ms_max,
}

export function createAttempts(options: AttemptsOptions): Attempts {
  const { log, name, timeout_ms, clock = systemClock } = options
  const bounds = { ...defaultBounds, ...options.bounds }
  const breaker = createBreaker({ ...bounds, stopwatch })

  async function once<Answer>(call: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    breaker.enter()
    try {
      const answer = await call(AbortSignal.timeout(timeout_ms))
      breaker.succeeded()
      return answer
    } catch (thrown) {
      const error = asModelError(thrown, clock())
      settle(error)
      throw error
    }
  }

  function settle({ reason, status, retryAfter_ms }: ModelError): void {
    // Who turns down an input is well.
    if (reason === 'rejected') {
      breaker.succeeded()
      return
    }
    breaker.failed(retryAfter_ms)
    log.warn({ model: name, reason, status, resting: !breaker.closed }, 'a model did not answer')
  }

  const piece = { name: 'model.call', kind: 'client', facts: { 'locket.model': name } } as const

  function run<Answer>(call: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    return traced(piece, () => repeatedly(call))
  }

  async function repeatedly<Answer>(
    call: (signal: AbortSignal) => Promise<Answer>,
  ): Promise<Answer> {
    for (let retry = 0; ; retry++) {
      try {
        return await once(call)
      } catch (thrown) {
        const pause_ms = pauseAfter(thrown, retry)
        if (pause_ms === null) throw thrown
        await pause(pause_ms + early_ms)
      }
    }
  }

  /** Null: not again. */
  function pauseAfter(thrown: unknown, retry: number): number | null {
    if (!(thrown instanceof ModelError) || !thrown.passing || retry >= bounds.retries_max)
      return null
    const pause_ms = thrown.retryAfter_ms ?? bounds.backoff_ms * 2 ** retry
    return pause_ms <= bounds.retryAfter_ms_max ? pause_ms : null
  }

  return {
    run,
    get open() {
      return breaker.closed
    },
  }
}

function pause(time_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time_ms).unref())
}
