/**
 * Refusals of callers that nobody knows. Each is worth an event in the instance's own log, but a
 * flood of them must not fill the disk: the first of an address (of a /64 of IPv6) is written at
 * once, the others of the same kind are counted and written as one event when the window ends.
 */
import { networkOf } from '../../core/address.ts'
import type { ErrorCode } from '../../core/errors.ts'

const addresses_max = 10_000

export interface Refusal {
  /** The address, or the network of IPv6. */
  readonly address: string | null
  readonly code: ErrorCode
  readonly count: number
}

export interface Refusals {
  /** True when this one should be written down by itself. */
  add(address: string | null, code: ErrorCode): boolean
  /** What was counted since, and a new window. */
  drain(): Refusal[]
}

export function createRefusals(): Refusals {
  const counts = new Map<string, { address: string | null; code: ErrorCode; count: number }>()
  return {
    add: (address, code) => {
      const network = address && networkOf(address)
      // Past the bound they are no longer told apart.
      const name = `${code} ${network}`
      const room = counts.has(name) || counts.size < addresses_max
      const key = room ? name : `${code} others`
      const entry = counts.get(key)
      if (entry) entry.count += 1
      else counts.set(key, { address: room ? network : null, code, count: 0 })
      return entry === undefined
    },
    drain: () => {
      const drained = [...counts.values()].filter((entry) => entry.count > 0)
      counts.clear()
      return drained
    },
  }
}
