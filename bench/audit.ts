/**
 * What the audit log costs: events made leaves of, by processor time and by how long the writer is held;
 * what a recall and a store take with it and without; and how fast a whole log is checked. On SQLite, and on
 * the PostgreSQL of `LOCKET_TEST_POSTGRES_URL` where there is one.
 */
import { parseArgs } from 'node:util'
import type { Engine } from '../src/storage/query.ts'
import { clusterIsGiven } from '../test/postgres-cluster.ts'
import { amount } from './amount.ts'
import { benchSequencing, engineNames } from './audit/sequencing.ts'
import { benchVerification } from './audit/verification.ts'
import { type Client, createClient } from './client.ts'
import { run } from './load.ts'
import { createResults, type Results, resultsDirectory } from './results.ts'
import { quantiles, row } from './table.ts'
import { createCalls } from './tax/calls.ts'
import { type Program, startProgram } from './tax/programs.ts'
import { type Round, works } from './tax/task.ts'
import { createTexts } from './texts.ts'

const clients_max = 32
/** Each is a journey to the server when it is added. */
const postgresEvents_max = 10_000

export async function benchAudit(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string', default: '50000' },
      people: { type: 'string', default: '1000' },
      memories: { type: 'string', default: '10000' },
      pairs: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '11' },
      calls: { type: 'string', default: '128' },
      'warm-up': { type: 'string', default: '2000' },
      results: { type: 'string', default: resultsDirectory },
    },
  })
  const many = { events: amount(values.events), people: amount(values.people) }
  const plan = {
    memories: amount(values.memories),
    pairs: amount(values.pairs),
    rounds: amount(values.rounds),
    calls: amount(values.calls),
    warmUp_calls: amount(values['warm-up'], 0),
  }
  const results = createResults('audit', values.results)
  await benchSequencing(results, 'sqlite', many)
  await benchVerification(results, many)
  await benchCalls(results, 'sqlite', plan)
  if (clusterIsGiven()) {
    const events = Math.min(many.events, postgresEvents_max)
    await benchSequencing(results, 'postgres', { ...many, events })
    await benchCalls(results, 'postgres', plan)
  } else results.line('\nPostgreSQL was left out: LOCKET_TEST_POSTGRES_URL is not set')
  results.write()
}

interface Plan {
  readonly memories: number
  /** Of servers. */
  readonly pairs: number
  /** Of each pair. */
  readonly rounds: number
  readonly calls: number
  /** Of each kind before they count: so long does it take until what is used all the time is compiled. */
  readonly warmUp_calls: number
}

const clientCounts = [1, clients_max] as const

/**
 * Two servers, one of which writes no event; they work by turns. The sequencer runs in the other. The same
 * program takes some percent more or less from one process to the next, so there are pairs of them.
 */
async function benchCalls(results: Results, engine: Engine, plan: Plan): Promise<void> {
  const { memories, rounds, pairs } = plan
  const how = `by HTTP, medians of ${rounds} rounds of ${pairs} pairs of servers each`
  results.line(`\n${memories} memories, ${engineNames[engine]}, ${how}`)
  const columns = kinds.flatMap((kind) => [`${kind} off, µs`, 'adds µs', ''])
  results.line(row(['a call'.padEnd(24), ...columns]))
  const comparisons = works.flatMap((work) =>
    clientCounts.map((clients) => ({ work, clients, spent: [] as Pair<Spent>[] })),
  )
  for (let at = 0; at < pairs; at += 1) {
    const on = withClients(await startProgram({ name: 'on', without: [] }, memories, engine))
    const off = withClients(
      await startProgram({ name: 'off', without: ['audit'] }, memories, engine),
    )
    try {
      for (const { spent, ...round } of comparisons) {
        spent.push(...(await compare({ on, off }, round, plan)))
      }
    } finally {
      await on.end()
      await off.end()
    }
  }
  for (const comparison of comparisons) tell(results, engine, comparison)
}

/** What a call takes, in microseconds: of the server's processors, and of its client's time. */
interface Spent {
  readonly cpu: number
  /** Of the calls of a round, the one in the middle. */
  readonly p50: number
  readonly mean: number
}

const kinds = ['cpu', 'p50', 'mean'] as const

/** A server, and a connection for each client that it may have. */
interface Served {
  round(round: Round): Promise<Spent>
  end(): Promise<void>
}

const calls = createCalls(createTexts())

function withClients(program: Program): Served {
  const all = Array.from({ length: clients_max }, () => createClient(program.url, program.apiKey))
  return {
    round: async ({ work, calls: count, clients }) => {
      const call = (client: Client): Promise<unknown> => calls[work](client.post)
      const used_us = await program.cpu_us()
      const { p50, perSecond } = await run(all.slice(0, clients), count, call)
      const cpu = ((await program.cpu_us()) - used_us) / count
      return { cpu, p50: p50 * 1000, mean: (clients * 1e6) / perSecond }
    },
    end: async () => {
      for (const client of all) client.close()
      await program.end()
    },
  }
}

interface Comparison extends Pick<Round, 'work' | 'clients'> {
  readonly spent: readonly Pair<Spent>[]
}

interface Pair<Of> {
  readonly on: Of
  readonly off: Of
}

/** What it is without events, and what they add. */
interface Added {
  readonly off_us: number
  readonly adds_us: number
  readonly share: number
}

async function compare(
  servers: Pair<Served>,
  what: Pick<Round, 'work' | 'clients'>,
  { rounds, calls, warmUp_calls }: Plan,
): Promise<readonly Pair<Spent>[]> {
  const pairs: Pair<Spent>[] = []
  for (let at = -Math.ceil(warmUp_calls / calls); at < rounds; at += 1) {
    const pair = await inTurn(servers, { ...what, calls }, at % 2 === 0)
    if (at >= 0) pairs.push(pair)
  }
  return pairs
}

function tell(results: Results, engine: Engine, { work, clients, spent }: Comparison): void {
  const added: Readonly<Record<keyof Spent, Added>> = {
    cpu: addedTo(spent, 'cpu'),
    p50: addedTo(spent, 'p50'),
    mean: addedTo(spent, 'mean'),
  }
  const name = `${work}, ${clients} client${clients === 1 ? '' : 's'}`
  results.line(row([name.padEnd(24), ...kinds.flatMap((kind) => cells(added[kind]))]))
  results.keep(engine === 'sqlite' ? name : `${name}, ${engine}`, added)
  if (work !== 'recall' || engine !== 'sqlite') return
  const most = { bound: 20, unit: '%' }
  for (const kind of ['p50', 'mean'] as const) {
    results.atMost(`audit adds to ${name}, ${kind}`, added[kind].share * 100, most)
  }
}

async function inTurn({ on, off }: Pair<Served>, round: Round, onFirst: boolean) {
  if (!onFirst) return { off: await off.round(round), on: await on.round(round) }
  return { on: await on.round(round), off: await off.round(round) }
}

/** Compared round by round, so that what slows the machine for a while is in both. */
function addedTo(pairs: readonly Pair<Spent>[], kind: keyof Spent): Added {
  const median = (of: (pair: Pair<Spent>) => number): number => quantiles(pairs.map(of)).p50
  return {
    off_us: median(({ off }) => off[kind]),
    adds_us: median(({ on, off }) => on[kind] - off[kind]),
    share: median(({ on, off }) => on[kind] / off[kind] - 1),
  }
}

function cells({ off_us, adds_us, share }: Added): readonly string[] {
  return [off_us.toFixed(0), adds_us.toFixed(0), `${Math.round(share * 100)} %`]
}
