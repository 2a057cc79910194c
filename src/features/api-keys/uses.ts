/**
 * When each key was last used. Writing it down in each request would make every read a write, so it
 * is kept in memory and written by a job; a crash loses at most half a minute of it.
 */
import type { Id } from '../../core/ids.ts'

export interface KeyUse {
  readonly tenant: Id<'ten'>
  readonly key: Id<'key'>
  readonly at_ms: number
}

export interface KeyUses {
  touch(tenant: Id<'ten'>, key: Id<'key'>, at_ms: number): void
  /** What is not written down yet. */
  pending(key: Id<'key'>): number | null
  /** In the order of keys: nodes that write theirs down at once wait for each other. */
  drain(): KeyUse[]
}

export function createKeyUses(): KeyUses {
  const uses = new Map<Id<'key'>, KeyUse>()
  return {
    touch: (tenant, key, at_ms) => {
      const known = uses.get(key)?.at_ms ?? at_ms
      uses.set(key, { tenant, key, at_ms: Math.max(known, at_ms) })
    },
    pending: (key) => uses.get(key)?.at_ms ?? null,
    drain: () => {
      const drained = [...uses.values()].sort((one, other) => (one.key < other.key ? -1 : 1))
      uses.clear()
      return drained
    },
  }
}
