/**
 * When each sign-in was last used. As with API keys it is kept in memory and written down by a job, so
 * that a read stays a read; a crash makes a sign-in look idle for half a minute longer than it was.
 */
import type { Id } from '../../core/ids.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly signInUses: SignInUses
  }
}

export interface SignInUse {
  readonly tenant: Id<'ten'>
  readonly id: Id<'sin'>
  readonly at_ms: number
}

export interface SignInUses {
  touch(use: SignInUse): void
  /** What is not written down yet; 0 when there is nothing. */
  pending_ms(id: Id<'sin'>): number
  /** In the order of ids: nodes that write theirs down at once wait for each other. */
  drain(): SignInUse[]
}

export function createSignInUses(): SignInUses {
  const uses = new Map<Id<'sin'>, SignInUse>()
  const pending_ms = (id: Id<'sin'>): number => uses.get(id)?.at_ms ?? 0
  return {
    touch: (use) =>
      void uses.set(use.id, { ...use, at_ms: Math.max(use.at_ms, pending_ms(use.id)) }),
    pending_ms,
    drain: () => {
      const drained = [...uses.values()].sort((one, other) => (one.id < other.id ? -1 : 1))
      uses.clear()
      return drained
    },
  }
}
