/**
 * Refusals of callers that nobody knows, and of those that call too often. Each is worth an event, in the
 * instance's own log or in the tenant's, but a flood of them must not fill the disk: the first of an address
 * (of a /64 of IPv6) or of a credential is written at once, the others of the same kind are counted and
 * written as one event when the window ends.
 */
import { networkOf } from '../../core/address.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import type { NewEvent } from './event.ts'

const refusals_max = 10_000

/** Who is refused since he calls too often; or nobody who is known, in what he tried with a tenant. */
export interface RefusedCaller {
  readonly tenant: Id<'ten'>
  readonly actor: NewEvent['actor']
  /** What he tried, as the audit calls it; left out of what may be anything. */
  readonly action?: string
}

export interface Refusal {
  /** The address, or the network of IPv6; null: not known, or there were several. */
  readonly address: string | null
  readonly code: ErrorCode
  readonly count: number
  /** Null: of no tenant, and the instance's own log is told. */
  readonly caller: RefusedCaller | null
}

export interface Refusals {
  /** True when this one should be written down by itself. */
  add(address: string | null, code: ErrorCode, caller?: RefusedCaller | null): boolean
  /** What was counted since, and a new window. */
  drain(): Refusal[]
  /** Counts on what was drained and could not be written. */
  restore(refusal: Refusal): void
}

interface Counted {
  readonly refusal: Omit<Refusal, 'count'>
  count: number
}

export function createRefusals(): Refusals {
  const counts = new Map<string, Counted>()

  /** Past the bound they are no longer told apart, but by tenant. */
  const entryOf = (of: Counted['refusal']): { entry: Counted; isNew: boolean } => {
    const { address, code, caller } = of
    const { tenant, actor, action } = caller ?? {}
    const name = `${code} ${actor ? `${actor.id} ${actor.credentialId}` : `${tenant} ${action} ${address}`}`
    const room = counts.has(name) || counts.size < refusals_max
    const key = room ? name : `${code} others ${tenant}`
    const known = counts.get(key)
    if (known) return { entry: known, isNew: false }
    const place = room && !actor ? address : null
    const made = { refusal: { address: place, code, caller }, count: 0 }
    counts.set(key, made)
    return { entry: made, isNew: true }
  }

  return {
    add: (address, code, caller = null) => {
      const { entry, isNew } = entryOf({ address: address && networkOf(address), code, caller })
      if (!isNew) entry.count += 1
      return isNew
    },
    drain: () => {
      const drained = [...counts.values()].filter(({ count }) => count > 0)
      counts.clear()
      return drained.map(({ refusal, count }) => ({ ...refusal, count }))
    },
    restore: ({ count, ...refusal }) => {
      entryOf(refusal).entry.count += count
    },
  }
}
