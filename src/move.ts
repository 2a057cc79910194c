/**
 * A whole instance goes from one database to another. What is sealed stays sealed, so the root key
 * and the tombstones of the one are those of the other. At every point at most one of the two can be
 * served:
 *
 * 1. one transaction copies every row into the empty target, which is marked as arriving
 * 2. both sides are read from end to end and compared, and the keys are tried on the target
 * 3. the source is marked as departed
 * 4. one transaction puts the target in force, with an event in the log that came along
 *
 * A crash before 1 has committed leaves the target empty. After that the target is not served before
 * 4, and the same move, run again, goes on at 2: nothing there relies on what the first run knew.
 */
import type { Config } from './config/config.ts'
import { LocketError } from './core/errors.ts'
import { type Id, instanceTenant } from './core/ids.ts'
import { limits } from './core/limits.ts'
import type { Log } from './core/log.ts'
import { appendEvent } from './features/audit/append.ts'
import { jobEvent } from './features/audit/event.ts'
import { tenantIds } from './features/tenants/store.ts'
import { type Instance, openInstance } from './instance.ts'
import { copiedTables, copyTable, summarise, type TableSummary } from './storage/copy.ts'
import { openSample, type Sample } from './storage/copy-sample.ts'
import type { Transaction } from './storage/database.ts'
import type { Keys } from './storage/encryption-keys.ts'
import {
  type Birth,
  birthOf,
  markArrival,
  markDeparture,
  settleArrival,
  stateOf,
} from './storage/instance.ts'
import type { Engine } from './storage/query.ts'
import type { TableName } from './storage/tables.ts'
import { instanceStore } from './storage/tenant-store.ts'

export interface MoveStep {
  readonly doing: 'copying' | 'reading the source' | 'reading the copy'
  readonly table: TableName
  /** So far. */
  readonly rows: number
}

export interface MoveOptions {
  /** As a server would be configured that serves this side. */
  readonly source: Config
  /** The same, but for the root key and the tombstones: they are the source's. */
  readonly target: Config
  readonly log: Log
  /** Told after every page; a copy that had to begin anew is told anew. */
  readonly progress: (step: MoveStep) => void
}

export interface Moved {
  readonly from: Engine
  readonly to: Engine
  readonly tables: number
  readonly rows: number
  readonly bytes: number
  /** Rows of each table. */
  readonly counts: Readonly<Record<string, number>>
  readonly sample: Sample
}

/**
 * Moves an instance that nobody serves into a database where there is none. Throws `unavailable`
 * when somebody serves either, or the target is not empty; `integrity_failed` when the copy is not
 * the same, which then cannot be served.
 */
