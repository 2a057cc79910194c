/** Whether a purge does what it should, for who operates the server. */
import { day_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { retainedClasses } from '../../kernel/retention-policy.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { findLog } from '../audit-logs/store.ts'
import { policyOf } from './retention.ts'
import { eventsOfClass, purgePlace } from './store.ts'

export interface Overdue {
  readonly isHeld: boolean
  /** How long ago an event should have gone that is still there, as far as the next ones tell; 0: none. */
  readonly overdue_ms: number
}

/** Of the view's own log. Reads no more than a step of a purge does. */
export async function overdueOf(store: TenantStore, now: number): Promise<Overdue> {
  const { days, hold } = await policyOf(store)
  const size = (await findLog(store))?.size ?? 0
  let overdue_ms = 0
  for (const kind of retainedClasses) {
    const from = (await purgePlace(store, kind)).next
    const until = Math.min(size, from + limits.auditPurge_leaves)
    const [first] = await eventsOfClass(store, { from, until, class: kind, limit: 1 })
    if (first) overdue_ms = Math.max(overdue_ms, now - days[kind] * day_ms - first.time)
  }
  return { isHeld: hold?.state === 'on', overdue_ms }
}
