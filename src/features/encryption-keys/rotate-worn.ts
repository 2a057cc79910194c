import { minute_ms } from '../../core/clock.ts'
import type { Job } from '../../kernel/job.ts'
import { keysToRotate, recordSeals } from '../../storage/encryption-keys.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { rotateScope } from './rotate-scope.ts'

/**
 * Writes down how often keys sealed, and rotates those that come near the number after which a
 * random nonce might repeat (NIST SP 800-38D section 8.3).
 */
export const rotateWornKeys: Job = {
  name: 'encryption-keys.rotate-worn',
  every_ms: minute_ms,
  run: async (ctx) => {
    const counts = ctx.keys.seals.drain()
    const worn = await ctx.database.write(async (tx) => {
      await recordSeals(tx, counts)
      return keysToRotate(tx, 10)
    }, 'relaxed')
    for (const { tenant, scope } of worn) {
      await ctx.database.write(async (tx) => {
        const store = ctx.open(tx, tenant)
        const now = ctx.clock()
        const version = await rotateScope(store, scope, now)
        const about = { resourceId: scope, details: { version } }
        await appendEvent(store, jobEvent(now, 'encryption-key.rotated', about), ctx.clock)
      }, 'full')
      ctx.services.keyRotated(tenant, scope)
    }
    return worn.length
  },
}
