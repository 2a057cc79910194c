/**
 * The first recall of a space in a server that has just started: with the sealed snapshot of its index
 * there, and without it, when the index is built from the rows. In turn, each in a process of its own.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { snapshotsDirectory } from '../src/storage/snapshots.ts'
import { amount } from './amount.ts'
import { type Client, createClient } from './client.ts'
import { createResults, type Results, readable, resultsDirectory } from './results.ts'
import { fillSpace } from './scale/fill.ts'
import { benchDirectory, startBenchServer } from './server-process.ts'
import { quantiles, row } from './table.ts'
import { createTexts } from './texts.ts'

const space = 'user:bench'
const hot_n = 50
/**
 * Another space that is asked before, large enough to have a snapshot: what is measured is the opening
 * of an index, and not a process that does its first work and starts the thread that reads snapshots.
 */
const warm = { space: 'user:warm', memories_n: 500, recalls_n: 50 } as const

const wanted = { open_ms: 30, times: 10 } as const

export async function benchCold(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      memories: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '9' },
      results: { type: 'string', default: resultsDirectory },
    },
  })
  const memories = amount(values.memories)
  const rounds = amount(values.rounds)
  const results = createResults('cold', values.results)
  results.line(`the first recall of a space of ${memories}, medians of ${rounds} starts each`)
  const directory = benchDirectory()
  try {
    await benchStarts(results, { directory: directory.path, memories, rounds })
  } finally {
    directory.remove()
  }
  results.write()
}

interface Plan {
  readonly directory: string
  readonly memories: number
  readonly rounds: number
}

async function benchStarts(results: Results, { directory, memories, rounds }: Plan): Promise<void> {
  const snapshots = join(directory, snapshotsDirectory)
  const key = await fill(directory, memories)
  const opened: Start[] = []
  const rebuilt: Start[] = []
  for (let round = 0; round < rounds; round++) {
    if (!existsSync(snapshots)) throw new Error('no snapshot was written when the server stopped')
    opened.push(await start(directory, key))
    rmSync(snapshots, { recursive: true })
    rebuilt.push(await start(directory, key))
  }
  results.keep('opened', opened)
  results.keep('rebuilt', rebuilt)
  const p50 = (starts: readonly Start[], of: keyof Start): number =>
    quantiles(starts.map((one) => one[of])).p50
  const line = (name: string, figures: readonly number[]): void =>
    results.line(row([name.padEnd(34), ...figures.map(readable)]))
  results.line(row([''.padEnd(34), 'snapshot ms', 'rows ms']))
  line(`first recall of ${memories}`, [p50(opened, 'cold_ms'), p50(rebuilt, 'cold_ms')])
  line('a recall after that', [p50(opened, 'hot_ms'), p50(rebuilt, 'hot_ms')])
  const before = [p50(opened, 'first_ms'), p50(rebuilt, 'first_ms')]
  line(`before: first of all, ${warm.memories_n} memories`, before)
  const [open_ms, rebuild_ms] = [p50(opened, 'cold_ms'), p50(rebuilt, 'cold_ms')]
  results.atMost('opening from a snapshot', open_ms, { bound: wanted.open_ms, unit: 'ms' })
  results.atLeast('rebuilding to opening', rebuild_ms / open_ms, { bound: wanted.times })
}

/** Fills both spaces and asks them once, so that there is an index to keep when the server stops. */
async function fill(directory: string, memories: number): Promise<string> {
  const server = await startBenchServer({ directory })
  const client = createClient(server.url, server.key ?? '')
  try {
    const texts = createTexts()
    await fillSpace([client], { space: warm.space, count: warm.memories_n, texts })
    await fillSpace([client], { space, count: memories, texts })
    await recall(client, warm.space)
    await recall(client, space)
    return server.key ?? ''
  } finally {
    client.close()
    await server.end()
  }
}

interface Start {
  /** The first recall of all, in the space that is asked before. */
  readonly first_ms: number
  readonly cold_ms: number
  readonly hot_ms: number
}

async function start(directory: string, key: string): Promise<Start> {
  const server = await startBenchServer({ directory })
  const client = createClient(server.url, key)
  try {
    const first_ms = await recall(client, warm.space)
    for (let at = 1; at < warm.recalls_n; at++) await recall(client, warm.space)
    const cold_ms = await recall(client, space)
    const hot: number[] = []
    for (let at = 0; at < hot_n; at++) hot.push(await recall(client, space))
    return { first_ms, cold_ms, hot_ms: quantiles(hot).p50 }
  } finally {
    client.close()
    await server.end()
  }
}

const questions = createTexts(3)

/** What one recall takes. */
async function recall(client: Client, of: string): Promise<number> {
  const body = { space: of, query: questions.query() }
  const before = performance.now()
  await client.post('/v1/memories/recall', body)
  return performance.now() - before
}
