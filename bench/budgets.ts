/** For benches that ask more often than anybody may. */
import { minute_ms } from '../src/core/clock.ts'
import { per, type RateBudgets, rateNames } from '../src/throttles/budgets.ts'

export const unlimited = Object.fromEntries(
  rateNames.map((name) => [name, per(minute_ms, 1_000_000)]),
) as unknown as RateBudgets
