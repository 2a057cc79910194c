/**
 * What it costs to know who is calling: requests a second by each way in, as a share of what `/livez`
 * takes, and the check of a credential by itself, in the process.
 */
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { type App, createApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import { createLog } from '../src/core/log.ts'
import { initialise, openInstance } from '../src/instance.ts'
import type { Operation } from '../src/kernel/operation.ts'
import { operations } from '../src/operations.ts'
import { authenticate } from '../src/pipeline/authenticate.ts'
import { prepareCredential } from '../src/pipeline/prepare-credential.ts'
import { type Credential, type Pipeline, within } from '../src/pipeline/request.ts'
import { type Client, createClientWith } from './client.ts'
import { type Measured, run } from './load.ts'
import { createResults, type Results, resultsDirectory } from './results.ts'
import { benchDirectory, startBenchServer } from './server-process.ts'
import { type Quantiles, quantiles, row } from './table.ts'

const clients_n = 32
/** The checks of one round are made in one transaction, as those of one round of the event loop are. */
const checks_perRound = 50
/** Tokens that nobody has seen yet, each checked once; a key may get 600 in a minute. */
const fresh_n = 500

export async function benchAuth(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      calls: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '200' },
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
      const calling = { path: '/v1/whoami', calls }
      const nobody = { path: '/livez', calls, header: 'Accept: */*' }
      const { perSecond: most } = await measure(server.url, nobody)
      results.line(row(['', 'per second', 'of /livez']))
      results.line(row(['/livez', String(Math.round(most)), '']))
      results.keep('/livez', { perSecond: most })
      for (const [name, header] of ways) {
        const { perSecond } = await measure(server.url, { ...calling, header })
        const share = `${Math.round((100 * perSecond) / most)} %`
        results.line(row([name, String(Math.round(perSecond)), share]))
        results.keep(name, { perSecond, ofLivez: perSecond / most })
      }
    } finally {
      await server.end()
    }
  } finally {
    directory.remove()
  }
}

/** What may be shown: a key, a token that was got with it, and the cookie of somebody who signed in. */
async function waysInto(
  url: string,
  key: string,
): Promise<readonly (readonly [name: string, header: string])[]> {
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
  return [
    ['API key', `Authorization: Bearer ${key}`],
    ['JWT', `Authorization: Bearer ${accessToken}`],
    ['sign-in', `Cookie: ${cookie}`],
  ]
}

async function measure(
  url: string,
  asked: { readonly path: string; readonly calls: number; readonly header: string },
): Promise<Measured> {
  const clients = Array.from({ length: clients_n }, () => createClientWith(url, asked.header))
  const get = (client: Client): Promise<unknown> => client.get(asked.path)
  try {
    await run(clients, asked.calls / 4, get)
    return await run(clients, asked.calls, get)
  } finally {
    for (const client of clients) client.close()
  }
}

async function benchChecks(results: Results, rounds: number): Promise<void> {
  const directory = benchDirectory()
  const config = readConfig({ 'data-dir': directory.path }, {})
  const log = createLog('warn')
  const instance = await openInstance(config, { log, create: true })
  try {
    const { apiKey } = await initialise(instance)
    const { indexes_bytes_max } = config
    const app = await createApp(instance, { version: 'bench', publicUrl: null, indexes_bytes_max })
    const tokens: Credential[] = []
    for (let at = 0; at < fresh_n; at++) {
      tokens.push({ kind: 'access-token', token: await tokenFor(app, apiKey) })
    }
    const one = (credential: Credential): Credential[] =>
      Array.from({ length: rounds * checks_perRound }, () => credential)
    const [first] = tokens
    if (!first) throw new Error('no token')
    const fresh = await checked(app.pipeline, tokens)
    const again = await checked(app.pipeline, one(first))
    const key = await checked(app.pipeline, one({ kind: 'token', token: apiKey }))
    await app.close()
    results.line('\none check, in the process')
    results.line(row(['', 'p50 µs', 'p95 µs', 'CPU µs']))
    const figures = { 'API key': key, 'JWT, first': fresh, 'JWT, again': again }
    for (const [name, { p50, p95, cpu }] of Object.entries(figures)) {
      results.line(row([name, p50.toFixed(1), p95.toFixed(1), cpu.toFixed(1)]))
      results.keep(`check of ${name}`, { p50, p95, cpu })
    }
    results.line()
    const bounds = [
      ['API key', key, 60],
      ['JWT', fresh, 100],
      ['JWT that was verified before', again, 60],
    ] as const
    for (const [name, { p50 }, bound] of bounds) {
      results.atMost(`check of ${name === 'API key' ? 'an' : 'a'} ${name}, p50`, p50, {
        bound,
        unit: 'µs',
      })
    }
  } finally {
    await instance.close()
    directory.remove()
  }
}

async function tokenFor(app: App, apiKey: string): Promise<string> {
  const headers = { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' }
  const request = new Request('http://127.0.0.1/v1/tokens', { method: 'POST', headers, body: '{}' })
  const answer = await app.fetch(request, { address: null })
  if (!answer.ok) throw new Error(await answer.text())
  return ((await answer.json()) as { accessToken: string }).accessToken
}

/** Of one check, over rounds: microseconds by the clock, and of processors, those of all threads. */
interface Checked extends Quantiles {
  readonly cpu: number
}

async function checked(app: Pipeline, credentials: readonly Credential[]): Promise<Checked> {
  const times_us: number[] = []
  const cpu_us: number[] = []
  for (let from = 0; from < credentials.length; from += checks_perRound) {
    const round = credentials.slice(from, from + checks_perRound).map(requestWith)
    const [started, used] = [performance.now(), process.cpuUsage()]
    for (const request of round) await prepareCredential(app, request)
    await app.database.read(async (tx) => {
      for (const request of round) {
        await authenticate(app, request, { within: within(app, tx), now: app.clock() })
      }
    })
    times_us.push(((performance.now() - started) * 1000) / round.length)
    const { user, system } = process.cpuUsage(used)
    cpu_us.push((user + system) / round.length)
  }
  return { ...quantiles(times_us), cpu: quantiles(cpu_us).p50 }
}

function requestWith(credential: Credential) {
  return {
    operation: operations.find(({ id }) => id === 'principals.whoami') as Operation,
    credential: { ...credential },
    input: {},
    requestId: 'req_00000000000000000000000000',
    door: 'http',
    address: null,
    userAgent: null,
    idempotencyKey: null,
    ifMatch: null,
  } as const
}
