/** People who are signed in, and what their browsers send. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { minute_ms } from '../src/core/clock.ts'
import { per, type RateBudgets, rateNames } from '../src/throttles/budgets.ts'
import { type Call, type Locket, openLocket, type Reply } from './harness.ts'

export const password = 'the owl and the mice'
export const unlimited = Object.fromEntries(
  rateNames.map((name) => [name, per(minute_ms, 1_000_000)]),
) as unknown as RateBudgets

export interface Timed {
  readonly locket: Locket
  readonly pass: (ms: number) => void
}

/** A Locket whose time only moves when it is told to, and that counts tries but not calls. */
export async function timed(t: TestContext): Promise<Timed> {
  const time = { now: Date.parse('2026-01-01T00:00:00.000Z') }
  const locket = await openLocket(t, { clock: () => time.now, rateBudgets: unlimited })
  return {
    locket,
    pass: (ms) => {
      time.now += ms
    },
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

export function browserOf(locket: Locket, { body, headers }: Reply): Browser {
  const cookie = headers.get('set-cookie')?.split(';')[0] ?? ''
  const csrf = body.csrfToken
  const own = {
    Cookie: cookie,
    Origin: origin,
    'Sec-Fetch-Site': 'same-origin',
    'X-CSRF-Token': csrf,
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

export async function signIn(locket: Locket, body: object = {}): Promise<Browser> {
  const reply = await knock(locket, body)
  assert.equal(reply.status, 201, JSON.stringify(reply.body))
  return browserOf(locket, reply)
}

export const status = async (browser: Browser): Promise<number> =>
  (await browser.get('/v1/whoami')).status
