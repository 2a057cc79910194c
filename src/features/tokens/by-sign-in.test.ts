/** Tokens that a sign-in was exchanged for: what they may, and that nothing of it is there without it. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import {
  type Browser,
  browserOf,
  knock,
  password,
  person,
  signIn,
  status,
  timed,
  unlimited,
} from '../../../test/signed-in.ts'
import { decoded, refresh, serverKey, signed, type Tokens, whoIs } from '../../../test/tokens.ts'
import { hour_ms, minute_ms, second_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { per } from '../../throttles/budgets.ts'

interface Scene {
  readonly locket: Locket
  readonly pass: (ms: number) => void
  readonly alice: string
  readonly browser: Browser
}

async function scene(t: TestContext, role?: string): Promise<Scene> {
  const { locket, pass } = await timed(t)
  const alice = await person(locket, 'alice', role)
  return { locket, pass, alice, browser: await signIn(locket) }
}

async function tokensBy(browser: Browser, body: object = {}): Promise<Tokens> {
  const reply = await browser.send('POST', '/v1/tokens', body)
  assert.equal(reply.status, 201, JSON.stringify(reply.body))
  return reply.body
}

const codeOf = async (reply: Promise<Reply>): Promise<string | number> => {
  const { status: told, body } = await reply
  return body?.code ?? told
}

describe('a sign-in is exchanged for tokens', () => {
  test('that say whose they are, by which sign-in and when he had proven it', async (t) => {
    const { locket, alice, browser, pass } = await scene(t, 'user')
    pass(minute_ms)
    const { accessToken, expiresIn, familyId } = await tokensBy(browser)
    assert.equal(expiresIn, limits.accessToken_life_ms / second_ms)
    const { payload } = decoded(accessToken)
    assert.deepEqual(
      [payload['sub'], payload['client_id'], payload['auth_time'], payload['family']],
      [alice, browser.id, Date.parse('2026-01-01T00:00:00.000Z') / 1000, familyId],
    )
    const { body } = await locket.call('GET', '/v1/whoami', { key: accessToken })
    assert.deepEqual([body.handle, body.credentialId], ['user:alice', payload['jti']])
    const path = '/v1/audit-events?action=self.read&limit=1'
    const [event] = (await locket.call('GET', path)).body.items
    assert.deepEqual([event.actor.id, event.actor.method], [alice, 'access-token'])
    const memory = { space: 'user:alice', text: 'likes tea' }
    const stored = await locket.call('POST', '/v1/memories', { key: accessToken, body: memory })
    assert.equal(stored.status, 201)
  })

  test('by our own page alone, and only right after the password [V7.5.1] [V3.5.1]', async (t) => {
    const { locket, browser, pass } = await scene(t)
    const by = (headers: Record<string, string>) =>
      codeOf(locket.call('POST', '/v1/tokens', { key: null, headers, body: {} }))
    const { cookie: Cookie, csrf } = browser
    const page = { Cookie, Origin: 'http://127.0.0.1' }
    assert.equal(await by(page), 'cross_site_request')
    assert.equal(await by({ Cookie, 'X-CSRF-Token': csrf }), 'cross_site_request')
    const other = { ...page, Origin: 'https://evil.example', 'X-CSRF-Token': csrf }
    assert.equal(await by(other), 'cross_site_request')
    pass(limits.stepUp_life_ms + 1)
    assert.equal(await codeOf(browser.send('POST', '/v1/tokens', {})), 'step_up_required')
    const confirmed = await browser.send('POST', '/v1/sign-ins/current/confirm', { password })
    await tokensBy(browserOf(locket, confirmed))
  })

  test('which get no others, and do nothing that asks for the password again', async (t) => {
    const { locket, browser } = await scene(t, 'admin')
    const { accessToken: key } = await tokensBy(browser)
    const post = (path: string, body: object) => codeOf(locket.call('POST', path, { key, body }))
    assert.equal(await post('/v1/tokens', {}), 'step_up_required')
    assert.equal(await post('/v1/api-keys', { name: 'mine' }), 'step_up_required')
    assert.equal(
      await post('/v1/roles', { name: 'r', permissions: ['memory:read'] }),
      'step_up_required',
    )
    assert.equal(await post('/v1/invitations', { handle: 'user:bob' }), 'step_up_required')
    assert.equal(await post('/v1/sign-ins/current/confirm', { password }), 'not_found')
    const listed = await locket.call('GET', '/v1/principals', { key })
    assert.equal(listed.status, 200, 'all else they may')
  })
})

describe('they end with the sign-in, at the next request [V7.4.1] [V7.4.2]', () => {
  const ends: readonly (readonly [name: string, end: (scene: Scene) => Promise<unknown>])[] = [
    ['signing out', ({ browser }) => browser.send('DELETE', '/v1/sign-ins/current')],
    ['an administrator', (s) => s.locket.call('DELETE', `/v1/sign-ins/${s.browser.id}`)],
    [
      'the next sign-in of the browser',
      ({ locket, browser }) => knock(locket, {}, { headers: { Cookie: browser.cookie } }),
    ],
    [
      'a change of the password',
      ({ browser }) =>
        browser.send('POST', '/v1/passwords/change', { password, newPassword: `${password}!` }),
    ],
    [
      'disabling',
      async ({ locket, alice }) => {
        const path = `/v1/principals/${alice}`
        await locket.call('PATCH', path, { body: { state: 'disabled' } })
        await locket.call('PATCH', path, { body: { state: 'active' } })
      },
    ],
    ['a quarter of an hour without a word of it', async (s) => s.pass(limits.signIn_idle_ms)],
  ]
  for (const [name, end] of ends) {
    test(name, async (t) => {
      const made = await scene(t)
      const { locket, browser, pass } = made
      const { accessToken, refreshToken } = await tokensBy(browser)
      pass(8 * minute_ms)
      assert.equal(await whoIs(locket, accessToken), 'user:alice')
      const next = (await refresh(locket, refreshToken)).body
      assert.equal(await whoIs(locket, next.accessToken), 'user:alice')
      await end(made)
      assert.equal(await whoIs(locket, next.accessToken), 'unauthenticated')
      assert.equal((await refresh(locket, next.refreshToken)).status, 401)
      assert.equal(await whoIs(locket, next.accessToken), 'unauthenticated')
    })
  }

  test('and after twelve hours, however busy both are; their use keeps no sign-in awake', async (t) => {
    const { locket, browser, pass } = await scene(t)
    let tokens = await tokensBy(browser)
    for (let at = 0; at < 12 * 6 - 1; at += 1) {
      pass(10 * minute_ms)
      assert.equal(await status(browser), 200)
      tokens = (await refresh(locket, tokens.refreshToken)).body
      assert.equal(await whoIs(locket, tokens.accessToken), 'user:alice')
    }
    pass(5 * minute_ms)
    const last = (await refresh(locket, tokens.refreshToken)).body
    assert.equal(last.expiresIn, 300, 'never beyond the sign-in')
    assert.equal(await status(browser), 200)
    pass(5 * minute_ms)
    assert.equal(await whoIs(locket, last.accessToken), 'unauthenticated')
    assert.equal((await refresh(locket, last.refreshToken)).status, 401)
    const other = await signIn(locket)
    const { accessToken } = await tokensBy(other)
    for (let at = 0; at < 3; at += 1) {
      pass(limits.signIn_idle_ms / 3)
      await whoIs(locket, accessToken)
    }
    assert.equal(await status(other), 401)
  })

  test('also what an agent got by showing one of them', async (t) => {
    const { locket, browser } = await scene(t, 'user')
    const bot = await locket.person('agent:bot', { role: 'service' })
    const { accessToken: subjectToken } = await tokensBy(browser)
    const exchange = () =>
      locket.call('POST', '/v1/tokens/exchange', {
        key: bot.key,
        body: { user: 'user:alice', subjectToken },
      })
    const { accessToken } = (await exchange()).body
    assert.equal(await whoIs(locket, accessToken), 'agent:bot')
    await browser.send('DELETE', '/v1/sign-ins/current')
    assert.equal(await whoIs(locket, accessToken), 'unauthenticated')
    assert.equal((await exchange()).status, 400)
  })
})

test('a token that is signed, and says something else of its family, is none', async (t) => {
  const { locket, browser } = await scene(t)
  const other = await signIn(locket)
  const { accessToken } = await tokensBy(browser)
  const sign = await serverKey(locket)
  const { header, payload } = decoded(accessToken)
  const { auth_time: _, ...ageless } = payload
  assert.equal(await whoIs(locket, signed(sign, header, payload)), 'user:alice')
  for (const wrong of [{ ...payload, client_id: other.id }, ageless]) {
    assert.equal(await whoIs(locket, signed(sign, header, wrong)), 'unauthenticated')
  }
})

test('all tokens of one sign-in share the budget of calls that it has itself', async (t) => {
  const rateBudgets = { ...unlimited, 'read.credential': per(hour_ms, 100) }
  const locket = await openLocket(t, { rateBudgets })
  await person(locket, 'alice')
  const browser = await signIn(locket)
  const keys = [(await tokensBy(browser)).accessToken, (await tokensBy(browser)).accessToken]
  const left = async (reply: Promise<Reply>): Promise<number> =>
    Number(/r=(\d+)/.exec((await reply).headers.get('ratelimit') ?? '')?.[1])
  const seen = [await left(browser.get('/v1/whoami'))]
  for (const key of keys) seen.push(await left(locket.call('GET', '/v1/whoami', { key })))
  assert.deepEqual(seen, [99, 98, 97])
})
