/**
 * What a caller is told of his budget, in the fields of draft-ietf-httpapi-ratelimit-headers-11: the
 * policy (`q` requests in `w` seconds), how many may follow at once (`r`), and when the budget is whole
 * again (`t`, seconds). Names are those of the classes of operations, which need no escape.
 */
import type { RateState } from '../core/rate.ts'

export function rateHeaders(rate: RateState): Readonly<Record<string, string>> {
  const { name, requests, window_s, remaining, reset_s } = rate
  return {
    RateLimit: `"${name}";r=${remaining};t=${reset_s}`,
    'RateLimit-Policy': `"${name}";q=${requests};w=${window_s}`,
  }
}
