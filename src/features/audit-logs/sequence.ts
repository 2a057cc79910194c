/**
 * Makes leaves of the events that were committed, in one transaction with the tiles they complete and the
 * checkpoint over them, which so is never over anything that is not on disk. A transaction that is lost
 * leaves events that wait, and no checkpoint that anybody has seen: a log never looks like a fork.
 */
import { second_ms } from '../../core/clock.ts'
import { toUtf8 } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { Fault } from '../../core/fault.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import type { Transaction } from '../../storage/database.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { logKey, openCheckpoint, signCheckpoint } from '../../tlog/checkpoint.ts'
import { isSame } from '../../tlog/merkle.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { isProven, proofVersion } from '../audit/event-proof.ts'
import { type AuditLogRow, entryOf, originOf } from './audit-log.ts'
import { breakLog } from './break-log.ts'
import type { CheckpointKey } from './checkpoint-keys.ts'
import {
  eventsWaiting,
  findLog,
  findTile,
  hasPlaces,
  newestPlaced,
  numberEvents,
  putLog,
  refuseEvent,
  storeTile,
  tenantWaiting,
  type WaitingRow,
} from './store.ts'
import { emptyTree, type GrownTile, grow, loadTree, type Tree } from './tree.ts'

/** Where a log ends: its tree, and the highest id that an event in it has. */
interface Edge {
  readonly tree: Tree
  readonly newest: string
}

/** The logs' ends as they were when they last grew here; another node may have added to them since. */
export type KnownEdges = Map<Id<'ten'>, Edge>

declare module '../../kernel/context.ts' {
  interface Services {
    readonly auditEdges: KnownEdges
  }
}

/**
 * Turns events into leaves, tenant after tenant: once a second, and a little before it is over, because
 * a run takes time as well. It is a batch that makes leaves cheap, so it runs again sooner only when more
 * wait than one run may do.
 */
export const sequenceEvents: Job = {
  name: 'audit-logs.sequence',
  every_ms: 0.8 * second_ms,
  run: async (ctx) => {
    try {
      return await sequenceAll(ctx)
    } finally {
      ctx.services.receipts.sequenced()
    }
  },
}

/** How many leaves were made, where more are to be made; 0 when none wait any more. */
async function sequenceAll(ctx: JobContext): Promise<number> {
  let done = 0
  let isMore = false
  let broken = 0
  let after = ''
  const failures: unknown[] = []
  for (;;) {
    const tenant = await ctx.database.read((tx) => tenantWaiting(tx, after))
    if (tenant === null) break
    try {
      const { count, isBroken } = await sequenceTenant(ctx, tenant)
      done += count
      if (count >= limits.auditBatch_rows * limits.auditBatches_max) isMore = true
      // One that is broken has events that wait, so none of them is passed by.
      if (isBroken) broken += 1
    } catch (thrown) {
      // What fails for one tenant keeps the others from nothing.
      failures.push(thrown)
    }
    after = tenant
  }
  ctx.services.metrics.logsBroken(broken)
  if (failures.length > 0) throw failures[0]
  return isMore ? done : 0
}

/** So many batches, and then others have their turn. Tells how many leaves were made. */
async function sequenceTenant(ctx: JobContext, tenant: Id<'ten'>): Promise<Sequenced> {
  const key = await ctx.services.checkpointKeys.current()
  let done = 0
  for (let batch = 0; batch < limits.auditBatches_max; batch += 1) {
    const { count, isBroken } = await sequenceBatch(ctx, tenant, key)
    done += count
    if (isBroken) return { count: done, isBroken }
    if (count < limits.auditBatch_rows) break
  }
  return { count: done, isBroken: false }
}

interface Sequenced {
  readonly count: number
  readonly isBroken: boolean
}

/** One transaction, and a short one: nothing else is written meanwhile. */
async function sequenceBatch(
  ctx: JobContext,
  tenant: Id<'ten'>,
  key: CheckpointKey,
): Promise<Sequenced> {
  const { auditEdges, metrics } = ctx.services
  try {
    const { count, refused, edge, isBroken } = await ctx.database.write(
      (tx) => addBatch(ctx, { tx, store: ctx.open(tx, tenant) }, key),
      { durability: 'full', turn: { tenant, log: true }, touches: 'audit' },
    )
    if (refused > 0) metrics.eventsRefused(refused)
    if (edge) metrics.checkpointSigned(ctx.clock())
    if (edge) remember(auditEdges, tenant, edge)
    return { count, isBroken }
  } catch (thrown) {
    auditEdges.delete(tenant)
    if (!(thrown instanceof LocketError) || thrown.code !== 'integrity_failed') throw thrown
    ctx.log.error({ tenant, err: thrown }, 'an audit log is not what it was')
    await breakLog(ctx, tenant)
    return { count: 0, isBroken: true }
  }
}

