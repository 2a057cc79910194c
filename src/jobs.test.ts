import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Locket, openLocket } from '../test/harness.ts'
import { systemClock } from './core/clock.ts'
import { jobs, startJobs } from './jobs.ts'
import type { Job, JobContext } from './kernel/job.ts'
import { tenantStore } from './storage/tenant-store.ts'

/** What a job here may touch: it logs, and nothing else. */
function contextThatLogs() {
  const errors: unknown[] = []
  const log = { error: (line: unknown) => errors.push(line) }
  const runs: string[] = []
  const metrics = { jobRan: (name: string, { ok }: { ok: boolean }) => runs.push(`${name} ${ok}`) }
  return { ctx: { log, services: { metrics } } as unknown as JobContext, errors, runs }
}

/** One whose events are really written. */
async function contextThatTells(t: TestContext) {
  const locket = await openLocket(t)
  const { ctx, ...seen } = contextThatLogs()
  const { database, keys } = locket.instance
  const open: JobContext['open'] = (tx, tenant) => tenantStore(tx, keys, tenant)
  return { locket, ctx: { ...ctx, database, keys, open, clock: systemClock }, ...seen }
}

/** The jobs that events name, the newest first. */
async function failuresTold(locket: Locket): Promise<readonly string[]> {
  const path = '/v1/audit-events?log=instance&action=job.failed&outcome=failed'
  const { items } = (await locket.call('GET', path)).body
  return items.map(({ details }: { details: { job: string } }) => details.job)
}

const hourly = 3_600_000

/** A job whose runs end when they are told to. */
function manual(name: string) {
  const runs: PromiseWithResolvers<number>[] = []
  const job: Job = {
    name,
    every_ms: hourly,
    run: () => {
      const run = Promise.withResolvers<number>()
      runs.push(run)
      return run.promise
    },
  }
  return { job, runs }
}

const rest = () => new Promise(setImmediate)

test('every job has a name of its own and a rhythm', () => {
  const names = jobs.map((job) => job.name)
  assert.equal(new Set(names).size, names.length)
  for (const { name, every_ms } of jobs) {
    assert.match(name, /^[a-z-]+\.[a-z-]+$/)
    // A checkpoint is promised each second, and a run takes a while; nothing else is so urgent.
    assert.ok(every_ms >= (name === 'audit-logs.sequence' ? 800 : 1000), name)
  }
})

test('all are run once, one after the other', async () => {
  const { ctx } = contextThatLogs()
  const [one, two] = [manual('a.one'), manual('a.two')]
  const runner = startJobs(ctx, [one.job, two.job])
  const all = runner.runAll()
  await rest()
  assert.deepEqual([one.runs.length, two.runs.length], [1, 0])
  one.runs[0]?.resolve(5)
  await rest()
  two.runs[0]?.resolve(0)
  await all
  assert.deepEqual([one.runs.length, two.runs.length], [1, 1])
  await runner.stop()
})

test('a job never runs beside itself', async () => {
  const { ctx } = contextThatLogs()
  const { job, runs } = manual('a.one')
  const runner = startJobs(ctx, [job])
  const both = [runner.runAll(), runner.runAll()]
  await rest()
  assert.equal(runs.length, 1)
  runs[0]?.resolve(0)
  await Promise.all(both)
  assert.equal(runs.length, 1)
  await runner.stop()
})

test('a job that fails is logged, told in the audit, and harms no other', async (t) => {
  const { locket, ctx, errors, runs } = await contextThatTells(t)
  const ran: string[] = []
  const job = (name: string, run: () => Promise<number>): Job => ({ name, every_ms: hourly, run })
  const bad = job('a.bad', async () => {
    throw new Error('broken')
  })
  const worse = job('a.worse', () => {
    throw new Error('broken at once')
  })
  const good = job('a.good', async () => ran.push('good'))
  const runner = startJobs(ctx, [bad, worse, good])
  await runner.runAll()
  await runner.stop()
  assert.deepEqual(ran, ['good'])
  assert.deepEqual(await failuresTold(locket), ['a.worse', 'a.bad'])
  assert.deepEqual(
    errors.map((line) => (line as { job: string }).job),
    ['a.bad', 'a.worse'],
  )
  assert.deepEqual(runs, ['a.bad false', 'a.worse false', 'a.good true'])
})

test('a job that goes on failing is told again only after it has succeeded', async (t) => {
  const { locket, ctx } = await contextThatTells(t)
  let isWell = false
  const run = async (): Promise<number> => {
    if (!isWell) throw new Error('broken for a while')
    return 0
  }
  const runner = startJobs(ctx, [{ name: 'a.ill', every_ms: hourly, run }])
  for (const is of [false, false, true, false]) {
    isWell = is
    await runner.runAll()
  }
  await runner.stop()
  assert.deepEqual(await failuresTold(locket), ['a.ill', 'a.ill'])
})

test('each runs in its own rhythm, sooner when it had something to do', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { ctx } = contextThatLogs()
  let runs = 0
  const job: Job = { name: 'a.one', every_ms: 1000, run: async () => (++runs === 1 ? 3 : 0) }
  const runner = startJobs(ctx, [job])
  const after = async (ms: number) => {
    t.mock.timers.tick(ms)
    await rest()
    return runs
  }
  assert.equal(await after(999), 0)
  assert.equal(await after(1), 1)
  assert.equal(await after(99), 1)
  assert.equal(await after(1), 2, 'it did something')
  assert.equal(await after(999), 2)
  assert.equal(await after(1), 3)
  await runner.stop()
  assert.equal(await after(10_000), 3)
})

test('stopping waits for what is under way and starts nothing more', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { ctx } = contextThatLogs()
  const { job, runs } = manual('a.one')
  const runner = startJobs(ctx, [job])
  t.mock.timers.tick(hourly)
  let stopped = false
  const stopping = runner.stop().then(() => {
    stopped = true
  })
  await rest()
  assert.deepEqual([runs.length, stopped], [1, false])
  runs[0]?.resolve(7)
  await stopping
  await rest()
  t.mock.timers.tick(10 * hourly)
  await rest()
  assert.equal(runs.length, 1)
})

test('keys that nobody used leave the memory', async (t) => {
  const time = { now: Date.parse('2026-01-01T00:00:00Z') }
  const locket = await openLocket(t, { clock: () => time.now })
  await locket.call('POST', '/v1/memories', { body: { space: 'org', text: 'tea' } })
  await locket.call('GET', '/v1/spaces')
  const { cache } = locket.instance.keys
  assert.ok(cache.size > 3)
  time.now += 10 * 60_000
  const forget = jobs.find((job) => job.name === 'encryption-keys.forget-idle')
  assert.ok(forget)
  await forget.run({ keys: locket.instance.keys } as JobContext)
  assert.equal(cache.size, 0)
})

test('a job that is woken runs at once, and once more when it was running', async () => {
  const { job, runs } = manual('one.work')
  const jobs = startJobs(contextThatLogs().ctx, [job])
  const until = async (count: number) => {
    while (runs.length < count) await rest()
  }
  jobs.wake(job)
  jobs.wake(job)
  await until(1)
  jobs.wake(job)
  jobs.wake(job)
  runs[0]?.resolve(0)
  await until(2)
  runs[1]?.resolve(0)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(runs.length, 2)
  await jobs.stop()
  jobs.wake(job)
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(runs.length, 2)
})