export async function move(options: MoveOptions): Promise<Moved> {
  const { progress } = options
  const source = await openSide('source', options)
  try {
    const target = await openSide('target', options)
    try {
      return await carry({ source, target, progress })
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** Says of which side it is that a start is refused. */
async function openSide(side: 'source' | 'target', options: MoveOptions): Promise<Instance> {
  const { rootKey, tombstonesFile } = options.source
  const open = { log: options.log, create: side === 'target', alone: true, moving: true }
  try {
    return await openInstance({ ...options[side], rootKey, tombstonesFile }, open)
  } catch (thrown) {
    if (!(thrown instanceof LocketError)) throw thrown
    throw new LocketError(thrown.code, `The ${side}: ${thrown.message}`, { cause: thrown })
  }
}

interface Ends {
  readonly source: Instance
  readonly target: Instance
  readonly progress: MoveOptions['progress']
}

async function carry(ends: Ends): Promise<Moved> {
  const { source, target } = ends
  const began = await begin(ends)
  if (!began.copied) await copy(ends)
  const moved = await compare(ends)
  if (!began.departed) {
    await source.database.write((tx) => markDeparture(tx, source.clock()), 'full')
  }
  await target.database.write((tx) => settle(tx, target, moved), 'full')
  return moved
}

/** What an earlier run has done of this move. Refuses what is no move and no rest of one. */
async function begin({ source, target }: Ends): Promise<{ copied: boolean; departed: boolean }> {
  const from = await source.database.read(stateOf)
  const to = await target.database.read(stateOf)
  if (to === 'initialised' || to === 'departed') {
    throw new LocketError('already_exists', 'There is a Locket in the target already.')
  }
  if (from === 'arriving') {
    throw new LocketError('unavailable', 'A move to the source has not come to its end.')
  }
  if (from === 'departed' && to === 'empty') {
    throw new LocketError('unavailable', 'The source was moved already: move it from where it is.')
  }
  return { copied: to === 'arriving', departed: from === 'departed' }
}

/**
 * The target's transaction waits for the source's, which nobody else uses; both are read in one
 * snapshot, so a copy that has to begin anew copies the same.
 */
async function copy({ source, target, progress }: Ends): Promise<void> {
  await source.database.read(async (from) => {
    const tenants = await tenantsOf(from, source.keys)
    const birth = await birthIn(from)
    await target.database.write(async (to) => {
      await markArrival(to, birth)
      for (const table of copiedTables) {
        await copyTable(table, { from, to }, { tenants, progress: telling(progress, 'copying') })
      }
    }, 'full')
  })
}

function telling(
  progress: Ends['progress'],
  doing: MoveStep['doing'],
): (table: TableName, rows: number) => void {
  return (table, rows) => progress({ doing, table, rows })
}

/** Reads both sides anew. Throws `integrity_failed` when they differ. */
async function compare({ source, target, progress }: Ends): Promise<Moved> {
  const own = await readAll(source, telling(progress, 'reading the source'))
  const copied = await readAll(target, telling(progress, 'reading the copy'))
  refuseDifferences(own, copied)
  const sample = await target.database.read(async (tx) =>
    openSample(tx, target.keys, await tenantsOf(tx, target.keys)),
  )
  const all = [...own.tables.values()]
  return {
    from: source.database.engine,
    to: target.database.engine,
    tables: own.tables.size,
    rows: all.reduce((sum, { rows }) => sum + rows, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    counts: Object.fromEntries([...own.tables].map(([table, { rows }]) => [table, rows])),
    sample,
  }
}

interface Contents {
  readonly birth: Birth
  readonly tables: ReadonlyMap<TableName, TableSummary>
}

/** Everything that is in a database, in one snapshot. */
function readAll(
  instance: Instance,
  progress: (table: TableName, rows: number) => void,
): Promise<Contents> {
  return instance.database.read(async (tx) => {
    const tenants = await tenantsOf(tx, instance.keys)
    const summaries = new Map<TableName, TableSummary>()
    for (const table of copiedTables) {
      summaries.set(table, await summarise(table, tx, { tenants, progress }))
    }
    return { birth: await birthIn(tx), tables: summaries }
  })
}

function refuseDifferences(own: Contents, copied: Contents): void {
  const differences = [...own.tables].flatMap(([table, { rows, digest }]) => {
    const other = copied.tables.get(table)
    if (other?.digest === digest && other.rows === rows) return []
    return other?.rows === rows
      ? [`${table} (other values)`]
      : [`${table} (${rows} rows, and ${other?.rows ?? 0} in the copy)`]
  })
  const { birth } = own
  const isSame =
    birth.format === copied.birth.format && birth.created_at === copied.birth.created_at
  if (!isSame) differences.unshift('instance')
  if (differences.length === 0) return
  throw new LocketError(
    'integrity_failed',
    `The copy is not the same as the source: ${differences.join(', ')}. It is not served; throw it ` +
      'away (the database, or the files locket.db* of the directory) and move again. The source is as it was.',
  )
}

/** The last step: from its commit on the target is the instance. */
async function settle(tx: Transaction, target: Instance, moved: Moved): Promise<void> {
  const { keys, clock } = target
  const { from, to, tables, rows, bytes, counts } = moved
  await settleArrival(tx, await birthIn(tx))
  const event = jobEvent(clock(), 'instance.moved', {
    details: { from, to, tables, rows, bytes, counts },
  })
  await appendEvent(instanceStore(tx, keys), event, clock)
}

async function birthIn(tx: Transaction): Promise<Birth> {
  const birth = await birthOf(tx)
  if (!birth) throw new LocketError('internal', 'there is no instance')
  return birth
}

/** All whose rows there are: the instance's own, too. */
async function tenantsOf(tx: Transaction, keys: Keys): Promise<readonly Id<'ten'>[]> {
  const own = instanceStore(tx, keys)
  const found: Id<'ten'>[] = [instanceTenant]
  for (;;) {
    const page = await tenantIds(own, { after: found.at(-1) ?? '', limit: limits.sweep_rows })
    found.push(...page)
    if (page.length < limits.sweep_rows) return found
  }
}
