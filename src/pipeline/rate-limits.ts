/**
 * How often a caller may call. Each class of operation has a budget per credential, and failures to
 * authenticate have one per address (per /64 of IPv6). The budget of authenticated calls is there to stop a runaway
 * loop, not to sell capacity. docs/reference/limits.md is made from the table.
 */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { networkOf } from '../core/address.ts'
import { LocketError } from '../core/errors.ts'
import type { RateClass } from '../kernel/operation.ts'

interface Budget {
  readonly points: number
  readonly duration_s: number
}

export const rateBudgets = {
  read: { points: 200_000, duration_s: 10 },
  write: { points: 200_000, duration_s: 10 },
  admin: { points: 6_000, duration_s: 60 },
  failure: { points: 600, duration_s: 60 },
} as const satisfies Record<RateClass | 'failure', Budget>

export interface RateLimits {
  /** Throws `too_many_requests` when the credential has used up its budget of this class. */
  spend(rateClass: RateClass, credential: string): Promise<void>
  /**
   * Throws `too_many_requests` instead of the failure when the address fails too often; of IPv6, the
   * network of /64 that it is in.
   */
  fail(address: string): Promise<void>
}

export type RateBudgets = Readonly<Record<RateClass | 'failure', Budget>>

export function createRateLimits(budgets: RateBudgets = rateBudgets): RateLimits {
  const limiter = (name: keyof RateBudgets): RateLimiterMemory => {
    const { points, duration_s } = budgets[name]
    return new RateLimiterMemory({ keyPrefix: name, points, duration: duration_s })
  }
  const limiters = {
    read: limiter('read'),
    write: limiter('write'),
    admin: limiter('admin'),
    failure: limiter('failure'),
  }
  return {
    spend: (rateClass, credential) => consume(limiters[rateClass], credential),
    fail: (address) => consume(limiters.failure, networkOf(address)),
  }
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key)
  } catch (cause) {
    if (!(cause instanceof RateLimiterRes)) throw cause
    const retryAfter_s = Math.max(1, Math.ceil(cause.msBeforeNext / 1000))
    throw new LocketError('too_many_requests', undefined, { retryAfter_s, cause })
  }
}
