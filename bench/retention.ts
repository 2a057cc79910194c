/**
 * What a purge of many events costs those who use the server meanwhile: a client asks again a few milliseconds
 * after each answer, and each wait is timed from when the request was to come. The job purges and rests by turns,
 * so that both kinds of moments see the same machine. By which time it is judged the run itself tells: by the clock
 * where no request without a purge waited for too long, else by the processor time of this process.
 */
import { parseArgs } from 'node:util'
import { newDatabase } from '../test/postgres-cluster.ts'
import { amount } from './amount.ts'
import { createResults, type Results, resultsDirectory } from './results.ts'
import { openFilled } from './retention/filled.ts'
import { type Measured, measurePurge } from './retention/measure.ts'
import type { Kind, Timed, Wait } from './retention/pace.ts'
import { benchDirectory } from './server-process.ts'
import { type Quantiles, quantiles, row } from './table.ts'

/** What is wanted of a request beside the purge. */
const wait_ms_max = 50

export async function benchRetention(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string', default: '1000000' },
      'postgres-events': { type: 'string' },
      results: { type: 'string', default: resultsDirectory },
    },
  })
  const events = amount(values.events)
  const postgresEvents = amount(values['postgres-events'] ?? values.events)
  const results = createResults('retention', values.results)
  await benchEngine(results, { name: 'SQLite', events, database: null })
  if (process.env['LOCKET_TEST_POSTGRES_URL']) {
    const database = await newDatabase()
    try {
      const { url } = database
      await benchEngine(results, { name: 'PostgreSQL', events: postgresEvents, database: url })
    } finally {
      await database.drop()
    }
  }
  results.write()
}

interface Engine {
  readonly name: string
  readonly events: number
  /** The address of its database; null: SQLite. */
  readonly database: string | null
}

async function benchEngine(results: Results, { name, events, database }: Engine): Promise<void> {
  const directory = benchDirectory()
  try {
    const filled = await openFilled({ directory: directory.path, database, events })
    try {
      tell(results, name, await measurePurge(filled))
    } finally {
      await filled.close()
    }
  } finally {
    directory.remove()
  }
}

function tell(results: Results, engine: string, measured: Measured): void {
  const { events, tiles, beside, without, changes, cpu_us } = measured
  results.line(`\n${engine}: ${events} events purged, ${tiles} tiles pruned`)
  results.line(`CPU µs per event, requests included: ${cpu_us.toFixed(1)}\n`)
  results.line(row(['ms'.padEnd(28), 'times', 'p50', 'p99', 'longest', 'own p99', 'own longest']))
  const line = (what: string, waits: readonly Timed[]): void => {
    const [wall, own] = [told(waits.map(wallOf)), told(waits.map(ownOf))]
    const times = [wall.p50, wall.p99, wall.longest, own.p99, own.longest]
    const cells = times.map((time) => time.toFixed(1))
    results.line(row([what.padEnd(28), String(waits.length), ...cells]))
  }
  const of = (waits: readonly Wait[], kind: Kind) => waits.filter((one) => one.kind === kind)
  for (const kind of ['recall', 'store'] as const) {
    line(`a ${kind} beside the purge`, of(beside, kind))
    line(`a ${kind} without`, of(without, kind))
  }
  line('a transaction of the purge', changes)
  results.line(
    '\nown: what this process used of the processors meanwhile, others of the machine left out\n',
  )
  const own = { beside: told(beside.map(ownOf)), without: told(without.map(ownOf)) }
  const wall = { beside: told(beside.map(wallOf)), without: told(without.map(wallOf)) }
  results.keep(engine, {
    ...{ events, tiles, cpu_us, changes: told(changes.map(ownOf)) },
    ...{ ...own, byTheClock: { ...wall, changes: told(changes.map(wallOf)) } },
  })
  // Where others of the machine make a request wait so long without it, the clock does not tell what the purge does.
  const isQuiet = wall.without.longest <= wait_ms_max
  const [by, { longest }] = isQuiet ? ['by the clock', wall.beside] : ['own time', own.beside]
  const bound = { bound: wait_ms_max, unit: 'ms' }
  results.atMost(`${engine}: the longest wait beside the purge, ${by}`, longest, bound)
}

const wallOf = (wait: Timed): number => wait.wall_ms
const ownOf = (wait: Timed): number => wait.own_ms

function told(times_ms: readonly number[]): Quantiles & { readonly longest: number } {
  const longest = times_ms.reduce((most, time) => Math.max(most, time), 0)
  return { ...quantiles(times_ms), longest }
}
