/** Events that wait, made leaves of: the job itself, in this process, on an instance of its own. */
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { type Id, newId } from '../../src/core/ids.ts'
import { createLog } from '../../src/core/log.ts'
import { appendEvent } from '../../src/features/audit/append.ts'
import { jobEvent } from '../../src/features/audit/event.ts'
import { sequenceEvents } from '../../src/features/audit-logs/sequence.ts'
import { findLog } from '../../src/features/audit-logs/store.ts'
import { initialise, openInstance } from '../../src/instance.ts'
import type { JobContext } from '../../src/kernel/job.ts'
import type { Database } from '../../src/storage/database.ts'
import type { Engine } from '../../src/storage/query.ts'
import { tenantStore } from '../../src/storage/tenant-store.ts'
import { newDatabase } from '../../test/postgres-cluster.ts'
import type { Results } from '../results.ts'
import { benchDirectory } from '../server-process.ts'
import { quantiles, row } from '../table.ts'

const batch_n = 500

export const engineNames: Readonly<Record<Engine, string>> = {
  sqlite: 'SQLite',
  postgres: 'PostgreSQL',
}

export async function benchSequencing(
  results: Results,
  engine: Engine,
  events: number,
): Promise<void> {
  const directory = benchDirectory()
  const other = engine === 'postgres' ? await newDatabase() : null
  const log = createLog('warn')
  const place = { 'data-dir': directory.path, ...(other && { 'database-url': other.url }) }
  const config = readConfig(place, {})
  const instance = await openInstance(config, { log, create: true })
  try {
    const { tenant } = await initialise(instance)
    const { indexes_bytes_max } = config
    const app = await createApp(instance, { version: 'bench', publicUrl: null, indexes_bytes_max })
    // What is measured does it alone.
    await app.jobs.stop()
    const { database, keys, clock, services } = app.pipeline
    const held_ms: number[] = []
    const ctx: JobContext = {
      ...{ database: timed(database, held_ms), keys, clock, log, services },
      open: (tx, tenant) => tenantStore(tx, keys, tenant),
    }
    const sequence = async (): Promise<void> => {
      while ((await sequenceEvents.run(ctx)) > 0);
    }
    await sequence()
    const before = await sizeOf(ctx, tenant)
    const filled = await spend(() => fill(ctx, tenant, events))
    held_ms.length = 0
    const made = await spend(sequence)
    const done = (await sizeOf(ctx, tenant)) - before
    if (done < events) throw new Error(`${done} of ${events} events became leaves`)
    tell(results, { engine, events, filled, made, held_ms })
    await app.close()
  } finally {
    await instance.close()
    directory.remove()
    await other?.drop()
  }
}

function sizeOf({ database, open }: JobContext, tenant: Id<'ten'>): Promise<number> {
  return database.read(async (tx) => (await findLog(open(tx, tenant)))?.size ?? 0)
}

/** How long each change kept the only writer, from its first statement to its commit. */
function timed(database: Database, held_ms: number[]): Database {
  return {
    engine: database.engine,
    get takesChanges() {
      return database.takesChanges
    },
    get queued() {
      return database.queued
    },
    read: (work, options) => database.read(work, options),
    write: async (work, options) => {
      let started = 0
      const done = await database.write((tx) => {
        started = performance.now()
        return work(tx)
      }, options)
      held_ms.push(performance.now() - started)
      return done
    },
    scrub: () => database.scrub(),
    close: () => database.close(),
  }
}

async function fill(ctx: JobContext, tenant: Id<'ten'>, events: number): Promise<void> {
  const resourceId = newId('mem', ctx.clock)
  for (let left = events; left > 0; left -= batch_n) {
    await ctx.database.write(
      async (tx) => {
        const store = ctx.open(tx, tenant)
        for (let at = 0; at < Math.min(left, batch_n); at += 1) {
          const event = jobEvent(ctx.clock(), 'memory.recalled', { resourceId })
          await appendEvent(store, event, ctx.clock)
        }
      },
      { durability: 'full', turn: { tenant } },
    )
  }
}

interface Spent {
  readonly cpu_s: number
  readonly wall_s: number
}

async function spend(work: () => Promise<void>): Promise<Spent> {
  const [started, used] = [performance.now(), process.cpuUsage()]
  await work()
  const { user, system } = process.cpuUsage(used)
  return { cpu_s: (user + system) / 1e6, wall_s: (performance.now() - started) / 1000 }
}

interface Told {
  readonly engine: Engine
  readonly events: number
  readonly filled: Spent
  readonly made: Spent
  readonly held_ms: readonly number[]
}

function tell(results: Results, { engine, events, filled, made, held_ms }: Told): void {
  const held = quantiles(held_ms)
  const line = (name: string, { cpu_s, wall_s }: Spent): void => {
    const rates = [events / cpu_s, events / wall_s].map((rate) => String(Math.round(rate)))
    results.line(row([name.padEnd(24), ...rates, ((cpu_s * 1e6) / events).toFixed(1)]))
  }
  results.line(`\n${events} events of one tenant, ${engineNames[engine]}`)
  results.line(row([''.padEnd(24), 'per CPU s', 'per second', 'CPU µs']))
  line('added', filled)
  line('made leaves of', made)
  const times = [held.p50, held.p99, Math.max(...held_ms)].map((time) => time.toFixed(2))
  results.line()
  results.line(row([''.padEnd(24), 'p50', 'p99', 'longest']))
  const held_by = engine === 'sqlite' ? 'the writer is held, ms' : 'a transaction, ms'
  results.line(row([held_by.padEnd(24), ...times]))
  const perCpuSecond = events / made.cpu_s
  const name = engine === 'sqlite' ? 'sequencing' : `sequencing, ${engine}`
  results.keep(name, { events, filled, made, perCpuSecond, held_ms: held })
  // What the server of PostgreSQL does is in no processor time of ours.
  if (engine !== 'sqlite') return
  results.atLeast('events made leaves of', perCpuSecond, { bound: 20_000, unit: '/CPU s' })
}
