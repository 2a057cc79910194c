/** A Locket with a log of many events whose time is over: made by what a server makes them with, ahead of time. */
import { type App, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { day_ms, systemClock } from '../../src/core/clock.ts'
import { type Id, newId } from '../../src/core/ids.ts'
import { createLog } from '../../src/core/log.ts'
import { appendEvent } from '../../src/features/audit/append.ts'
import { type EventClass, jobEvent } from '../../src/features/audit/event.ts'
import { sequenceEvents } from '../../src/features/audit-logs/sequence.ts'
import { initialise, openInstance, recoverAdministrator } from '../../src/instance.ts'
import type { JobContext } from '../../src/kernel/job.ts'
import { tenantStore } from '../../src/storage/tenant-store.ts'
import { held } from './held.ts'
import type { Timed } from './pace.ts'

export interface Filled {
  /** So many were made ahead. */
  readonly events: number
  readonly app: App
  /** An administrator's. */
  readonly key: string
  readonly ctx: JobContext
  /** What each change of a job has taken. */
  readonly changes: Timed[]
  close(): Promise<void>
}

interface Wanted {
  readonly directory: string
  readonly database: string | null
  readonly events: number
}

/** Longer ago than any class is kept for. */
const age_ms = 400 * day_ms
const batch_n = 500

export async function openFilled({ directory, database, events }: Wanted): Promise<Filled> {
  const log = createLog('warn')
  const config = readConfig(
    { 'data-dir': directory, ...(database !== null && { 'database-url': database }) },
    {},
  )
  let behind_ms = age_ms
  const clock = (): number => systemClock() - behind_ms
  const instance = await openInstance(config, { log, create: true, clock })
  const { tenant } = await initialise(instance)
  const { indexes_bytes_max } = config
  const app = await createApp(instance, { version: 'bench', publicUrl: null, indexes_bytes_max })
  await app.jobs.stop()
  const { keys, services } = app.pipeline
  const changes: Timed[] = []
  const ctx: JobContext = {
    ...{ database: held(app.pipeline.database, changes), keys, clock, log, services },
    open: (tx, of) => tenantStore(tx, keys, of),
  }
  await fill(ctx, tenant, events)
  while ((await sequenceEvents.run(ctx)) > 0);
  behind_ms = 0
  const { apiKey: key } = await recoverAdministrator(instance)
  const close = async (): Promise<void> => {
    await app.close()
    await instance.close()
  }
  return { events, app, key, ctx, changes, close }
}

/** Of a hundred: mostly reads, some changes, and a few of who administers or was refused. */
function classAt(at: number): EventClass {
  const place = at % 100
  if (place < 80) return 'read'
  if (place < 95) return 'write'
  return place < 98 ? 'admin' : 'security'
}

async function fill(ctx: JobContext, tenant: Id<'ten'>, events: number): Promise<void> {
  const resourceId = newId('mem', ctx.clock)
  for (let made = 0; made < events; made += batch_n) {
    await ctx.database.write(
      async (tx) => {
        const store = ctx.open(tx, tenant)
        for (let at = made; at < Math.min(events, made + batch_n); at += 1) {
          const event = jobEvent(ctx.clock(), 'memory.recalled', { resourceId })
          await appendEvent(store, { ...event, class: classAt(at) }, ctx.clock)
        }
      },
      { durability: 'full', turn: { tenant } },
    )
  }
}
