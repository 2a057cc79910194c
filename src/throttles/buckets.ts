/**
 * Token buckets in memory, by the generic cell rate algorithm (ATM Forum TM 4.1, 1999): all that is
 * known of a bucket is when it will be full again, so there is nothing to fill up, no timer and no
 * window at whose edge twice as much gets through. Time is that of a stopwatch: a clock that is set
 * neither opens nor closes anything.
 */
import { limits } from '../core/limits.ts'
import type { RateState } from '../core/rate.ts'
import { type Budget, partsOf, type RateName } from './budgets.ts'

/** Sums of intervals are not exact: what is missing of a moment by less than this is not missing. */
const rounding_ms = 0.001

/** One caller's bucket; what is in it changes under whoever holds it. */
export interface Bucket {
  /** When it is full again, in milliseconds of the stopwatch; the past: it is. */
  full_ms: number
  /** How many were taken that other nodes have not been told of. */
  untold: number
}

/** Something that was taken out of a bucket of these. */
export interface Taking {
  readonly buckets: Buckets
  readonly name: string
  readonly bucket: Bucket
}

/** Whoever lets other nodes know. */
export interface Witness {
  /** Something was taken, and nothing else of the same bucket waits to be told. */
  took(taking: Taking): void
}

/** The buckets of one budget, one for each name. */
export class Buckets {
  readonly name: RateName
  readonly interval_ms: number
  readonly #label: string
  readonly #budget: Budget
  readonly #depth_ms: number
  readonly #buckets = new Map<string, Bucket>()
  readonly #shared: Witness | null

  constructor(name: RateName, budget: Budget, shared: Witness | null = null) {
    this.name = name
    this.#label = partsOf(name)[0]
    this.#shared = shared
    this.#budget = budget
    this.interval_ms = budget.window_ms / budget.requests
    this.#depth_ms = this.interval_ms * budget.burst
  }

  /** The longest that it can take to fill up: after more nodes than there are have emptied it, each for itself. */
  get filling_ms_max(): number {
    return this.#depth_ms * limits.sharedNodes_max
  }

  get size(): number {
    return this.#buckets.size
  }

  /** The bucket of this name. The name is not kept when it was never seen: `take` does that. */
  of(name: string): Bucket {
    return this.#buckets.get(name) ?? { full_ms: 0, untold: 0 }
  }

  /** How long it is until one more request has room, in milliseconds; 0: it has. */
  wait_ms({ full_ms }: Bucket, now: number): number {
    const wait_ms = Math.max(full_ms, now) + this.interval_ms - now - this.#depth_ms
    return wait_ms < rounding_ms ? 0 : wait_ms
  }

  /** Takes one request out. Whether there is room is for the caller to have asked. */
  take(name: string, bucket: Bucket, now: number): void {
    if (bucket.full_ms === 0) this.#keep(name, bucket, now)
    bucket.full_ms = Math.max(bucket.full_ms, now) + this.interval_ms
    if (this.#shared === null) return
    bucket.untold += 1
    if (bucket.untold === 1) this.#shared.took({ buckets: this, name, bucket })
  }

  /** All nodes together have taken so much that it takes this long to fill up. */
  learn(bucket: Bucket, filling_ms: number, now: number): void {
    const full_ms = now + filling_ms + bucket.untold * this.interval_ms
    bucket.full_ms = Math.max(bucket.full_ms, full_ms)
  }

  stateOf({ full_ms }: Bucket, now: number): RateState {
    const filling_ms = Math.max(0, full_ms - now)
    return {
      name: this.#label,
      requests: this.#budget.requests,
      window_s: Math.ceil(this.#budget.window_ms / 1000),
      remaining: Math.max(
        0,
        Math.floor((this.#depth_ms - filling_ms + rounding_ms) / this.interval_ms),
      ),
      reset_s: Math.ceil(filling_ms / 1000),
    }
  }

  /**
   * Makes room by what is known least of: of the oldest few, those that are full again, and when there
   * are none, the oldest. Whoever wants a bucket forgotten has to fill all others first.
   */
  #keep(name: string, bucket: Bucket, now: number): void {
    if (this.#buckets.size >= limits.throttled_max) {
      let looked = 0
      for (const [other, { full_ms }] of this.#buckets) {
        if (full_ms <= now) this.#buckets.delete(other)
        looked += 1
        if (looked >= limits.throttledSweep_max) break
      }
      if (this.#buckets.size >= limits.throttled_max) {
        const [oldest] = this.#buckets.keys()
        if (oldest !== undefined) this.#buckets.delete(oldest)
      }
    }
    this.#buckets.set(name, bucket)
  }
}
