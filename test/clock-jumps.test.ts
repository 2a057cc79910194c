/** A clock that is set: what ends, ends; what does not, works on; and nobody is locked out by it. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { day_ms, hour_ms, minute_ms } from '../src/core/clock.ts'
import { limits } from '../src/core/limits.ts'
import { type Locket, openLocket, type Reply } from './harness.ts'
import { type Browser, knock, person, signIn, status, unlimited } from './signed-in.ts'
import { refresh, type Tokens, tokensOf, whoIs } from './tokens.ts'

interface Scene {
  readonly locket: Locket
  readonly service: { readonly id: string; readonly key: string }
  readonly tokens: Tokens
  readonly browser: Browser
  /** Of an invitation that nobody has accepted. */
  readonly invitation: string
  readonly memory: string
  set(by_ms: number): void
}

/** One of everything that may end, and of what does not. */
async function scene(t: TestContext): Promise<Scene> {
  const time = { now: Date.parse('2026-06-01T00:00:00.000Z') }
  const locket = await openLocket(t, { clock: () => time.now, rateBudgets: unlimited })
  const service = await locket.person('service:batch', { role: 'service' })
  await person(locket, 'alice', 'admin')
  const body = { space: 'user:alice', text: 'likes tea' }
  return {
    locket,
    service,
    tokens: await tokensOf(locket, service.key),
    browser: await signIn(locket),
    invitation: (await invite(locket, 'bob')).body.token,
    memory: (await locket.call('POST', '/v1/memories', { body, key: service.key })).body.id,
    set: (by_ms) => {
      time.now += by_ms
    },
  }
}

function invite(locket: Locket, login: string): Promise<Reply> {
  return locket.call('POST', '/v1/invitations', { body: { handle: `user:${login}` } })
}

function accept(locket: Locket, token: string): Promise<Reply> {
  const body = { token, password: 'the owl and the mice' }
  return locket.call('POST', '/v1/invitations/accept', { key: null, body })
}

/** All that has no end of its own does what it did, and all that ends can be had anew. */
async function worksOn({ locket, service, memory }: Scene, about: string): Promise<void> {
  assert.equal(await whoIs(locket, service.key), 'service:batch', about)
  const got = await locket.call('GET', `/v1/memories/${memory}`, { key: service.key })
  assert.equal(got.status, 200, about)
  const body = { space: 'user:alice', text: `likes milk ${about}` }
  assert.equal((await locket.call('POST', '/v1/memories', { body, key: service.key })).status, 201)
  const made = await tokensOf(locket, service.key)
  assert.equal(await whoIs(locket, made.accessToken), 'service:batch', `a new token, ${about}`)
  const next = await refresh(locket, made.refreshToken)
  assert.equal(next.status, 200, `a new refresh token, ${about}`)
  assert.equal(await whoIs(locket, next.body.accessToken), 'service:batch', about)
  const again = await signIn(locket)
  assert.equal(await status(again), 200, `a new sign-in, ${about}`)
  assert.equal((await again.send('POST', '/v1/memories', body)).status, 201, about)
}

describe('a clock that is set forward', () => {
  test('ends what ends, once and for all when it is swept, and nothing else', async (t) => {
    const made = await scene(t)
    const { locket, tokens, browser, invitation, set } = made
    set(365 * day_ms)
    assert.equal(await whoIs(locket, tokens.accessToken), 'unauthenticated')
    assert.equal((await refresh(locket, tokens.refreshToken)).status, 401)
    assert.equal(await status(browser), 401)
    assert.equal((await accept(locket, invitation)).status, 401)
    // The bootstrap key has ended, too: what is left is done by the sign-in of an administrator.
    await worksOn(made, 'a year ahead')
    await locket.app.jobs.runAll()
    set(-365 * day_ms)
    await worksOn(made, 'back again')
    assert.equal(await status(browser), 401, 'a sign-in that was swept')
    assert.equal((await refresh(locket, tokens.refreshToken)).status, 401)
    assert.equal((await accept(locket, invitation)).status, 401)
  })

  test('asks for a password again where that was just done', async (t) => {
    const { browser, set } = await scene(t)
    const grant = () => browser.send('POST', '/v1/roles', { name: 'r', permissions: ['self:read'] })
    set(6 * minute_ms)
    assert.equal((await grant()).body.code, 'step_up_required')
  })
})

describe('a clock that is set back', () => {
  for (const [name, by_ms] of [
    ['a minute', minute_ms],
    ['an hour', hour_ms],
    ['a month', 30 * day_ms],
  ] as const) {
    test(`by ${name} ends nothing, and lengthens nothing but by that`, async (t) => {
      const made = await scene(t)
      const { locket, tokens, browser, invitation, set } = made
      set(-by_ms)
      assert.equal(await status(browser), 200, 'the sign-in')
      // Of a token from the future nobody knows how long it is to live; another can be had at once.
      const expected = by_ms <= limits.clockSkew_ms_max ? 'service:batch' : 'unauthenticated'
      assert.equal(await whoIs(locket, tokens.accessToken), expected, 'the access token')
      await worksOn(made, `${name} back`)
      assert.equal((await accept(locket, invitation)).status, 200, 'the invitation')
      set(by_ms + 16 * minute_ms)
      assert.equal(await status(browser), 401, 'the sign-in was left alone')
      assert.equal(await whoIs(locket, tokens.accessToken), 'unauthenticated')
      await worksOn(made, 'as it was')
    })
  }

  test('gives no link back that was spent, and no token that was used', async (t) => {
    const { locket, tokens, invitation, set } = await scene(t)
    assert.equal((await accept(locket, invitation)).status, 200)
    const { refreshToken } = (await refresh(locket, tokens.refreshToken)).body
    set(-hour_ms)
    assert.equal((await accept(locket, invitation)).status, 401)
    assert.equal((await refresh(locket, tokens.refreshToken)).status, 401)
    assert.equal((await refresh(locket, refreshToken)).status, 401, 'its family is over')
  })

  test('opens no account that is locked, and a jump locks none', async (t) => {
    const { locket, set } = await scene(t)
    const wrong = { password: 'not the password' }
    const from = (address: string) => ({ address })
    for (let i = 0; i < 10; i++) await knock(locket, wrong, from('192.0.2.1'))
    for (const by_ms of [-day_ms, 3 * day_ms, -2 * day_ms]) {
      set(by_ms)
      assert.equal((await knock(locket, {}, from('192.0.2.1'))).status, 401, 'locked from here')
      assert.equal((await knock(locket, {}, from('192.0.2.2'))).status, 201, 'open from there')
    }
  })
})
