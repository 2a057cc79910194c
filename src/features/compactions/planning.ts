/** How many compactions a process plans at once: each reads 20,000 memories and compares them. */
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly planning: Planning
  }
}

export interface Planning {
  /** Throws `unavailable` when enough is being planned already. */
  run<Plan>(plan: () => Promise<Plan>): Promise<Plan>
}

export function createPlanning(): Planning {
  let running = 0
  return {
    run: async (plan) => {
      if (running >= limits.compactions_max) {
        throw new LocketError('unavailable', 'too many compactions at once', { retryAfter_s: 1 })
      }
      running += 1
      try {
        return await plan()
      } finally {
        running -= 1
      }
    },
  }
}
