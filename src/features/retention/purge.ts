/**
 * Removes events whose time is over, class by class, and on request the tiles of which no event is left.
 * A leaf is never removed by its class: entries stand in bundles, and go from the left, all of them, or not.
 * Each step is a short transaction of its own and is followed by a rest, so that requests hardly notice.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { day_ms, hour_ms, second_ms, stopwatch, toTimestamp } from '../../core/clock.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import { type RetentionPolicy, retainedClasses } from '../../kernel/retention-policy.ts'
import type { Transaction } from '../../storage/database.ts'
import { instanceStore, type TenantStore } from '../../storage/tenant-store.ts'
import { tile_hashes } from '../../tlog/tiles.ts'
import { appendEvent } from '../audit/append.ts'
import { type EventClass, jobEvent } from '../audit/event.ts'
import type { AuditLogRow } from '../audit-logs/audit-log.ts'
import { purgedAction, purgedBefore } from '../audit-logs/purged.ts'
import { findLog, putLog } from '../audit-logs/store.ts'
import { keepTail } from '../audit-logs/tree.ts'
import { takenUntil } from '../audit-sinks/store.ts'
import { tenantIds } from '../tenants/store.ts'
import { policyOf } from './retention.ts'
import {
  type Aged,
  dropEvents,
  dropTiles,
  eventsOfClass,
  firstEvent,
  type PurgePlace,
  purgePlace,
  setPurgePlace,
} from './store.ts'

/** Each hour, and not at night: a server that is off then purges all the same, and a day's part is small. */
export const purgeEvents: Job = {
  name: 'audit-events.purge',
  every_ms: hour_ms,
  run: async (ctx) => {
    const end_ms = stopwatch() + limits.auditPurgeRun_ms
    let done = await purgeTenant(ctx, instanceTenant)
    let after = ''
    for (;;) {
      const page = { after, limit: limits.page_items_max }
      const tenants = await ctx.database.read((tx) => tenantIds(instanceStore(tx, ctx.keys), page))
      for (const tenant of tenants) {
        done += await purgeTenant(ctx, tenant)
        // It runs again soon, and a server that stops meanwhile does not wait for all of them.
        if (done > 0 && stopwatch() >= end_ms) return done
      }
      const last = tenants.at(-1)
      if (last === undefined || tenants.length < page.limit) return done
      after = last
    }
  },
}

/** Tells how many steps were made. A tenant whose purge fails does not hold up the others. */
async function purgeTenant(ctx: JobContext, tenant: Id<'ten'>): Promise<number> {
  try {
    return (await repeat(ctx, tenant, purging)) + (await repeat(ctx, tenant, pruning))
  } catch (thrown) {
    ctx.log.error({ tenant, err: thrown }, 'events whose time is over were not purged')
    return 0
  }
}

/** What is looked for, and what is done when it is found; both of one tenant. */
interface Work<Step> {
  readonly find: (ctx: JobContext, store: TenantStore) => Promise<Step | null>
  readonly make: (ctx: JobContext, place: Place, step: Step) => Promise<void>
}

interface Place {
  readonly tx: Transaction
  readonly store: TenantStore
}

/** So many steps, and then others have their turn. */
async function repeat<Step>(ctx: JobContext, tenant: Id<'ten'>, work: Work<Step>): Promise<number> {
  const { find, make } = work
  for (let steps = 0; steps < limits.auditPurges_max; steps += 1) {
    const began_ms = stopwatch()
    // Nearly always there is nothing to do, and the only writer is not bothered for it.
    const due = await ctx.database.read((tx) => find(ctx, ctx.open(tx, tenant)))
    if (due === null) return steps
    await ctx.database.write(
      async (tx) => {
        const store = ctx.open(tx, tenant)
        // A hold may have been placed since, and another node may have done it.
        const step = await find(ctx, store)
        if (step !== null) await make(ctx, { tx, store }, step)
      },
      { durability: 'full', turn: { tenant, log: true, heeds: true } },
    )
    // At most half of the processor, and never two steps between a request and its answer.
    await pause(Math.min(stopwatch() - began_ms, second_ms))
  }
  return limits.auditPurges_max
}

interface Held {
  readonly policy: RetentionPolicy
  readonly log: AuditLogRow
  /** What follows has its place yet to get, or to be shipped to where it has to be. */
  readonly end: number
}

