/**
 * What it costs to know who is calling: requests a second by each way in, as a share of what `/livez`
 * takes, and the check of a credential by itself, in the process.
 */
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { amount } from './amount.ts'
import { benchChecks } from './auth-checks.ts'
import { createClientWith } from './client.ts'
import { run } from './load.ts'
import { processor_ms } from './machine.ts'
import { createResults, type Results, resultsDirectory } from './results.ts'
import { type BenchServer, benchDirectory, startBenchServer } from './server-process.ts'
import { quantiles, row } from './table.ts'

const clients_n = 32
/** All ways are asked by turns, so that what else the machine does meets them alike. */
const turns_n = 5

export async function benchAuth(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      calls: { type: 'string', default: '40000' },
      rounds: { type: 'string', default: '40' },
      results: { type: 'string', default: resultsDirectory },
    },
  })
  const [calls, rounds] = [amount(values.calls), amount(values.rounds)]
  const results = createResults('auth', values.results)
  await benchCalls(results, calls)
  await benchChecks(results, rounds)
  results.write()
}

async function benchCalls(results: Results, calls: number): Promise<void> {
  const directory = benchDirectory()
  try {
    const server = await startBenchServer({ directory: directory.path })
    try {
      const ways = await waysInto(server.url, server.key ?? '')
      for (const way of ways) await measure(server, way, calls / 4)
      const measured = new Map(ways.map(({ name }): [string, Turn[]] => [name, []]))
      for (let turn = 0; turn < turns_n; turn++) {
        for (const way of ways) {
          measured.get(way.name)?.push(await measure(server, way, calls / turns_n))
        }
      }
      tell(results, measured)
    } finally {
      await server.end()
    }
  } finally {
    directory.remove()
  }
}

/** Ratios are taken within each turn: their medians are less noisy than what they are of. */
function tell(results: Results, measured: ReadonlyMap<string, readonly Turn[]>): void {
  const idle = measured.get(livez) ?? []
  results.line(row(['', 'per second', 'of /livez', 'CPU µs', 'of /livez']))
  for (const [name, turns] of measured) {
    const ratio = (of: (turn: Turn) => number): number =>
      median(turns.map((turn, at) => of(turn) / of(idle[at] ?? turn)))
    const [perSecond, cpu_us] = [median(turns.map(rate)), median(turns.map(cost))]
    const [ofLivez, cpuOfLivez] = [ratio(rate), ratio(cost)]
    const [calls, share] = [String(Math.round(perSecond)), `${Math.round(100 * ofLivez)} %`]
    results.line(row([name, calls, share, cpu_us.toFixed(0), `${cpuOfLivez.toFixed(2)}×`]))
    results.keep(name, { perSecond, ofLivez, cpu_us, cpuOfLivez })
  }
}

/** What one way in came to in one turn; the processor time is the server's, for one call, and NaN where it is not told. */
interface Turn {
  readonly perSecond: number
  readonly cpu_us: number
}

const rate = ({ perSecond }: Turn): number => perSecond
const cost = ({ cpu_us }: Turn): number => cpu_us
const median = (values: readonly number[]): number => quantiles(values).p50

const livez = '/livez'

interface Way {
  readonly name: string
  readonly path: string
  readonly header: string
}

/** What may be shown: nothing, a key, a token that was got with it, and the cookie of who signed in. */
async function waysInto(url: string, key: string): Promise<readonly Way[]> {
  const post = async (path: string, body: object, credential: string | null): Promise<Response> => {
    const headers = {
      'Content-Type': 'application/json',
      ...(credential && { Authorization: `Bearer ${credential}` }),
    }
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`)
    return answer
  }
  const { accessToken } = (await (await post('/v1/tokens', {}, key)).json()) as {
    accessToken: string
  }
  const invited = await post('/v1/invitations', { handle: 'user:bench' }, key)
  const { token } = (await invited.json()) as { token: string }
  const password = randomUUID()
  await post('/v1/invitations/accept', { token, password }, null)
  const signedIn = await post('/v1/sign-ins', { tenant: 'default', login: 'bench', password }, null)
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0]
  const path = '/v1/whoami'
  return [
    { name: livez, path: livez, header: 'Accept: */*' },
    { name: 'API key', path, header: `Authorization: Bearer ${key}` },
    { name: 'JWT', path, header: `Authorization: Bearer ${accessToken}` },
    { name: 'sign-in', path, header: `Cookie: ${cookie}` },
  ]
}

async function measure(server: BenchServer, { path, header }: Way, calls: number): Promise<Turn> {
  const clients = Array.from({ length: clients_n }, () => createClientWith(server.url, header))
  const before_ms = processor_ms(server.pid) ?? Number.NaN
  try {
    const { perSecond, count } = await run(clients, calls, (client) => client.get(path))
    const used_ms = (processor_ms(server.pid) ?? Number.NaN) - before_ms
    return { perSecond, cpu_us: (used_ms * 1000) / count }
  } finally {
    for (const client of clients) client.close()
  }
}
