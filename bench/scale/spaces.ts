/** Many spaces and less memory for their indexes than all of them need. */
import { type Client, createClient } from '../client.ts'
import { run } from '../load.ts'
import { resident_bytes } from '../machine.ts'
import { type Results, readable } from '../results.ts'
import {
  type BenchServer,
  benchDirectory,
  type ServerOptions,
  startBenchServer,
} from '../server-process.ts'
import { type Quantiles, quantiles } from '../table.ts'
import { createTexts, type Texts } from '../texts.ts'
import { fillSpace } from './fill.ts'

export interface Many {
  readonly spaces: number
  readonly each: number
  readonly budget_bytes: number
}

/** What is asked of 1,000 spaces of 1,000 memories with 256 MiB for indexes. */
const wanted = { cold_ms: 20, hot_ms: 1.5, growth_times: 1.1 } as const

const clients_n = 4
const rounds_n = 4
const samples_perSweep = 10

export async function benchSpaces(results: Results, many: Many): Promise<void> {
  const { spaces, each, budget_bytes } = many
  const directory = benchDirectory()
  const mebibytes = Math.round(budget_bytes / 2 ** 20)
  results.line(`\n${spaces} spaces of ${each} memories, ${mebibytes} MiB for their indexes`)
  try {
    const options = { directory: directory.path, indexes_bytes_max: budget_bytes }
    const key = await serving(options, null, async (clients) => fillAll(clients, many))
    await serving(options, key, async ([client], server) => {
      await sweepAll(results, { server, client, many })
    })
  } finally {
    directory.remove()
  }
}

type Clients = readonly [Client, ...Client[]]

/** Runs `work` against a server of its own; gives the key of who may do everything there. */
async function serving(
  options: ServerOptions,
  known: string | null,
  work: (clients: Clients, server: BenchServer) => Promise<void>,
): Promise<string> {
  const server = await startBenchServer(options)
  const key = known ?? server.key ?? ''
  const connect = (): Client => createClient(server.url, key)
  const clients: Clients = [connect(), ...Array.from({ length: clients_n - 1 }, connect)]
  try {
    await work(clients, server)
  } finally {
    for (const client of clients) client.close()
    await server.end()
  }
  return key
}

function spaceAt(at: number): string {
  return `user:bench-${at}`
}

/** Each client fills spaces of its own. */
async function fillAll(clients: readonly Client[], { spaces, each }: Many): Promise<void> {
  const texts = createTexts()
  let next = 0
  await run(clients, spaces, (client) =>
    fillSpace([client], { space: spaceAt(next++), count: each, texts }),
  )
}

interface Sweeping {
  readonly server: BenchServer
  readonly client: Client
  readonly many: Many
}

interface Swept {
  readonly cold_ms: readonly number[]
  readonly hot_ms: readonly number[]
  /** Sampled on the way. */
  readonly resident_bytes: readonly number[]
}

/**
 * Asks every space twice, in order, and all of them again, round after round. Right after a start the
 * first question of each is cold; in later rounds it is, too, where the budget is full: what was asked
 * longest ago has left by the time it is its turn.
 *
 * Resident memory is compared twice. In the first round, indexes are built from rows: many
 * small arrays of the main thread. Later they come out of snapshots: one large buffer each, which the
 * snapshot thread allocates. glibc's malloc keeps most of what was freed (`malloc_trim` gives it back),
 * and the gaps of the one kind are of little use to the other, so the second round adds what the second
 * kind needs at most, more than is wanted. Then both are there and are used again: what still grew
 * would be a leak.
 */
async function sweepAll(results: Results, sweeping: Sweeping): Promise<void> {
  const { server, many } = sweeping
  const texts = createTexts(2)
  const first = await sweepOnce(sweeping, texts)
  const later: Swept[] = []
  while (later.length < rounds_n - 1) later.push(await sweepOnce(sweeping, texts))
  const { indexes_bytes } = await server.held()
  const rounds = [first, ...later]
  const cold = quantiles(first.cold_ms)
  const again = quantiles(later.flatMap(({ cold_ms }) => cold_ms))
  const hot = quantiles(rounds.flatMap(({ hot_ms }) => hot_ms))
  const resident = rounds.map((round) => round.resident_bytes)
  const [most = 0, second = 0, ...others] = resident.map((sampled) => Math.max(...sampled))
  results.keep('spaces', { ...many, indexes_bytes, cold, again, hot, resident_bytes: resident })
  const mebibytes = (bytes: number): string => String(Math.round(bytes / 2 ** 20))
  const said = ({ p50, p99 }: Quantiles): string => `p50 ${readable(p50)}, p99 ${readable(p99)} ms`
  results.line(`first question after a start  ${said(cold)}`)
  results.line(`first question, later rounds  ${said(again)}`)
  results.line(`second question               ${said(hot)}`)
  results.line(`indexes in memory: ${mebibytes(indexes_bytes)} MiB as accounted`)
  for (const [at, sampled] of resident.entries()) {
    results.line(`resident, MiB, round ${at + 1}: ${sampled.map(mebibytes).join(' ')}`)
  }
  results.atMost('indexes to their budget', indexes_bytes / many.budget_bytes, { bound: 1 })
  const { growth_times, cold_ms, hot_ms } = wanted
  const grown = Math.max(...others) / second
  results.atMost('resident memory, second round to first', second / most, { bound: growth_times })
  results.atMost('resident memory, later rounds to second', grown, { bound: growth_times })
  results.atMost('cold recall p50, after a start', cold.p50, { bound: cold_ms, unit: 'ms' })
  results.atMost('cold recall p50, later rounds', again.p50, { bound: cold_ms, unit: 'ms' })
  results.atMost('hot recall p50', hot.p50, { bound: hot_ms, unit: 'ms' })
}

async function sweepOnce({ server, client, many }: Sweeping, texts: Texts): Promise<Swept> {
  const cold_ms: number[] = []
  const hot_ms: number[] = []
  const resident: number[] = []
  const every = Math.max(1, Math.floor(many.spaces / samples_perSweep))
  const timed = async (space: string): Promise<number> => {
    const before = performance.now()
    await client.post('/v1/memories/recall', { space, query: texts.query() })
    return performance.now() - before
  }
  for (let at = 0; at < many.spaces; at++) {
    cold_ms.push(await timed(spaceAt(at)))
    hot_ms.push(await timed(spaceAt(at)))
    if ((at + 1) % every === 0) resident.push(resident_bytes(server.pid) ?? 0)
  }
  return { cold_ms, hot_ms, resident_bytes: resident }
}
