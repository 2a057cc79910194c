/** Nodes that share their limits in one Redis. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { LocketError } from '../src/core/errors.ts'
import { createLog } from '../src/core/log.ts'
import { per, rateBudgets, tryBudgets } from '../src/throttles/budgets.ts'
import { createLockout, type Lockout } from '../src/throttles/lockout.ts'
import type { Names } from '../src/throttles/names.ts'
import { createRateLimits, type RateLimits } from '../src/throttles/rate-limits.ts'
import type { SharedCounters } from '../src/throttles/redis.ts'
import { shareBuckets } from '../src/throttles/shared-buckets.ts'
import { SharedTries } from '../src/throttles/shared-tries.ts'
import { MemoryTries } from '../src/throttles/tries.ts'

export const alice = { tenant: 'acme', login: 'alice@example.com' }
export const home = '192.0.2.1'
export const strict = { ...rateBudgets, 'write.credential': per(60_000, 20) }
export const caller = { credentialId: 'key_1', principalId: 'usr_1', tenant: 'ten_1' }
export const quiet = createLog('silent')
export const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export interface Node {
  readonly lockout: Lockout
  readonly rateLimits: RateLimits
}

export function nodeOn(t: TestContext, counters: SharedCounters, names: Names): Node {
  const clock = () => performance.now()
  const shared = shareBuckets({ shared: counters, names, clock, log: quiet })
  t.after(() => shared.close())
  const tries = [new MemoryTries(tryBudgets), new SharedTries(counters, tryBudgets)]
  return {
    lockout: createLockout(names, tries),
    rateLimits: createRateLimits({ names, budgets: strict, shared }),
  }
}

/** How many of these calls are let through. */
export function spent({ rateLimits }: Pick<Node, 'rateLimits'>, count: number): number {
  let allowed = 0
  for (let at = 0; at < count; at += 1) {
    try {
      rateLimits.spend('write', caller)
      allowed += 1
    } catch (thrown) {
      assert.ok(thrown instanceof LocketError && thrown.code === 'too_many_requests')
    }
  }
  return allowed
}
