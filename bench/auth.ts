/**
 * What it costs to know who is calling: requests a second by each way in, as a share of what `/livez`
 * takes, and the check of a credential by itself, in the process.
 */
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { benchChecks } from './auth-checks.ts'
import { type Client, createClientWith } from './client.ts'
import { run } from './load.ts'
import { createResults, type Results, resultsDirectory } from './results.ts'
import { benchDirectory, startBenchServer } from './server-process.ts'
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
  const results = createResults('auth', values.results)
  await benchCalls(results, Number(values.calls))
  await benchChecks(results, Number(values.rounds))
  results.write()
}

async function benchCalls(results: Results, calls: number): Promise<void> {
  const directory = benchDirectory()
  try {
    const server = await startBenchServer({ directory: directory.path })
    try {
      const ways = await waysInto(server.url, server.key ?? '')
      for (const way of ways) await measure(server.url, way, calls / 4)
      const perSecond = new Map(ways.map(({ name }): [string, number[]] => [name, []]))
      for (let turn = 0; turn < turns_n; turn++) {
        for (const way of ways) {
          perSecond.get(way.name)?.push(await measure(server.url, way, calls / turns_n))
        }
      }
      const most = perSecond.get(livez) ?? []
      results.line(row(['', 'per second', 'of /livez']))
      for (const [name, rates] of perSecond) {
        const ofLivez = quantiles(rates.map((rate, turn) => rate / (most[turn] ?? Number.NaN))).p50
        const { p50 } = quantiles(rates)
        results.line(row([name, String(Math.round(p50)), `${Math.round(100 * ofLivez)} %`]))
        results.keep(name, { perSecond: p50, ofLivez })
      }
    } finally {
      await server.end()
    }
  } finally {
    directory.remove()
  }
}

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

/** Calls a second. */
async function measure(url: string, { path, header }: Way, calls: number): Promise<number> {
  const clients = Array.from({ length: clients_n }, () => createClientWith(url, header))
  try {
    return (await run(clients, calls, (client: Client) => client.get(path))).perSecond
  } finally {
    for (const client of clients) client.close()
  }
}
