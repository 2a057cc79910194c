import { second_ms } from '../../core/clock.ts'
import type { Job } from '../../kernel/job.ts'
import { recordSeen } from './store.ts'

/** Writes down when sign-ins were last used. */
export const recordSignInUses: Job = {
  name: 'sign-ins.record-uses',
  every_ms: 30 * second_ms,
  run: async (ctx) => {
    const { signInUses } = ctx.services
    const uses = signInUses.drain()
    for (const [at, { tenant, id, at_ms }] of uses.entries()) {
      try {
        const write = { durability: 'relaxed', turn: { tenant } } as const
        await ctx.database.write((tx) => recordSeen(ctx.open(tx, tenant), id, at_ms), write)
      } catch (thrown) {
        for (const use of uses.slice(at)) signInUses.touch(use)
        throw thrown
      }
    }
    return 0
  },
}
