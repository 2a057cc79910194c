/** Bounds on how much goes on at once. */
import { EgressError } from './egress-error.ts'

/** Gives back a place; a second call does nothing. */
export type Leave = () => void

/**
 * Places for calls, in all and for each origin, so that one server that hangs cannot take them all.
 * Who finds none is told at once: to wait here would only hide that too much is asked.
 */
export function createPlaces(bounds: {
  all: number
  perOrigin: number
}): (origin: string) => Leave {
  const taken = new Map<string, number>()
  let all = 0
  return (origin) => {
    const here = taken.get(origin) ?? 0
    if (all >= bounds.all || here >= bounds.perOrigin) throw new EgressError('busy')
    all += 1
    taken.set(origin, here + 1)
    let left = false
    return () => {
      if (left) return
      left = true
      all -= 1
      const others = (taken.get(origin) ?? 1) - 1
      if (others === 0) taken.delete(origin)
      else taken.set(origin, others)
    }
  }
}

/**
 * Lets at most `running_max` pieces of work run, and at most `waiting_max` wait. A piece keeps its
 * place until it has ended, though nobody may wait for it any more.
 */
export function createQueue(bounds: { running_max: number; waiting_max: number }) {
  const waiting: (() => void)[] = []
  let running = 0
  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (running >= bounds.running_max) {
      if (waiting.length >= bounds.waiting_max) throw new EgressError('busy')
      // Whoever ends hands over its place, so `running` stays.
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running += 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }
}
