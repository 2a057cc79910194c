/** A Locket in this process whose jobs rest: what makes leaves is run by who measures it, on a log of its own. */
import { type App, createApp } from '../../src/app.ts'
import type { Ask } from '../../src/cli/patience.ts'
import { readConfig } from '../../src/config/config.ts'
import type { Id } from '../../src/core/ids.ts'
import { createLog } from '../../src/core/log.ts'
import { sequenceEvents } from '../../src/features/audit-logs/sequence.ts'
import { findLog } from '../../src/features/audit-logs/store.ts'
import { initialise, openInstance } from '../../src/instance.ts'
import type { JobContext } from '../../src/kernel/job.ts'
import type { Engine } from '../../src/storage/query.ts'
import { tenantStore } from '../../src/storage/tenant-store.ts'
import { newDatabase } from '../../test/postgres-cluster.ts'
import { unlimited } from '../budgets.ts'
import { held } from '../retention/held.ts'
import type { Timed } from '../retention/pace.ts'
import { benchDirectory } from '../server-process.ts'

export interface BenchLog {
  readonly tenant: Id<'ten'>
  readonly ctx: JobContext
  /** What each change of `ctx` has taken, from its first statement to its commit. */
  readonly changes: Timed[]
  /** Asks the server as an administrator does, without sockets. */
  readonly ask: Ask
  /** Makes leaves of all events that wait. */
  sequence(): Promise<void>
  /** How many leaves there are. */
  size(): Promise<number>
}

export async function onBenchLog(
  engine: Engine,
  work: (log: BenchLog) => Promise<void>,
): Promise<void> {
  const directory = benchDirectory()
  const other = engine === 'postgres' ? await newDatabase() : null
  const log = createLog('warn')
  const place = { 'data-dir': directory.path, ...(other && { 'database-url': other.url }) }
  const config = readConfig(place, {})
  const instance = await openInstance(config, { log, create: true })
  try {
    const { tenant, apiKey } = await initialise(instance)
    const { indexes_bytes_max } = config
    const options = { version: 'bench', publicUrl: null, rateBudgets: unlimited, indexes_bytes_max }
    const app = await createApp(instance, options)
    // What is measured does it alone.
    await app.jobs.stop()
    const { database, keys, clock, services } = app.pipeline
    const changes: Timed[] = []
    const ctx: JobContext = {
      ...{ database: held(database, changes), keys, clock, log, services },
      open: (tx, of) => tenantStore(tx, keys, of),
    }
    await work({ ...{ tenant, ctx, changes, ask: askOf(app, apiKey) }, ...leavesOf(ctx, tenant) })
    await app.close()
  } finally {
    await instance.close()
    directory.remove()
    await other?.drop()
  }
}

function leavesOf(ctx: JobContext, tenant: Id<'ten'>): Pick<BenchLog, 'sequence' | 'size'> {
  return {
    sequence: async () => {
      while ((await sequenceEvents.run(ctx)) > 0);
    },
    size: () => ctx.database.read(async (tx) => (await findLog(ctx.open(tx, tenant)))?.size ?? 0),
  }
}

function askOf(app: App, key: string): Ask {
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }
  return async ({ method, path, body }) => {
    const said = body === null ? {} : { body }
    const request = new Request(`http://127.0.0.1${path}`, { method, headers, ...said })
    const response = await app.fetch(request, { address: '127.0.0.1' })
    const bytes = await response.bytes()
    const isJson = response.headers.get('content-type')?.includes('json')
    const value: unknown = isJson ? JSON.parse(new TextDecoder().decode(bytes)) : undefined
    return { status: response.status, headers: response.headers, value, bytes }
  }
}