/** Null where nothing may go: a hold is on, or the log is evidence. */
async function purgeable({ services }: JobContext, store: TenantStore): Promise<Held | null> {
  const policy = await policyOf(store)
  if (policy.hold?.state === 'on') return null
  const log = await findLog(store)
  if (!log || log.state === 'broken') return null
  const taken = await takenUntil(store, services.auditSinks.required)
  return { policy, log, end: Math.min(log.size, taken) }
}

/** What of one class may go now. */
interface Purge {
  readonly class: EventClass
  readonly place: PurgePlace
  /** Before this leaf none of the class is left afterwards. */
  readonly until: number
  readonly events: readonly Aged[]
  readonly log: AuditLogRow
}

const purging: Work<Purge> = {
  find: async (ctx, store) => {
    const held = await purgeable(ctx, store)
    if (!held) return null
    for (const kind of retainedClasses) {
      const due = await dueOf(store, { kind, now: ctx.clock(), ...held })
      if (due) return due
    }
    return null
  },
  make: async (ctx, { tx, store }, { class: kind, place, until, events, log }) => {
    const { tenant } = store
    const [first, last] = [events[0], events.at(-1)]
    if (!first || !last) {
      return setPurgePlace(tx, { tenant, class: kind, next: until, event: place.event })
    }
    if (last.leaf >= fullOf(log.size)) await keepTail({ tx, store }, log.size)
    // Before the event that tells it is, perhaps, among those that go.
    const known = await purgedBefore(store)
    const range = { from: first.leaf, until: last.leaf + 1 }
    const count = await dropEvents(tx, { tenant, class: kind, ...range })
    // No later than what has gone: of what is over and still there, a hold may want every event.
    const gone = events.map(({ time }) => time + 1)
    const told = { ...known, [kind]: Math.max(...gone, known[kind] ?? 0) }
    const details = {
      ...{ class: kind, count, firstLeaf: first.leaf, lastLeaf: last.leaf },
      purgedBefore: Object.fromEntries(
        Object.entries(told).map(([one, time]) => [one, toTimestamp(time)]),
      ),
    }
    const event = await appendEvent(
      store,
      jobEvent(ctx.clock(), purgedAction, { details }),
      ctx.clock,
    )
    await setPurgePlace(tx, { tenant, class: kind, next: until, event })
  },
}

/**
 * The next events of a class that may go, or a stretch that has none of it. What is over is left for up to a
 * day more: a quiet log would else get an event for each that goes.
 */
async function dueOf(
  store: TenantStore,
  { kind, now, policy, log, end: whole }: Held & { kind: EventClass; now: number },
): Promise<Purge | null> {
  const before = now - policy.days[kind] * day_ms
  const place = await purgePlace(store, kind)
  const from = place.next
  const end = Math.min(whole, from + limits.auditPurge_leaves)
  const limit = limits.auditPurge_rows
  const found = await eventsOfClass(store, { from, until: end, class: kind, limit })
  const young = found.find(({ time }) => time >= before)
  const events = young ? found.filter(({ leaf }) => leaf < young.leaf) : found
  const [first, last] = [events[0], events.at(-1)]
  const due = { class: kind, place, events, log }
  if (!first || !last) {
    const isEmpty = !young && end - from === limits.auditPurge_leaves
    return isEmpty ? { ...due, until: end } : null
  }
  if (events.length === limit) return { ...due, until: last.leaf + 1 }
  return first.time < before - day_ms ? { ...due, until: young?.leaf ?? end } : null
}

/** The first index that is kept, raised to the tile of the first event that is left, some tiles at a time. */
interface Prune {
  readonly first: number
  readonly log: AuditLogRow
}

const pruning: Work<Prune> = {
  find: async (ctx, store) => {
    const held = await purgeable(ctx, store)
    if (!held?.policy.prunes) return null
    const { log } = held
    const left = (await firstEvent(store, log.first_index))?.leaf ?? log.size
    const end = log.first_index + limits.auditPrune_leaves
    const first = Math.min(fullOf(Math.min(left, log.size)), end)
    return first > log.first_index ? { first, log } : null
  },
  make: async (ctx, { tx, store }, { first, log }) => {
    const { tenant_id: tenant, mac: _, ...row } = log
    await putLog({ tx, store }, { ...row, first_index: first })
    const tiles = await dropTiles(tx, { tenant, first })
    const details = { tiles, firstIndex: first }
    await appendEvent(store, jobEvent(ctx.clock(), 'audit-log.pruned', { details }), ctx.clock)
  },
}

/** So many leaves stand in full tiles. */
function fullOf(size: number): number {
  return size - (size % tile_hashes)
}
