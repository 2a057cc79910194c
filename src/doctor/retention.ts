/** Whether audit events go when their time is over. */
import { day_ms } from '../core/clock.ts'
import { instanceTenant } from '../core/ids.ts'
import { overdueOf } from '../features/retention/overdue.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import type { Check } from './check.ts'
import { count, type Finding, pass, unknown, warn } from './finding.ts'
import { eachTenant, inTenant, type Walk } from './tenants.ts'

/** The job looks each hour, and leaves what is over for a day. */
const patience_ms = 3 * day_ms

export const auditRetention: Check = {
  id: 'audit-retention',
  about:
    'Whether audit events go when their time is over, and how many logs are under a legal hold.',
  warns: 'One should have gone three days ago: the job that purges them fails, or no server runs.',
  fails: null,
  unknown: 'The data cannot be opened, or there were too many logs to look at all of them.',
  look: async (scene) => {
    const data = await scene.data()
    let held = 0
    let late_ms = 0
    const visit = async (store: TenantStore): Promise<void> => {
      const { isHeld, overdue_ms } = await overdueOf(store, scene.clock())
      if (isHeld) held += 1
      else late_ms = Math.max(late_ms, overdue_ms)
    }
    await inTenant(data, instanceTenant, visit)
    const walk = await eachTenant(data, visit)
    const holds =
      held === 0 ? 'none is under a legal hold' : `${count(held, 'log')} under a legal hold`
    if (late_ms < patience_ms) return toldOf(walk, `none is overdue; ${holds}`)
    return warn(
      `one is overdue for ${count(Math.floor(late_ms / day_ms), 'day')}; ${holds}`,
      'look in the server’s log for events that were not purged',
    )
  },
}

function toldOf({ tenants, complete }: Walk, saw: string): Finding {
  if (complete) return pass(saw)
  const of = `${saw} in the first ${count(tenants, 'tenant')}, for more there was no time`
  return unknown(of, 'look for failures of the job `audit-events.purge` in the metrics')
}