interface Place {
  readonly tx: Transaction
  readonly store: TenantStore
}

interface Added {
  readonly isBroken: boolean
  readonly count: number
  /** Of them, those that became no leaves. */
  readonly refused: number
  readonly edge: Edge | null
}

async function addBatch(ctx: JobContext, place: Place, key: CheckpointKey): Promise<Added> {
  const { tx, store } = place
  const { tenant } = store
  const log = await findLog(store)
  const isBroken = log?.state === 'broken'
  const rows = isBroken ? [] : await eventsWaiting(store, limits.auditBatch_rows)
  const last = rows.at(-1)
  if (!last) return { count: 0, refused: 0, edge: null, isBroken }
  const before = await edgeOf(ctx, place, { log, key })
  const believed = await believedOf(ctx, place, { rows, log })
  const { tree, tiles } = grow(before.tree, believed.map(entryOf))
  const { newest } = before
  const first = before.tree.frontier.size
  const count = await numberEvents(tx, { tenant, last: last.event_id, first, newest })
  if (count !== believed.length) throw new Fault('events that wait are not those that were read')
  for (const tile of tiles) await writeTile(place, tile)
  const { size } = tree.frontier
  const origin = originOf(key.server, tenant)
  await putLog(place, {
    state: rows.length < limits.auditBatch_rows ? 'growing' : (log?.state ?? 'adopting'),
    size,
    first_index: log?.first_index ?? 0,
    checkpoint: toUtf8(signCheckpoint({ origin, size, root: tree.frontier.root() }, key)),
    signed_at: ctx.clock(),
  })
  const isLater = last.event_id > newest
  const edge = { tree, newest: isLater ? last.event_id : newest }
  return { count: rows.length, refused: rows.length - believed.length, edge, isBroken }
}

/** The end of the log: the tree that the log's checkpoint is over; else `integrity_failed`, and nothing is added to it. */
async function edgeOf(
  { services }: JobContext,
  { store }: Place,
  { log, key }: { log: AuditLogRow | undefined; key: CheckpointKey },
): Promise<Edge> {
  const known = services.auditEdges.get(store.tenant)
  if (!log && !known && !(await hasPlaces(store))) return { tree: emptyTree(), newest: '' }
  // What was put back under a server that runs is known by what it has signed itself.
  if (!log || (known && known.tree.frontier.size > log.size)) {
    throw failed('an audit log is not there, or shorter than it was')
  }
  if (known?.tree.frontier.size === log.size) return known
  const tree = await loadTree(store, log.size)
  const signer = logKey(originOf(key.server, store.tenant), key.publicKey)
  const signed = openCheckpoint(log.checkpoint, signer)
  if (signed && isSame(signed.root, tree.frontier.root())) {
    return { tree, newest: await newestPlaced(store) }
  }
  throw failed('the tiles of an audit log are not those of its checkpoint')
}

function failed(what: string): LocketError {
  return new LocketError('integrity_failed', undefined, { cause: new Fault(what) })
}

/** Those of the rows that say what they said when they were added. The others become no leaves. */
async function believedOf(
  ctx: JobContext,
  { tx, store }: Place,
  { rows, log }: { rows: readonly WaitingRow[]; log: AuditLogRow | undefined },
): Promise<WaitingRow[]> {
  const adopts = !log || log.state === 'adopting'
  const believed: WaitingRow[] = []
  for (const row of rows) {
    if (await isBelieved(store, row, adopts)) {
      believed.push(row)
      continue
    }
    await refuseEvent(tx, row)
    const about = { resourceId: row.event_id, outcome: 'failed', code: 'integrity_failed' } as const
    await appendEvent(store, jobEvent(ctx.clock(), 'audit-event.refused', about), ctx.clock)
  }
  return believed
}

async function isBelieved(store: TenantStore, row: WaitingRow, adopts: boolean): Promise<boolean> {
  if (row.proof === null) return adopts
  const version = proofVersion(row.proof)
  if (version === undefined) return false
  const keys = store.knownKeys('lookup', version) ?? (await store.keys('lookup', version))
  return isProven(keys, row)
}

async function writeTile({ tx, store }: Place, { after, data, ...at }: GrownTile): Promise<void> {
  const before = after > 0 ? await findTile(store, at) : null
  const whole = before ? Buffer.concat([before, data]) : data
  await storeTile(tx, store.tenant, { ...at, data: whole })
}

function remember(edges: KnownEdges, tenant: Id<'ten'>, edge: Edge): void {
  edges.delete(tenant)
  edges.set(tenant, edge)
  const [oldest] = edges.keys()
  if (edges.size > limits.auditEdges_max && oldest) edges.delete(oldest)
}
