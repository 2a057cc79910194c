/** Everything that holds callers back, made once for a process. */
import type { DataKey } from '../crypto/data-key.ts'
import { type RateBudgets, rateBudgets, tryBudgets } from './budgets.ts'
import { createLockout, type Lockout } from './lockout.ts'
import { createNames } from './names.ts'
import { createRateLimits, type RateLimits } from './rate-limits.ts'
import { MemoryTries } from './tries.ts'

export interface Throttles {
  readonly rateLimits: RateLimits
  readonly lockout: Lockout
}

export interface ThrottleOptions {
  /** Names of people are hashed under it: the root key, the same on all nodes. */
  readonly key: DataKey
  readonly budgets?: RateBudgets | undefined
}

export function createThrottles({ key, budgets = rateBudgets }: ThrottleOptions): Throttles {
  const names = createNames(key)
  return {
    rateLimits: createRateLimits({ names, budgets }),
    lockout: createLockout(names, [new MemoryTries(tryBudgets)]),
  }
}
