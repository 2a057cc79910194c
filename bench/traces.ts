/**
 * What traces cost: the same Locket without them, with a share of requests traced, and with all of them. All are in
 * one process and work in turn, so that what slows the machine for a while meets them alike. And what the code for
 * it costs where nothing is traced.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import { onErrand } from '../src/core/errand.ts'
import { createLog } from '../src/core/log.ts'
import { initialise, openInstance } from '../src/instance.ts'
import { traced } from '../src/tracing/traced.ts'
import { createResults, type Results, resultsDirectory } from './results.ts'
import { benchDirectory } from './server-process.ts'
import { quantiles, row } from './table.ts'
import { createTexts } from './texts.ts'

const space = 'user:bench'
const warmUpRounds = 3
/** The first two differ by chance alone. */
const shares = { off: null, 'off too': null, '5 %': 0.05, all: 1 } as const

export async function benchTraces(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      memories: { type: 'string', default: '5000' },
      rounds: { type: 'string', default: '31' },
      calls: { type: 'string', default: '200' },
      results: { type: 'string', default: resultsDirectory },
    },
  })
  const [memories, rounds, calls] = [values.memories, values.rounds, values.calls].map(Number)
  const results = createResults('traces', values.results)
  await benchNothing(results)
  await benchRecalls(results, { memories: memories ?? 0, rounds: rounds ?? 0, calls: calls ?? 0 })
  results.write()
}

/** As a request does it: one errand, and within it pieces of a trace that there is not. */
async function benchNothing(results: Results): Promise<void> {
  const pieces = 6
  const count = 20_000
  const nothing = async (): Promise<void> => undefined
  const within = async (): Promise<void> => {
    for (let at = 0; at < pieces; at++) await traced({ name: 'piece' }, nothing)
  }
  const bare = async (): Promise<void> => {
    for (let at = 0; at < pieces; at++) await nothing()
  }
  const costs = { bare: [] as number[], errand: [] as number[] }
  for (let round = 0; round < 10; round++) {
    costs.bare.push(await cpuOf(count, bare))
    costs.errand.push(await cpuOf(count, () => onErrand({ requestId: 'r' }, within)))
  }
  const [one, other] = [quantiles(costs.errand).p50, quantiles(costs.bare).p50]
  results.keep('without a trace', { request_us: one - other })
  results.line(`where nothing is traced: ${(one - other).toFixed(2)} µs of CPU for a request`)
}

/** Microseconds of CPU for one call. */
async function cpuOf(calls: number, call: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  for (let at = 0; at < calls; at++) await call()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / calls
}

interface Plan {
  readonly memories: number
  readonly rounds: number
  readonly calls: number
}

async function benchRecalls(results: Results, { memories, rounds, calls }: Plan): Promise<void> {
  const collector = fork(join(import.meta.dirname, 'traces/collector.ts'))
  const [port] = (await once(collector, 'message')) as [number]
  const opened: Opened[] = []
  try {
    for (const share of Object.values(shares)) opened.push(await open(port, share, memories))
    const costs = opened.map((): number[] => [])
    for (let round = -warmUpRounds; round < rounds; round++) {
      for (const [at, { recall }] of opened.entries()) {
        const cost = await cpuOf(calls, recall)
        if (round >= 0) costs[at]?.push(cost)
      }
    }
    tell(results, costs)
  } finally {
    for (const one of opened) await one.close()
    collector.disconnect()
  }
}

/** Against the first, round by round. */
function tell(results: Results, costs: readonly (readonly number[])[]): void {
  results.line(row(['recall', 'CPU µs', 'more']))
  const [first = []] = costs
  for (const [at, name] of Object.keys(shares).entries()) {
    const own = costs[at] ?? []
    const more = quantiles(own.map((cost, round) => cost / (first[round] ?? 1) - 1)).p50
    const cpu_us = quantiles(own).p50
    results.keep(name, { cpu_us, more })
    results.line(row([name, cpu_us.toFixed(0), `${(more * 100).toFixed(1)} %`]))
  }
}

interface Opened {
  recall(): Promise<void>
  close(): Promise<void>
}

async function open(port: number, sample: number | null, memories: number): Promise<Opened> {
  const directory = benchDirectory()
  const log = createLog('warn')
  const config = readConfig({ 'data-dir': directory.path }, {})
  const instance = await openInstance(config, { log, create: true })
  const { apiKey } = await initialise(instance)
  const endpoint = `http://127.0.0.1:${port}`
  const { indexes_bytes_max } = config
  const app = await createApp(instance, {
    version: 'bench',
    publicUrl: null,
    indexes_bytes_max,
    egressAllow: [endpoint],
    traceSettings: sample === null ? null : { endpoint, sample, parents: [] },
  })
  const texts = createTexts()
  const headers = { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' }
  const post = async (path: string, body: object): Promise<void> => {
    const request = new Request(`http://127.0.0.1${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    const response = await app.fetch(request, { address: '127.0.0.1', certificate: null })
    const answer = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${answer}`)
  }
  for (let left = memories; left > 0; left -= 100) {
    const items = Array.from({ length: Math.min(left, 100) }, () => ({ text: texts.memory() }))
    await post('/v1/memories/batch', { space, items })
  }
  return {
    recall: () => post('/v1/memories/recall', { space, query: texts.query() }),
    close: async () => {
      await app.close()
      await instance.close()
      directory.remove()
    },
  }
}
