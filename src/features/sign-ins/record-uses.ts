import { second_ms } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { recordSeen } from './store.ts'
import type { SignInUse } from './uses.ts'

/** Writes down when sign-ins were last used. */
export const recordSignInUses: Job = {
  name: 'sign-ins.record-uses',
  every_ms: 30 * second_ms,
  run: async (ctx) => {
    const { signInUses } = ctx.services
    const uses = signInUses.drain()
    for (const [at, use] of uses.entries()) {
      try {
        await record(ctx, use)
      } catch (thrown) {
        for (const left of uses.slice(at)) signInUses.touch(left)
        throw thrown
      }
    }
    return 0
  },
}

/** A row that was altered must not hold up the others: it is told of, and left as it is. */
async function record(ctx: JobContext, { tenant, id, at_ms }: SignInUse): Promise<void> {
  const write = { durability: 'relaxed', turn: { tenant } } as const
  try {
    await ctx.database.write((tx) => recordSeen(ctx.open(tx, tenant), id, at_ms), write)
  } catch (thrown) {
    if (!(thrown instanceof LocketError) || thrown.code !== 'integrity_failed') throw thrown
    const { code } = thrown
    ctx.log.error({ tenant, signIn: id, code }, 'the row of a sign-in is not as it was written')
    const about = { outcome: 'failed', code, resourceId: id } as const
    const event = jobEvent(ctx.clock(), 'sign-in.use-recorded', about)
    await ctx.database.write((tx) => appendEvent(ctx.open(tx, tenant), event, ctx.clock), write)
  }
}
