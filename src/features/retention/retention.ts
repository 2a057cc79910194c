/** How long a tenant's events are kept, as it is told and changed. */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import {
  defaultRetention,
  floorOf,
  type RetentionPolicy,
  retainedClasses,
  standards,
} from '../../kernel/retention-policy.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { appendEvent } from '../audit/append.ts'
import { type EventClass, jobEvent } from '../audit/event.ts'
import { type NamedLog, storeOf } from '../audit/named.ts'
import { ownTenant, updateTenant } from '../tenants/store.ts'
import { openProfile, retentionOf } from '../tenants/tenant.ts'

const Days = z.int().min(1).max(limits.auditRetention_days_max)

export const DaysFields = Object.fromEntries(retainedClasses.map((one) => [one, Days])) as Record<
  EventClass,
  typeof Days
>

export const Standards = z
  .array(z.enum(standards))
  .max(standards.length)
  .describe('What has to be kept to: no period may be shorter than one of them asks for.')

export const RetentionAnswer = z.strictObject({
  days: z.strictObject(DaysFields).describe('How long events of a class are kept.'),
  standards: Standards,
  floorDays: z.int().describe('What the standards ask for; 0: nothing.'),
  prunes: z.boolean().describe('Whether tiles go when all of their events have gone.'),
  hold: z
    .strictObject({
      state: z.enum(['on', 'off']),
      reason: z.string(),
      by: idField('usr').or(idField('agt')).or(idField('svc')),
      since: Timestamp,
    })
    .nullable()
    .describe('The last that was said of a legal hold. While it is on, nothing is purged.'),
})

export function toAnswer(policy: RetentionPolicy): z.output<typeof RetentionAnswer> {
  const { days, standards: named, prunes, hold } = policy
  return {
    days: { ...days },
    standards: [...named],
    floorDays: floorOf(named),
    prunes,
    hold: hold && { ...hold, since: toTimestamp(hold.since) },
  }
}

/** Of the view's own tenant; the instance has one of its own. */
export async function policyOf(store: TenantStore): Promise<RetentionPolicy> {
  return retentionOf(store, await ownTenant(store))
}

/** Who may change how long a log is kept: of his tenant, or of the instance. */
export const ofChanges = {
  effect: 'write',
  idempotent: false,
  permission: {
    of: ['tenant:admin', 'system:admin'],
    by: ({ log }: NamedLog) => (log === 'instance' ? 'system:admin' : 'tenant:admin'),
  },
  resource: {
    of: ['tenant', 'instance'],
    // In the turn of whose policy it is: no purge is beside it.
    by: ({ log }: NamedLog) =>
      log === 'instance' ? { kind: log, tenant: instanceTenant } : { kind: log },
  },
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'power',
  output: RetentionAnswer,
  status: 200,
} as const

/** Changes the policy of a log, and tells what it is then. */
export async function changePolicy(
  ctx: Context,
  named: NamedLog & { readonly action: string },
  change: (before: RetentionPolicy) => RetentionPolicy,
): Promise<RetentionPolicy> {
  const store = storeOf(ctx, named)
  const row = await ownTenant(store)
  const profile = await openProfile(store, row)
  const retention = change(profile.retention ?? defaultRetention)
  const changed = { ...profile, retention }
  await updateTenant(store, row, { state: row.state, profile: changed, now: ctx.now })
  if (named.log === 'instance') {
    // Who did it has the event in the log of his own tenant; it belongs to this one as well.
    const event = jobEvent(ctx.now, named.action, { details: { requestId: ctx.requestId } })
    await appendEvent(store, event, ctx.services.clock)
  }
  return retention
}
