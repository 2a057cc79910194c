/**
 * Ships events of the logs to the sinks, in the order of their leaves. The log itself is the queue: a row for each log and
 * sink tells the next leaf. Before a batch is sent, the row says that it is; after it was taken, the row goes on. What
 * was begun and not ended is sent again as it was, before all else, and marked as repeated.
 */
import { second_ms } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import { Fault } from '../../core/fault.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import { type Batch, type ShippedEvent, type SinkKind, sinkKinds } from '../../sinks/sink.ts'
import type { Transaction } from '../../storage/database.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { AuditEvent } from '../audit/event.ts'
import { closedEvent, openEvent } from '../audit/open-event.ts'
import { type EventRow, originOf } from '../audit-logs/audit-log.ts'
import { findLog, wholeEventsFrom } from '../audit-logs/store.ts'
import { believed } from './anew.ts'
import type { Position } from './audit-sink.ts'
import { holdSink, releaseSink } from './hold.ts'
import { type PlacedRecord, type Shipping, toShipped } from './shipped.ts'
import type { NamedSink } from './sinks.ts'
import { type AfterLog, positionOf, putPosition, unsettledLog, waitingLog } from './store.ts'

/** A job for each kind, so that one that is slow keeps the others from nothing. */
export const shipToSinks: readonly Job[] = sinkKinds.map((kind) => ({
  name: `audit-sinks.ship-to-${kind}`,
  every_ms: second_ms,
  run: (ctx) => ship(ctx, kind),
}))

/** Tells how many events were taken. */
async function ship(ctx: JobContext, kind: SinkKind): Promise<number> {
  const { auditSinks } = ctx.services
  const to = auditSinks.find(kind)
  if (!to) return 0
  if (auditSinks.stopping.aborted) return releaseSink(ctx, to)
  const failures: unknown[] = []
  let done = 0
  for (const find of [unsettledLog, waitingLog]) done += await shipAll(ctx, to, { find, failures })
  if (failures.length > 0) throw failures[0]
  return done
}

interface Round {
  readonly find: (tx: Transaction, place: AfterLog) => Promise<Id<'ten'> | null>
  readonly failures: unknown[]
}

/** Log after log, as long as the sink takes what it is sent. */
async function shipAll(ctx: JobContext, to: NamedSink, { find, failures }: Round): Promise<number> {
  let done = 0
  let after = ''
  while (!to.rests && !ctx.services.auditSinks.stopping.aborted) {
    const place = { kind: to.kind, after }
    const tenant = await ctx.database.read((tx) => find(tx, place))
    if (tenant === null || !(await holdSink(ctx, to))) break
    try {
      done += await shipLog(ctx, to, tenant)
    } catch (thrown) {
      // What fails for one log keeps the others from nothing.
      failures.push(thrown)
    }
    after = tenant
  }
  return done
}

/** So many batches, and then others have their turn. */
async function shipLog(ctx: JobContext, to: NamedSink, tenant: Id<'ten'>): Promise<number> {
  let done = 0
  for (let count = 0; count < limits.auditSinkBatches_max; count += 1) {
    const taken = (await holdSink(ctx, to)) ? await shipBatch(ctx, to, tenant) : null
    done += taken ?? 0
    if (taken === null) break
  }
  return done
}

/** How many events were taken; null: there is nothing to send, or it was not taken. */
async function shipBatch(
  ctx: JobContext,
  to: NamedSink,
  tenant: Id<'ten'>,
): Promise<number | null> {
  const next = await nextOf(ctx, to, tenant)
  if (next === null || !(await claim(ctx, next))) return null
  try {
    if (next.batch.events.length > 0)
      await to.sink.send(next.batch, ctx.services.auditSinks.stopping)
  } catch (thrown) {
    to.failed(thrown)
    return null
  }
  const { length } = next.batch.events
  to.took(length)
  await settle(ctx, next)
  return length
}

/** A batch, and the row that it was read by. */
interface Next {
  readonly row: Position
  readonly batch: Batch
}

