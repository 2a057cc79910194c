/**
 * Memories that have no vector yet: those that this process stored without one, and how far the walk
 * over all rows has come that finds the others.
 */
import { type Clock, minute_ms } from '../../core/clock.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'

export interface PendingMemory {
  readonly tenant: Id<'ten'>
  readonly space: Id<'spc'>
  readonly id: Id<'mem'>
}

/** A place in the order of the table's key. */
export interface WalkPlace {
  readonly tenant: string
  readonly id: string
}

export interface Pending {
  /** Past its bound they are left to the walk, which then begins anew. */
  add(memories: readonly PendingMemory[]): void
  /** The oldest, taken out. */
  take(count: number): PendingMemory[]
  /** How many of them it remembers. */
  readonly size: number
  /** Where the walk goes on; null while there is no need for one. */
  readonly walk: WalkPlace | null
  /** Null: it has come to its end. */
  walked(to: WalkPlace | null): void
  /** Something changed that may concern any row. */
  walkAnew(): void
  /** Nothing is taken any more: the server stops. */
  stop(): void
}

const start: WalkPlace = { tenant: '', id: '' }
/** Another node may have left some behind, and so may one that broke down. */
const walkEvery_ms = 10 * minute_ms

export function createPending(clock: Clock): Pending {
  const waiting = new Map<Id<'mem'>, PendingMemory>()
  let at: WalkPlace | null = start
  let ended_at = 0
  let stopped = false
  // A walk that is under way has passed some rows by: it does not count as one from now on.
  let again = false

  return {
    add: (memories) => {
      for (const one of memories) {
        if (waiting.size < limits.embedPending_max) waiting.set(one.id, one)
        else again = true
      }
    },
    take: (count) => {
      const taken = stopped ? [] : [...waiting.values().take(count)]
      for (const { id } of taken) waiting.delete(id)
      return taken
    },
    get size() {
      return waiting.size
    },
    get walk() {
      if (stopped) return null
      if (at === null && (again || clock() - ended_at >= walkEvery_ms)) {
        at = start
        again = false
      }
      return at
    },
    walked: (to) => {
      at = to
      if (to === null) ended_at = clock()
    },
    walkAnew: () => {
      again = true
    },
    stop: () => {
      stopped = true
    },
  }
}
