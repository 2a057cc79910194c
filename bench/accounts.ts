/**
 * Whether time tells an account that is there from one that is not. Wrong passwords for known and
 * unknown names and for an unknown tenant, in random order, one after the other, through `fetch` without
 * sockets; then a statistic of how the times differ. With `--memory-kib` the hash is made cheap, so
 * that what is around it is not hidden in its noise; without it, it costs what it costs people.
 */
import { parseArgs } from 'node:util'
import { type App, createApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import { createLog } from '../src/core/log.ts'
import { passwordCost } from '../src/crypto/password-hash.ts'
import { initialise, openInstance } from '../src/instance.ts'
import { amount } from './amount.ts'
import { unlimited } from './budgets.ts'
import { createResults, resultsDirectory } from './results.ts'
import { benchDirectory } from './server-process.ts'
import { mannWhitney, welch } from './statistics.ts'
import { quantiles, row } from './table.ts'

/** The account as a whole closes after a hundred tries: then the hash is another, though as dear. */
const tries_perAccount = 80
/** Fewer than close an account there; enough that most refusals of names that nobody has are only counted. */
const tries_perAddress = 15
/** What happens by chance in one of 370 runs is not called a difference. */
const sigmas = 3
const password = 'the owl and the mice'

export async function benchAccounts(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tries: { type: 'string', default: '2000' },
      'memory-kib': { type: 'string', default: String(passwordCost.memory_KiB) },
      results: { type: 'string', default: resultsDirectory },
    },
  })
  const tries = amount(values.tries)
  const memory_KiB = amount(values['memory-kib'])
  const results = createResults('accounts', values.results)
  results.line(`${tries} tries, ${memory_KiB} KiB for each hash, one after the other`)
  const times = await measure(tries, memory_KiB)
  results.line(row(['ms', 'tries', 'p50', 'p95']))
  for (const [kind, of] of Object.entries(times)) {
    const { p50, p95 } = quantiles(of)
    results.line(row([kind, String(of.length), p50.toFixed(3), p95.toFixed(3)]))
  }
  for (const other of ['unknown', 'nowhere'] as const) {
    const [u, t] = [mannWhitney(times.known, times[other]), welch(times.known, times[other])]
    results.keep(other, { mannWhitney_z: u, welch_t: t })
    results.line(`known and ${other}: Welch’s t ${t.toFixed(2)}`)
    results.atMost(`known and ${other}: |z| of Mann and Whitney`, Math.abs(u), { bound: sigmas })
  }
  results.write()
}

type Kind = 'known' | 'unknown' | 'nowhere'
type Times = Readonly<Record<Kind, number[]>>

async function measure(tries: number, memory_KiB: number): Promise<Times> {
  const directory = benchDirectory()
  const instance = await openInstance(readConfig({ 'data-dir': directory.path }, {}), {
    log: createLog('silent'),
    create: true,
  })
  const { apiKey } = await initialise(instance)
  const app = await createApp(instance, {
    version: 'bench',
    publicUrl: null,
    indexes_bytes_max: 1024 * 1024,
    rateBudgets: unlimited,
    passwordWork: { cost: { ...passwordCost, memory_KiB } },
  })
  try {
    await people(app, apiKey, Math.ceil(tries / tries_perAccount))
    return await tryAll(app, tries)
  } finally {
    await app.close()
    await instance.close()
    directory.remove()
  }
}

async function people(app: App, key: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const invited = await post(app, '/v1/invitations', { handle: `user:p${at}`, key })
    const { token } = (await invited.json()) as { token: string }
    await post(app, '/v1/invitations/accept', { token, password })
  }
}

async function tryAll(app: App, tries: number): Promise<Times> {
  const times: Times = { known: [], unknown: [], nowhere: [] }
  const kinds: readonly Kind[] = ['known', 'unknown', 'nowhere']
  for (let at = -20; at < tries; at += 1) {
    const kind = kinds[Math.floor(Math.random() * kinds.length)] ?? 'known'
    const login = `${kind === 'unknown' ? 'q' : 'p'}${Math.floor(Math.max(0, at) / tries_perAccount)}`
    const tenant = kind === 'nowhere' ? 'nowhere' : 'default'
    const from = performance.now()
    const tried = { tenant, login, password: 'wrong' }
    const { status } = await post(app, '/v1/sign-ins', { ...tried, from: addressOf(at) })
    const took = performance.now() - from
    if (status !== 401) throw new Error(`a try was answered with ${status}`)
    if (at >= 0) times[kind].push(took)
  }
  return times
}

const addressOf = (at: number): string => {
  const place = 100_000 + Math.floor(at / tries_perAddress)
  return `10.${place >> 16}.${(place >> 8) & 255}.${place & 255}`
}

/** A body, the API key to send it with, and the address that it comes from. */
type Sent = Readonly<Record<string, unknown>> & { readonly key?: string; readonly from?: string }

function post(app: App, path: string, sent: Sent): Promise<Response> {
  const { key, from: address = '127.0.0.1', ...body } = sent
  const headers = {
    'Content-Type': 'application/json',
    ...(key && { Authorization: `Bearer ${key}` }),
  }
  const request = new Request(`http://127.0.0.1${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  })
  return app.fetch(request, { address })
}
