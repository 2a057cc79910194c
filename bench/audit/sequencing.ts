/**
 * Events that wait, made leaves of: the job itself, in this process, on an instance of its own. The indexes of questions
 * cost more where neighbours in time are of many people, as users have them, than where all are of one job: both are judged.
 */
import type { Engine } from '../../src/storage/query.ts'
import type { Results } from '../results.ts'
import { quantiles } from '../table.ts'
import { type BenchLog, onBenchLog } from './bench-log.ts'
import { fill, type Mix, ofPeople, oneJob } from './mixes.ts'
import { named, ratesHead, ratesRow, type Spent, spend } from './spent.ts'

export const engineNames: Readonly<Record<Engine, string>> = {
  sqlite: 'SQLite',
  postgres: 'PostgreSQL',
}

export interface Many {
  readonly events: number
  /** Whose they are. */
  readonly people: number
}

export async function benchSequencing(
  results: Results,
  engine: Engine,
  { events, people }: Many,
): Promise<void> {
  const told: Told[] = []
  for (const mix of [oneJob, ofPeople(people)]) {
    await onBenchLog(engine, async (log) => {
      told.push({ name: mix.name, ...(await measure(log, mix, events)) })
    })
  }
  tell(results, engine, { events, told })
}

interface Measured {
  readonly filled: Spent
  readonly made: Spent
  readonly held_ms: readonly number[]
}

interface Told extends Measured {
  readonly name: string
}

async function measure(log: BenchLog, mix: Mix, events: number): Promise<Measured> {
  const eventAt = await mix.prepare(log)
  await log.sequence()
  const before = await log.size()
  const [filled] = await spend(() => fill(log, events, eventAt))
  log.changes.length = 0
  const [made] = await spend(() => log.sequence())
  const held_ms = log.changes.map(({ wall_ms }) => wall_ms)
  const done = (await log.size()) - before
  if (done < events) throw new Error(`${done} of ${events} events became leaves`)
  return { filled, made, held_ms }
}

function tell(
  results: Results,
  engine: Engine,
  { events, told }: { events: number; told: readonly Told[] },
): void {
  results.line(`\n${events} events of one tenant, ${engineNames[engine]}`)
  results.line(ratesHead)
  for (const { name, filled, made } of told) {
    results.line(ratesRow(`${name}: added`, events, filled))
    results.line(ratesRow(`${name}: made leaves of`, events, made))
  }
  results.line()
  results.line(named('', ['p50', 'p99', 'longest']))
  const held_by = engine === 'sqlite' ? 'the writer is held' : 'a transaction'
  for (const { name, held_ms } of told) {
    const { p50, p99 } = quantiles(held_ms)
    const times = [p50, p99, Math.max(...held_ms)].map((time) => time.toFixed(2))
    results.line(named(`${name}: ${held_by}, ms`, times))
  }
  const [job, people] = told
  if (!job || !people) return
  const kept = [
    [job, `sequencing, ${job.name}`],
    [people, 'sequencing'],
  ] as const
  for (const [of, name] of kept) {
    const perCpuSecond = keep(results, engine, { events, told: of, name })
    // What the server of PostgreSQL does is in no processor time of ours.
    if (engine !== 'sqlite') continue
    const bound = { bound: 20_000, unit: '/CPU s' }
    results.atLeast(`events of ${of.name} made leaves of`, perCpuSecond, bound)
  }
}

function keep(
  results: Results,
  engine: Engine,
  { events, told, name }: { events: number; told: Told; name: string },
): number {
  const { filled, made, held_ms } = told
  const perCpuSecond = events / made.cpu_s
  const held = { ...quantiles(held_ms), longest: Math.max(...held_ms) }
  const of = { events, whose: told.name }
  results.keep(engine === 'sqlite' ? name : `${name}, ${engine}`, {
    ...{ ...of, filled, made, perCpuSecond, held_ms: held },
  })
  return perCpuSecond
}
