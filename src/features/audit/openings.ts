/**
 * What anybody may begin as often as he likes, and what has come to nothing yet: a sign-in that nobody has
 * finished, a reset that nobody was mailed. An event of each would let strangers fill the log at the rate of
 * their addresses. So only the first of a kind in a window is an event of its own, in the transaction
 * of what it tells, as for all other operations; those that follow are counted once they are done, and written
 * as one event when the window ends. What comes of one (a sign-in, a mail) is always told by itself.
 *
 * A kind is a tenant and an action, so a window has two events of it, however many addresses there are.
 */
import { networkOf } from '../../core/address.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'

export interface OpeningKind {
  readonly tenant: Id<'ten'>
  readonly action: string
}

/** So many of one kind. */
export interface Opening extends OpeningKind {
  /** The address that all of them came from, or the network of IPv6; null: not known, or there were several. */
  readonly address: string | null
  readonly count: number
}

export interface Openings {
  /** Whether this one, which is about to be done, has to have an event of its own. */
  isFirst(kind: OpeningKind): boolean
  /** Counts one that is done and has none. */
  count(kind: OpeningKind, address: string | null): void
  /** What was counted since, and a new window. */
  drain(): Opening[]
  /** Counts on what was drained and could not be written. */
  restore(opening: Opening): void
}

export function createOpenings(): Openings {
  const counts = new Map<string, Opening>()

  /** Past the bound tenants are no longer told apart: the instance's log is told of them. */
  const placeOf = ({ tenant, action }: OpeningKind): { name: string; kind: OpeningKind } => {
    const name = `${tenant} ${action}`
    if (counts.has(name) || counts.size < limits.openings_max)
      return { name, kind: { tenant, action } }
    return { name: `others ${action}`, kind: { tenant: instanceTenant, action } }
  }

  const add = (of: OpeningKind, address: string | null, count: number): void => {
    const { name, kind } = placeOf(of)
    const known = counts.get(name)
    const isOnly = known === undefined || known.count === 0 || known.address === address
    const place = isOnly ? address : null
    counts.set(name, { ...kind, address: place, count: (known?.count ?? 0) + count })
  }

  return {
    isFirst: (of) => {
      const { name, kind } = placeOf(of)
      if (counts.has(name)) return false
      counts.set(name, { ...kind, address: null, count: 0 })
      return true
    },
    count: (kind, address) => add(kind, address && networkOf(address), 1),
    drain: () => {
      const drained = [...counts.values()].filter(({ count }) => count > 0)
      counts.clear()
      return drained
    },
    restore: (opening) => add(opening, opening.address, opening.count),
  }
}
