/** One space as it grows: what a store and a recall take at each size, and its index at the end. */
import { type Client, createClient } from '../client.ts'
import { type Measured, run } from '../load.ts'
import { processor_ms } from '../machine.ts'
import { logLogChart } from '../plot.ts'
import { type Results, readable } from '../results.ts'
import {
  type BenchServer,
  benchDirectory,
  type ServerOptions,
  startBenchServer,
} from '../server-process.ts'
import { row } from '../table.ts'
import { createTexts, type Texts } from '../texts.ts'
import { fillSpace, newMemory } from './fill.ts'

const space = 'user:bench'
const sizes = [1_000, 3_000, 10_000, 30_000, 100_000]
const stores_n = 300
const recalls_n = 500

/** What is asked of a space of 100,000 memories. */
const wanted = { recall_ms: 3, recallWithVectors_ms: 8, index_bytes_perMemory: 512 } as const

interface Step {
  readonly memories: number
  readonly store: Measured
  readonly recall: Measured
  /** What the server spent on each, in ms of processor time; NaN where it cannot be told. */
  readonly store_cpu_ms: number
  readonly recall_cpu_ms: number
}

/** Once by words alone and once with the stub embedder, each in a server and a directory of its own. */
export async function benchGrowth(results: Results, max: number): Promise<void> {
  const plain = await benchOne(results, max, false)
  const withVectors = await benchOne(results, max, true)
  results.keep('growth', { plain, withVectors })
  results.file('scale.svg', chartOf(plain, withVectors))
}

async function benchOne(
  results: Results,
  max: number,
  embedder: boolean,
): Promise<readonly Step[]> {
  const directory = benchDirectory()
  const options: ServerOptions = { directory: directory.path, indexes_bytes_max: 2 ** 30, embedder }
  const how = embedder ? 'with a stub embedder of 384 dimensions' : 'without an embedder'
  results.line(`\none space that grows to ${max} through batches, ${how}; one client, medians`)
  results.line(row(['memories'.padEnd(14), 'store ms', 'CPU ms', 'recall ms', 'p99', 'CPU ms']))
  try {
    const { key, steps } = await grow(results, options, max)
    const bound = embedder ? wanted.recallWithVectors_ms : wanted.recall_ms
    const recall_ms = steps.at(-1)?.recall.p50 ?? Number.NaN
    results.atMost(`recall p50 at ${max}, ${how}`, recall_ms, { bound, unit: 'ms' })
    if (!embedder) await weighIndex(results, options, { key, max })
    return steps
  } finally {
    directory.remove()
  }
}

async function grow(
  results: Results,
  options: ServerOptions,
  max: number,
): Promise<{ key: string; steps: readonly Step[] }> {
  const server = await startBenchServer(options)
  const key = server.key ?? ''
  const clients = Array.from({ length: 4 }, () => createClient(server.url, key))
  try {
    const texts = createTexts()
    const steps: Step[] = []
    let held = 0
    for (const memories of [...sizes.filter((size) => size < max), max]) {
      const stores = Math.min(stores_n, Math.floor((memories - held) / 2))
      await fillSpace(clients, { space, count: memories - held - stores, texts })
      held = memories
      const step = { memories, ...(await measure(clients.slice(0, 1), { server, texts, stores })) }
      steps.push(step)
      results.line(stepRow(step))
    }
    return { key, steps }
  } finally {
    for (const client of clients) client.close()
    await server.end()
  }
}

async function measure(
  alone: readonly Client[],
  { server, texts, stores }: { server: BenchServer; texts: Texts; stores: number },
): Promise<Omit<Step, 'memories'>> {
  let at = 0
  const recall = (client: Client): Promise<unknown> =>
    client.post('/v1/memories/recall', { space, query: texts.query() })
  const spent = (): number => processor_ms(server.pid) ?? Number.NaN
  const before = spent()
  const store = await run(alone, stores, (client) =>
    client.post('/v1/memories', { space, ...newMemory(texts, at++) }),
  )
  const store_cpu_ms = (spent() - before) / store.count
  await run(alone, recalls_n / 10, recall)
  const between = spent()
  const recalled = await run(alone, recalls_n, recall)
  const recall_cpu_ms = (spent() - between) / recalled.count
  return { store, recall: recalled, store_cpu_ms, recall_cpu_ms }
}

function stepRow({ memories, store, recall, store_cpu_ms, recall_cpu_ms }: Step): string {
  const figures = [store.p50, store_cpu_ms, recall.p50, recall.p99, recall_cpu_ms]
  return row([String(memories).padEnd(14), ...figures.map(readable)])
}

function chartOf(plain: readonly Step[], withVectors: readonly Step[]): string {
  const line = (name: string, steps: readonly Step[], of: 'store' | 'recall') => ({
    name,
    points: steps.map((step) => ({ x: step.memories, y: step[of].p50 })),
  })
  return logLogChart({
    title: 'Store and recall as a space grows (one client over HTTP, median)',
    xLabel: 'memories in the space',
    yLabel: 'time of a request, ms',
    series: [
      line('store', plain, 'store'),
      line('recall', plain, 'recall'),
      line('store, vectors', withVectors, 'store'),
      line('recall, vectors', withVectors, 'recall'),
    ],
  })
}

/**
 * What the index takes, in a server that has just started: as the server accounts it, and as the
 * memory that is held after the index was built and what is garbage was collected.
 */
async function weighIndex(
  results: Results,
  options: ServerOptions,
  { key, max }: { key: string; max: number },
): Promise<void> {
  const server = await startBenchServer(options)
  const client = createClient(server.url, key)
  const recall = (of: string): Promise<unknown> =>
    client.post('/v1/memories/recall', { space: of, query: createTexts().query() })
  try {
    // An absent space: what the first request brings into memory is there before.
    await recall('user:nobody')
    const before = await server.held()
    await recall(space)
    const after = await server.held()
    const accounted = (after.indexes_bytes - before.indexes_bytes) / max
    const grown = (after.memory_bytes - before.memory_bytes) / max
    results.keep('index_bytes_perMemory', { accounted, grown } satisfies Record<string, number>)
    results.line(
      `index of ${max}: ${Math.round(accounted)} B a memory as accounted, ` +
        `${Math.round(grown)} B as heap and buffers have grown`,
    )
    const bound = { bound: wanted.index_bytes_perMemory, unit: 'B' }
    results.atMost('index bytes per memory', Math.max(accounted, grown), bound)
  } finally {
    client.close()
    await server.end()
  }
}
