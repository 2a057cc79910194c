/**
 * What the audit log costs: events made leaves of, by processor time and by how long the writer is held;
 * what a recall and a store take with it and without; and how fast a whole log is checked. On SQLite, and on
 * the PostgreSQL of `LOCKET_TEST_POSTGRES_URL` where there is one.
 */
import { parseArgs } from 'node:util'
import type { Engine } from '../src/storage/query.ts'
import { clusterIsGiven } from '../test/postgres-cluster.ts'
import { benchSequencing, engineNames } from './audit/sequencing.ts'
import { benchVerification } from './audit/verification.ts'
import { type Client, createClient } from './client.ts'
import { run } from './load.ts'
import { createResults, type Results, resultsDirectory } from './results.ts'
import { quantiles, row } from './table.ts'
import { createCalls } from './tax/calls.ts'
import { type Program, startProgram } from './tax/programs.ts'
import { type Cost, type Round, type Work, works } from './tax/task.ts'
import { createTexts } from './texts.ts'

const warmUpRounds = 3
const clients_max = 32
/** Each is a journey to the server when it is added. */
const postgresEvents_max = 10_000

export async function benchAudit(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string', default: '50000' },
      memories: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '21' },
      calls: { type: 'string', default: '128' },
      results: { type: 'string', default: resultsDirectory },
    },
  })
  const results = createResults('audit', values.results)
  const events = Number(values.events)
  const plan = {
    memories: Number(values.memories),
    rounds: Number(values.rounds),
    calls: Number(values.calls),
  }
  await benchSequencing(results, 'sqlite', events)
  await benchVerification(results, events)
  await benchCalls(results, 'sqlite', plan)
  if (clusterIsGiven()) {
    await benchSequencing(results, 'postgres', Math.min(events, postgresEvents_max))
    await benchCalls(results, 'postgres', plan)
  } else results.line('\nPostgreSQL was left out: LOCKET_TEST_POSTGRES_URL is not set')
  results.write()
}

interface Plan {
  readonly memories: number
  readonly rounds: number
  readonly calls: number
}

/** Two servers, one of which writes no event; they work by turns. The sequencer runs in the other. */
async function benchCalls(results: Results, engine: Engine, plan: Plan): Promise<void> {
  const { memories, rounds } = plan
  const on = withClients(await startProgram({ name: 'on', without: [] }, memories, engine))
  const off = withClients(await startProgram({ name: 'off', without: ['audit'] }, memories, engine))
  const how = `by HTTP, from another process; medians of ${rounds} rounds`
  results.line(`\n${memories} memories, ${engineNames[engine]}, ${how}`)
  const columns = ['off, CPU µs', 'on', 'adds µs', '', 'off, wait µs', 'adds µs', '']
  results.line(row(['a call'.padEnd(24), ...columns]))
  try {
    for (const work of works) {
      for (const clients of [1, clients_max])
        await compare(results, [on, off], { ...plan, engine, work, clients })
    }
  } finally {
    await on.end()
    await off.end()
  }
}

/** A server, and a connection for each client that it may have. */
interface Served {
  round(round: Round): Promise<Cost>
  end(): Promise<void>
}

const calls = createCalls(createTexts())

/** What clients wait, by their own clock, and what the server uses of the processors meanwhile. */
function withClients(program: Program): Served {
  const all = Array.from({ length: clients_max }, () => createClient(program.url, program.apiKey))
  return {
    round: async ({ work, calls: count, clients }) => {
      const call = (client: Client): Promise<unknown> => calls[work](client.post)
      const used_us = await program.cpu_us()
      const { perSecond } = await run(all.slice(0, clients), count, call)
      const cpu_us = ((await program.cpu_us()) - used_us) / count
      return { cpu_us, wall_us: (clients * 1e6) / perSecond }
    },
    end: async () => {
      for (const client of all) client.close()
      await program.end()
    },
  }
}

interface Comparison extends Plan {
  readonly engine: Engine
  readonly work: Work
  readonly clients: number
}

type Pair = readonly [on: Served, off: Served]

async function compare(results: Results, [on, off]: Pair, what: Comparison): Promise<void> {
  const { engine, rounds, memories: _, ...round } = what
  const pairs: { on: Cost; off: Cost }[] = []
  for (let at = -warmUpRounds; at < rounds; at += 1) {
    const first = at % 2 === 0 ? on : off
    const one = await first.round(round)
    const other = await (first === on ? off : on).round(round)
    const pair = first === on ? { on: one, off: other } : { on: other, off: one }
    if (at >= 0) pairs.push(pair)
  }
  const median = (of: (pair: { on: Cost; off: Cost }) => number): number =>
    quantiles(pairs.map(of)).p50
  const figures = {
    off_us: median((pair) => pair.off.cpu_us),
    on_us: median((pair) => pair.on.cpu_us),
    cpuAdds_us: median((pair) => pair.on.cpu_us - pair.off.cpu_us),
    cpuAdds: median((pair) => pair.on.cpu_us / pair.off.cpu_us - 1),
    offWait_us: median((pair) => pair.off.wall_us),
    waitAdds_us: median((pair) => pair.on.wall_us - pair.off.wall_us),
    waitAdds: median((pair) => pair.on.wall_us / pair.off.wall_us - 1),
  }
  const name = `${round.work}, ${round.clients} client${round.clients === 1 ? '' : 's'}`
  tell(results, name, figures)
  results.keep(engine === 'sqlite' ? name : `${name}, ${engine}`, figures)
  if (round.work !== 'recall' || engine !== 'sqlite') return
  results.atMost(`audit adds to ${name}`, figures.waitAdds * 100, { bound: 20, unit: '%' })
}

type Figures = Readonly<
  Record<
    'off_us' | 'on_us' | 'cpuAdds_us' | 'cpuAdds' | 'offWait_us' | 'waitAdds_us' | 'waitAdds',
    number
  >
>

function tell(results: Results, name: string, figures: Figures): void {
  const { off_us, on_us, cpuAdds_us, cpuAdds, offWait_us, waitAdds_us, waitAdds } = figures
  const percent = (share: number): string => `${Math.round(share * 100)} %`
  const cpu = [off_us, on_us, cpuAdds_us].map((time) => time.toFixed(0))
  const wait = [offWait_us, waitAdds_us].map((time) => time.toFixed(0))
  results.line(row([name.padEnd(24), ...cpu, percent(cpuAdds), ...wait, percent(waitAdds)]))
}
