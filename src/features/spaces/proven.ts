import { LocketError } from '../../core/errors.ts'
import type { JobContext } from '../../kernel/job.ts'
import type { SpaceName } from '../../storage/space-sweep.ts'

/**
 * Does what an end of a space entails, where its row is what Locket wrote. A row that does not carry
 * its MAC proves nothing, and what follows cannot be undone: it is logged and left as it is.
 */
export async function whereProven<T>(
  ctx: Pick<JobContext, 'log'>,
  { tenant_id: tenant, space_id: space }: SpaceName,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work()
  } catch (thrown) {
    if (!(thrown instanceof LocketError) || !unproven.has(thrown.code)) throw thrown
    ctx.log.error(
      { tenant, space, code: thrown.code },
      'the row of a space is not as it was written',
    )
    return undefined
  }
}

/** The second when the tenant's keys, which could prove it, are not there. */
const unproven: ReadonlySet<LocketError['code']> = new Set(['integrity_failed', 'not_found'])
