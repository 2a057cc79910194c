/**
 * One check of a credential by itself, in the process. Two servers share a database here as two nodes do,
 * so that a token can be one's own or another's. The last of its family is known by the family's row, whoever
 * signed it; for an older one the signature is checked, so Ed25519 alone is measured beside it, on as many bytes.
 */
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { type App, createApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import { createLog } from '../src/core/log.ts'
import { initialise, openInstance } from '../src/instance.ts'
import type { Operation } from '../src/kernel/operation.ts'
import { operations } from '../src/operations.ts'
import { authenticate } from '../src/pipeline/authenticate.ts'
import { prepareCredential } from '../src/pipeline/prepare-credential.ts'
import { type Credential, type Pipeline, within } from '../src/pipeline/request.ts'
import { unlimited } from './budgets.ts'
import type { Results } from './results.ts'
import { benchDirectory } from './server-process.ts'
import { quantiles, row } from './table.ts'

/** The checks of one round are made in one transaction, as those of one round of the event loop are. */
const checks_perRound = 50

/** What is checked; each round does all of it, one kind after the other. */
const kinds = {
  key: 'API key',
  again: 'JWT, seen before',
  own: 'JWT, first, own',
  other: 'JWT, first, of another node',
  strange: 'and of a key not met yet',
  older: 'JWT, first, another’s, older',
  bare: 'Ed25519 alone',
} as const

type Kind = keyof typeof kinds

/** Of one check, in each round: microseconds by the clock, and of processors, those of all threads. */
interface Spent {
  readonly wall_us: number[]
  readonly cpu_us: number[]
}

type Bench = Readonly<Record<Kind, Spent>>

export async function benchChecks(results: Results, rounds: number): Promise<void> {
  const directory = benchDirectory()
  const config = readConfig({ 'data-dir': directory.path }, {})
  const instance = await openInstance(config, { log: createLog('warn'), create: true })
  try {
    const { apiKey } = await initialise(instance)
    const { indexes_bytes_max } = config
    const of = { version: 'bench', publicUrl: null, indexes_bytes_max, rateBudgets: unlimited }
    const [one, two] = [await createApp(instance, of), await createApp(instance, of)]
    const bench = Object.fromEntries(
      Object.keys(kinds).map((kind) => [kind, { wall_us: [], cpu_us: [] }]),
    ) as unknown as Bench
    const keys = await keysOf(one, apiKey)
    for (let round = 0; round < rounds; round++) await checkAll(bench, { one, two, apiKey, keys })
    await one.close()
    await two.close()
    tell(results, bench)
  } finally {
    await instance.close()
    directory.remove()
  }
}

interface Scene {
  /** What issues all tokens. */
  readonly one: App
  readonly two: App
  /** The administrator's. */
  readonly apiKey: string
  /** Of one principal, each for itself. */
  readonly keys: readonly string[]
}

async function checkAll(bench: Bench, { one, two, apiKey, keys }: Scene): Promise<void> {
  // What was known of keys is not known any more: the tenant's epoch rises.
  for (const key of [apiKey, ...keys.slice(0, 1)]) await revokeAll(one, key)
  const strange: Credential[] = []
  for (const key of keys) strange.push(await tokenFor(one, key))
  await check(bench.strange, two.pipeline, strange)
  // Both have met the key when its tokens are measured, and no token twice.
  const met = [await tokenFor(one, apiKey)]
  for (const { pipeline } of [one, two]) await check(null, pipeline, met)
  const tokens: Credential[] = []
  for (let at = 0; at < checks_perRound; at++) tokens.push(await tokenFor(one, apiKey))
  await check(bench.own, one.pipeline, tokens)
  await check(bench.other, two.pipeline, tokens)
  await check(bench.older, two.pipeline, await olderTokens(one, apiKey))
  await check(bench.again, one.pipeline, tokens)
  const key: Credential = { kind: 'token', token: apiKey }
  await check(bench.key, one.pipeline, Array<Credential>(checks_perRound).fill(key))
  await spend(bench.bare, async () => verifyAlone(tokens))
}

/** By the round, since a check is shorter than what a clock of processors tells. */
async function spend(spent: Spent | null, work: () => Promise<void>): Promise<void> {
  const [started, used] = [performance.now(), process.cpuUsage()]
  await work()
  const wall_us = (performance.now() - started) * 1000
  const { user, system } = process.cpuUsage(used)
  spent?.wall_us.push(wall_us / checks_perRound)
  spent?.cpu_us.push((user + system) / checks_perRound)
}

function check(
  spent: Spent | null,
  app: Pipeline,
  credentials: readonly Credential[],
): Promise<void> {
  const requests = credentials.map(requestWith)
  return spend(spent, async () => {
    for (const request of requests) await prepareCredential(app, request)
    await app.database.read(async (tx) => {
      for (const request of requests) {
        await authenticate(app, request, { within: within(app, tx), now: app.clock() })
      }
    })
  })
}

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const signatures = new Map<number, Buffer>()

/** As many bytes as tokens have, and nothing around it: neither what they say nor where the key is. */
function verifyAlone(tokens: readonly Credential[]): void {
  for (const token of tokens) {
    const length = token.kind === 'access-token' ? token.token.lastIndexOf('.') : 0
    const message = Buffer.alloc(length, 'a')
    const signature = signatures.get(length) ?? sign(null, message, privateKey)
    signatures.set(length, signature)
    if (!verify(null, message, publicKey, signature)) throw new Error('a signature is wrong')
  }
}

function tell(results: Results, bench: Bench): void {
  const bare = quantiles(bench.bare.cpu_us).p50
  results.line('\none check, in the process')
  results.line(row([''.padEnd(28), 'CPU µs', 'p95', 'wall µs', 'of Ed25519']))
  for (const [kind, name] of Object.entries(kinds)) {
    const { cpu_us, wall_us } = bench[kind as Kind]
    const [cpu, wall] = [quantiles(cpu_us), quantiles(wall_us)]
    const figures = [cpu.p50, cpu.p95, wall.p50].map((figure) => figure.toFixed(1))
    results.line(row([name.padEnd(28), ...figures, `${(cpu.p50 / bare).toFixed(2)}×`]))
    results.keep(`check: ${name}`, { cpu, wall, ofEd25519: cpu.p50 / bare })
  }
  results.line()
  for (const [kind, bound] of [
    ['key', 60],
    ['again', 60],
    ['own', 100],
    ['other', 100],
  ] as const) {
    const { p50 } = quantiles(bench[kind].cpu_us)
    results.atMost(`check: ${kinds[kind]}, CPU`, p50, { bound, unit: 'µs' })
  }
}

async function keysOf(app: App, apiKey: string): Promise<string[]> {
  const owner = { handle: 'service:bench' }
  const { id: principalId } = await post(app, '/v1/principals', { key: apiKey, body: owner })
  const keys: string[] = []
  for (let at = 0; at < checks_perRound; at++) {
    const { key } = await post(app, '/v1/api-keys', { key: apiKey, body: { principalId } })
    keys.push(key ?? '')
  }
  return keys
}

/** All tokens of whoever has this key. */
async function revokeAll(app: App, key: string): Promise<void> {
  const headers = { Authorization: `Bearer ${key}` }
  const asked = new Request('http://127.0.0.1/v1/whoami', { headers })
  const { principalId } = (await (await app.fetch(asked, { address: null })).json()) as Answer
  await post(app, '/v1/tokens/revoke', { key, body: { principalId } })
}

async function tokenFor(app: App, key: string): Promise<Credential> {
  const { accessToken = '' } = await post(app, '/v1/tokens', { key, body: {} })
  return { kind: 'access-token', token: accessToken }
}

/** Of families that have been refreshed since. */
async function olderTokens(app: App, key: string): Promise<Credential[]> {
  const older: Credential[] = []
  for (let at = 0; at < checks_perRound; at++) {
    const { accessToken = '', refreshToken } = await post(app, '/v1/tokens', { key, body: {} })
    await post(app, '/v1/tokens/refresh', { key: null, body: { refreshToken } })
    older.push({ kind: 'access-token', token: accessToken })
  }
  return older
}

type Shown = 'id' | 'key' | 'principalId' | 'accessToken' | 'refreshToken'
type Answer = Readonly<Partial<Record<Shown, string>>>

interface Sent {
  readonly key: string | null
  readonly body: object
}

async function post(app: App, path: string, sent: Sent): Promise<Answer> {
  const headers = {
    'Content-Type': 'application/json',
    ...(sent.key !== null && { Authorization: `Bearer ${sent.key}` }),
  }
  const body = JSON.stringify(sent.body)
  const request = new Request(`http://127.0.0.1${path}`, { method: 'POST', headers, body })
  const answer = await app.fetch(request, { address: null })
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`)
  return (await answer.json()) as Answer
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
