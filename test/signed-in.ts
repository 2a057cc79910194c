/** People who are signed in, and what their browsers send. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { minute_ms } from '../src/core/clock.ts'
import { totpCode, totpStep_ms } from '../src/crypto/totp.ts'
import { per, type RateBudgets, rateNames } from '../src/throttles/budgets.ts'
import { type Call, type Locket, type LocketOptions, openLocket, type Reply } from './harness.ts'

export const password = 'the owl and the mice'
export const unlimited = Object.fromEntries(
  rateNames.map((name) => [name, per(minute_ms, 1_000_000)]),
) as unknown as RateBudgets

export interface Timed {
  readonly locket: Locket
  readonly pass: (ms: number) => void
  readonly now: () => number
}

/** A Locket whose time only moves when it is told to, and that counts tries but not calls. */
export async function timed(t: TestContext, options: LocketOptions = {}): Promise<Timed> {
  const time = { now: Date.parse('2026-01-01T00:00:00.000Z') }
  const locket = await openLocket(t, {
    clock: () => time.now,
    rateBudgets: unlimited,
    ...options,
  })
  return {
    locket,
    pass: (ms) => {
      time.now += ms
    },
    now: () => time.now,
  }
}

/** A user with a password and, if said, a role. */
export async function person(locket: Locket, name: string, role?: string): Promise<string> {
  const body = { handle: `user:${name}` }
  const { token, principalId } = (await locket.call('POST', '/v1/invitations', { body })).body
  const accepted = { token, password }
  await locket.call('POST', '/v1/invitations/accept', { key: null, body: accepted })
  if (role) await locket.call('POST', '/v1/grants', { body: { principalId, role } })
  return principalId
}

export const knock = (locket: Locket, body: object = {}, call: Call = {}): Promise<Reply> =>
  locket.call('POST', '/v1/sign-ins', {
    key: null,
    ...call,
    body: { tenant: 'default', login: 'alice', password, ...body },
  })

/** What a browser sends once it is signed in. */
export interface Browser {
  readonly id: string
  readonly csrf: string
  readonly cookie: string
  readonly get: (path: string) => Promise<Reply>
  readonly send: (method: string, path: string, body?: object) => Promise<Reply>
}

export const origin = 'http://127.0.0.1'

export function browserOf(
  locket: Locket,
  { body, headers }: Reply,
  more: Readonly<Record<string, string>> = {},
): Browser {
  const cookie = headers.get('set-cookie')?.split(';')[0] ?? ''
  const csrf = body.csrfToken
  const own = {
    Cookie: cookie,
    Origin: origin,
    'Sec-Fetch-Site': 'same-origin',
    'X-CSRF-Token': csrf,
    ...more,
  }
  return {
    id: body.id,
    csrf,
    cookie,
    get: (path) => locket.call('GET', path, { key: null, headers: { Cookie: cookie } }),
    send: (method, path, sent) =>
      locket.call(method, path, { key: null, headers: own, ...(sent && { body: sent }) }),
  }
}

interface Login {
  readonly tenant?: string
  readonly login?: string
  readonly password?: string
}

/**
 * Signs somebody in, all the way: who must have a second factor gets one with his first sign-in, and
 * spends a recovery code with each after that.
 */
export async function signIn(locket: Locket, body: Login = {}): Promise<Browser> {
  const reply = await knock(locket, body)
  assert.equal(reply.status, 201, JSON.stringify(reply.body))
  const codes = codesOf(locket, body)
  const { challenge } = reply.body
  if (challenge) {
    const factor = { kind: 'recovery-code', code: codes.shift() }
    const proven = await prove(locket, { challenge, factor })
    assert.equal(proven.status, 201, JSON.stringify(proven.body))
    return browserOf(locket, proven)
  }
  const browser = browserOf(locket, reply)
  if (!reply.body.factorRequired) return browser
  const enrolled = await enrol(locket, browser, { now: locket.app.pipeline.clock() })
  const made = await enrolled.browser.send('POST', '/v1/factors/recovery-codes', {})
  codes.push(...made.body.codes)
  return renewedIn(locket, enrolled.browser, made)
}

/** The recovery codes that are left to whoever signs in like this. */
function codesOf(locket: Locket, body: object): string[] {
  const ofAll = recoveryCodes.get(locket) ?? new Map<string, string[]>()
  recoveryCodes.set(locket, ofAll)
  const who = JSON.stringify({ tenant: 'default', login: 'alice', ...body, password: null })
  const codes = ofAll.get(who) ?? []
  ofAll.set(who, codes)
  return codes
}

const recoveryCodes = new WeakMap<Locket, Map<string, string[]>>()

/** The same sign-in, with the token that a change of factors has given it. */
export function renewedIn(locket: Locket, { id }: Browser, reply: Reply): Browser {
  return browserOf(locket, { ...reply, body: { ...reply.body, id } })
}

/** The code that an app shows at a moment, whose seed was typed in: base32 of RFC 4648. */
export function codeAt(seed: string, now_ms: number): string {
  const bits = [...seed].map((one) => alphabet.indexOf(one).toString(2).padStart(5, '0')).join('')
  const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))
  return totpCode(Uint8Array.from(bytes), Math.floor(now_ms / totpStep_ms))
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

export const totpProof = (seed: string, now_ms: number) => ({
  kind: 'totp' as const,
  code: codeAt(seed, now_ms),
})

export interface Enrolled {
  readonly id: string
  readonly seed: string
  /** The same sign-in, with its new token. */
  readonly browser: Browser
}

/** Has an app of whoever is signed in; its code of this moment is used up by it. */
export async function enrol(
  locket: Locket,
  browser: Browser,
  { now, name = 'phone' }: { now: number; name?: string },
): Promise<Enrolled> {
  const begun = await browser.send('POST', '/v1/factors', { kind: 'totp', name })
  assert.equal(begun.status, 201, JSON.stringify(begun.body))
  const { id, seed } = begun.body
  const factor = totpProof(seed, now)
  const confirmed = await browser.send('POST', `/v1/factors/${id}/confirm`, { factor })
  assert.equal(confirmed.status, 200, JSON.stringify(confirmed.body))
  return { id, seed, browser: renewedIn(locket, browser, confirmed) }
}

/** The second step of signing in. */
export const prove = (
  locket: Locket,
  shown: { challenge: string; factor: object },
  call: Call = {},
): Promise<Reply> =>
  locket.call('POST', '/v1/sign-ins/factors', { key: null, ...call, body: shown })

export const status = async (browser: Browser): Promise<number> =>
  (await browser.get('/v1/whoami')).status
