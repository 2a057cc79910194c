/** Everything that holds callers back, made once for a process. */
import { type Clock, stopwatch } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { DataKey } from '../crypto/data-key.ts'
import { type RateBudgets, rateBudgets, tryBudgets } from './budgets.ts'
import { createLockout, type Lockout } from './lockout.ts'
import { createNames } from './names.ts'
import { createRateLimits, type RateLimits } from './rate-limits.ts'
import { openRedis, type RedisTarget } from './redis.ts'
import { shareBuckets } from './shared-buckets.ts'
import { SharedTries } from './shared-tries.ts'
import { MemoryTries } from './tries.ts'

export interface Throttles {
  readonly rateLimits: RateLimits
  readonly lockout: Lockout
  close(): void
}

export interface ThrottleOptions {
  /** Names of people are hashed under it: the root key, the same on all nodes. */
  readonly key: DataKey
  readonly log: Log
  readonly budgets?: RateBudgets | undefined
  /** What nodes share their counters in; null: this one counts for itself. */
  readonly redis?: RedisTarget | null | undefined
  /** A stopwatch. */
  readonly clock?: Clock
}

export function createThrottles(options: ThrottleOptions): Throttles {
  const { key, log, budgets = rateBudgets, redis = null, clock = stopwatch } = options
  const names = createNames(key)
  const own = new MemoryTries(tryBudgets, clock)
  if (redis === null) {
    return {
      rateLimits: createRateLimits({ names, budgets, clock }),
      lockout: createLockout(names, [own]),
      close: () => undefined,
    }
  }
  const counters = openRedis(redis, log)
  const shared = shareBuckets({ shared: counters, names, clock, log })
  return {
    rateLimits: createRateLimits({ names, budgets, clock, shared }),
    // The own count first and always: it is what is left when the other cannot be asked.
    lockout: createLockout(names, [own, new SharedTries(counters, tryBudgets)]),
    close: () => {
      shared.close()
      counters.close()
    },
  }
}