/** Read and opened beside all that is written. */
async function nextOf(ctx: JobContext, to: NamedSink, tenant: Id<'ten'>): Promise<Next | null> {
  const { server } = await ctx.services.checkpointKeys.current()
  const shipping = { format: ctx.services.auditSinks.format, log: originOf(server, tenant) }
  return believed(ctx, { kind: to.kind, tenant }, () => {
    return ctx.database.read((tx) => readBatch(ctx.open(tx, tenant), to.kind, shipping))
  })
}

async function readBatch(
  store: TenantStore,
  kind: SinkKind,
  shipping: Shipping,
): Promise<Next | null> {
  const row = await positionOf(store, kind)
  const size = (await findLog(store))?.size ?? 0
  const { next_leaf: from, sending_until } = row
  const claimed = Math.abs(sending_until)
  if (from > size) {
    const cause = new Fault('a sink was sent more than its log has')
    throw new LocketError('integrity_failed', undefined, { cause })
  }
  if (from === size) return null
  const repeated = claimed > from
  const anew = repeated && sending_until < 0
  const end = repeated ? Math.min(claimed, size) : size
  const limit = limits.auditSinkBatch_events
  const rows = await wholeEventsFrom(store, { from, until: end, limit })
  // What was begun goes again as it was, though it may be longer in another format by now.
  const bytes_max = repeated && !anew ? Number.POSITIVE_INFINITY : limits.auditSinkBatch_bytes_max
  const { events, isCut } = await shippedOf(store, rows, { ...shipping, bytes_max })
  // What is missing up to the next one was removed; so was all that follows the last, if that was no full page.
  const last = events.at(-1)
  const isWhole = !isCut && rows.length < limit
  const until = isWhole || !last ? end : last.leaf + 1
  return { row, batch: { log: shipping.log, from, until, events, repeated, anew } }
}

/** As many as fit, and at least one. */
async function shippedOf(
  store: TenantStore,
  rows: readonly EventRow[],
  shipping: Shipping & { readonly bytes_max: number },
): Promise<{ events: ShippedEvent[]; isCut: boolean }> {
  const events: ShippedEvent[] = []
  let bytes = 0
  for (const row of rows) {
    const event = await shippedFrom(store, row, shipping)
    bytes += Buffer.byteLength(event.json(true))
    if (events.length > 0 && bytes > shipping.bytes_max) return { events, isCut: true }
    events.push(event)
  }
  return { events, isCut: false }
}

/** One that is damaged is told as far as it stands in clear, and does not hold up the others. */
async function shippedFrom(
  store: TenantStore,
  row: EventRow,
  shipping: Shipping,
): Promise<ShippedEvent> {
  try {
    return toShipped(recordOf(store, row, await openEvent(store, row)), shipping)
  } catch (thrown) {
    if (!(thrown instanceof LocketError) || thrown.code !== 'integrity_failed') throw thrown
    return toShipped(recordOf(store, row, closedEvent(row)), shipping, true)
  }
}

function recordOf({ tenant }: TenantStore, { leaf }: EventRow, event: AuditEvent): PlacedRecord {
  return { ...event, tenantId: tenant, leaf: leaf ?? 0 }
}

/** Notes that the batch is being sent, unless the row has moved. */
function claim(ctx: JobContext, { row, batch }: Next): Promise<boolean> {
  const { tenant_id: tenant, kind } = row
  return ctx.database.write(
    async (tx) => {
      const store = ctx.open(tx, tenant)
      const found = await positionOf(store, kind)
      if (found.next_leaf !== batch.from || found.sending_until !== row.sending_until) return false
      const sending_until = batch.anew
        ? found.sending_until
        : Math.max(found.sending_until, batch.until)
      await putPosition({ tx, store }, { ...found, sending_until })
      return true
    },
    { durability: 'full', turn: { tenant, log: true } },
  )
}

/** Notes that the batch was taken; nothing where another node has done so meanwhile. */
async function settle(ctx: JobContext, { row, batch }: Next): Promise<void> {
  const { tenant_id: tenant, kind } = row
  await ctx.database.write(
    async (tx) => {
      const store = ctx.open(tx, tenant)
      const found = await positionOf(store, kind)
      if (found.next_leaf !== batch.from) return
      await putPosition({ tx, store }, { ...found, next_leaf: batch.until })
    },
    { durability: 'relaxed', turn: { tenant, log: true } },
  )
}
