/**
 * A circuit breaker: after some failures in a row an endpoint is left alone for a while, so that who
 * needs it is told at once and does not wait for the next timeout. Then one call tries it; when that
 * fails, too, the next rest is twice as long.
 */
import type { Clock } from '../core/clock.ts'
import { ModelError } from './model-error.ts'

export interface Breaker {
  /** Before a call. Fails while the endpoint is left alone or somebody is trying it. */
  enter(): void
  succeeded(): void
  /** `rest_ms`: what the endpoint itself asked for, which is kept to from the first failure on. */
  failed(rest_ms: number | null): void
  /** Whether a call would be let pass. */
  readonly closed: boolean
}

export interface BreakerOptions {
  readonly failures_max: number
  readonly rest_ms: number
  readonly rest_ms_max: number
  /** Milliseconds that never run backwards. */
  readonly stopwatch: Clock
}

export function createBreaker(options: BreakerOptions): Breaker {
  const { stopwatch } = options
  let failures = 0
  let next_ms = options.rest_ms
  /** Null: closed. */
  let until: number | null = null
  let trying = false

  const restFor = (rest_ms: number): void => {
    until = stopwatch() + Math.min(rest_ms, options.rest_ms_max)
    trying = false
  }
  const mayEnter = (): boolean => until === null || (!trying && stopwatch() >= until)

  return {
    enter: () => {
      if (!mayEnter()) throw new ModelError('resting')
      trying = until !== null
    },
    succeeded: () => {
      failures = 0
      next_ms = options.rest_ms
      until = null
      trying = false
    },
    failed: (rest_ms) => {
      failures += 1
      if (rest_ms !== null) restFor(rest_ms)
      // Who tried it after a rest found it no better, however few failures came before.
      else if (failures >= options.failures_max || until !== null) {
        restFor(next_ms)
        next_ms = Math.min(next_ms * 2, options.rest_ms_max)
      }
    },
    get closed() {
      return mayEnter()
    },
  }
}
