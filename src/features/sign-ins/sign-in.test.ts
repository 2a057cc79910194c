import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eventsAfter } from '../../../test/data-files.ts'
import { cheapPasswords, type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import {
  type Browser,
  browserOf,
  knock,
  origin,
  password,
  person,
  signIn,
  status,
  timed,
  unlimited,
} from '../../../test/signed-in.ts'
import { hour_ms, minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'

/** A password is enough for all, administrators too. */
const withoutFactors = (locket: Locket): Promise<Reply> =>
  locket.call('PATCH', '/v1/sign-in-policy', { body: { mfa: { required: 'nobody' } } })

describe('signing in', () => {
  test('sets one cookie that no page can read, and no body, log or row holds it [V3.3.1] [V3.3.3] [V3.3.4] [V7.2.3]', async (t) => {
    const { locket } = await timed(t)
    const principalId = await person(locket, 'alice', 'user')
    const reply = await knock(locket, {}, { headers: { 'User-Agent': 'Browser' } })
    const set = reply.headers.getSetCookie()
    assert.equal(set.length, 1)
    const [, token = ''] =
      /^__Host-locket=([^;]+); Path=\/; Secure; HttpOnly; SameSite=Strict$/.exec(set[0] ?? '') ?? []
    assert.match(token, /^lks_[0-9A-Z]{26}_[0-9A-Z]{26}_[0-9A-Za-z]{43}$/)
    assert.ok(!JSON.stringify(reply.body).includes(token.slice(-43)))
    const { id, csrfToken, ...shown } = reply.body
    assert.deepEqual(shown, {
      principalId,
      providerId: null,
      current: true,
      address: '127.0.0.1',
      userAgent: 'Browser',
      createdAt: '2026-01-01T00:00:00.000Z',
      confirmedAt: '2026-01-01T00:00:00.000Z',
      seenAt: '2026-01-01T00:00:00.000Z',
      expiresAt: '2026-01-01T12:00:00.000Z',
      factor: null,
      factorRequired: false,
      idleTimeoutSeconds: 900,
      passwordTooShort: false,
    })
    const browser = browserOf(locket, reply)
    const { body } = await browser.get('/v1/whoami')
    assert.deepEqual([body.handle, body.credentialId], ['user:alice', id])
    assert.equal((await browser.get('/v1/sign-ins/current')).body.csrfToken, csrfToken)
    const rows = JSON.stringify(await locket.sql('select * from sign_ins'))
    assert.ok(!rows.includes(token) && !rows.includes(csrfToken))
  })

  test('whichever is wrong, the answer is the same [V6.3.8] [V6.3.2]', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    await person(locket, 'locked')
    const disabled = await person(locket, 'disabled')
    await locket.call('PATCH', `/v1/principals/${disabled}`, { body: { state: 'disabled' } })
    const gone = await person(locket, 'gone')
    await locket.call('DELETE', `/v1/principals/${gone}`)
    await locket.call('POST', '/v1/principals', { body: { handle: 'user:without' } })
    const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Shut' } })).body
    await locket.call('PATCH', `/v1/tenants/${other.id}`, { body: { state: 'disabled' } })
    for (let tries = 0; tries < 10; tries += 1) {
      await knock(locket, { login: 'locked', password: 'wrong' }, { address: '192.0.2.9' })
    }
    const cases = [
      { password: 'wrong' },
      { password: `${password} ` },
      { password: password.toUpperCase() },
      { login: 'ALICE' },
      { login: 'nobody' },
      { login: 'agent:alice' },
      { login: 'without' },
      { login: 'disabled' },
      { login: 'gone' },
      { tenant: 'nowhere' },
      { tenant: 'instance' },
      { tenant: 'shut' },
      { login: 'admin', password: 'admin' },
      { login: 'locked' },
    ]
    const answers = new Set<string>()
    for (const wrong of cases) {
      const address = 'login' in wrong && wrong.login === 'locked' ? '192.0.2.9' : '192.0.2.8'
      const { status: told, headers, body } = await knock(locket, wrong, { address })
      const { requestId, ...problem } = body
      const shown = [...headers].filter(([name]) => name !== 'x-request-id')
      assert.equal(told, 401, JSON.stringify(wrong))
      answers.add(JSON.stringify([problem, shown]))
    }
    assert.equal(answers.size, 1)
    assert.equal(
      (await knock(locket, { login: 'locked' })).status,
      201,
      'from where he was not tried',
    )
  })

  test('a hundred tries at once, in any spelling, are ten [V6.3.1] [V15.4.2]', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const spellings = ['nobody', 'NOBODY', ' nobody', 'no\u200bbody']
    const asked = Array.from({ length: 100 }, async (_, at) => {
      const { lockout } = locket.app.pipeline.services
      const login = spellings[at % spellings.length] ?? ''
      return (await lockout.attempt({ tenant: 'default', login }, '192.0.2.1')).allowed
    })
    assert.equal((await Promise.all(asked)).filter((allowed) => allowed).length, 10)
    const tries: number[] = []
    for (let at = 0; at < 12; at += 1) {
      tries.push((await knock(locket, { password: 'wrong' }, { address: '192.0.2.2' })).status)
    }
    assert.ok(tries.every((one) => one === 401))
    assert.equal((await knock(locket, {}, { address: '192.0.2.2' })).status, 401, 'locked here')
    assert.equal((await knock(locket, {}, { address: '192.0.2.3' })).status, 201, 'and only here')
  })

  test('a try that there was no room to check counts for nothing [V6.3.1]', async (t) => {
    const cost = { ...cheapPasswords, memory_KiB: 32 * 1024, passes: 3 }
    const passwordWork = { cost, atOnce_max: 1, waiting_max: 0 }
    const locket = await openLocket(t, { rateBudgets: unlimited, passwordWork })
    await person(locket, 'alice')
    const busy = locket.app.pipeline.services.passwordWork.hash('somebody else’s')
    const asked = Array.from({ length: 25 }, () => knock(locket, { password: 'wrong' }))
    const statuses = (await Promise.all(asked)).map((reply) => reply.status)
    await busy
    const count = (told: number) => statuses.filter((one) => one === told).length
    assert.ok(count(503) >= 16 && count(401) + count(503) === 25, String(statuses))
    await signIn(locket)
  })

  test('ends what was right before: a right password is none of the ten', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    for (let at = 0; at < 25; at += 1) {
      const wrong = at % 5 !== 4 ? { password: 'wrong' } : {}
      assert.equal((await knock(locket, wrong)).status, at % 5 === 4 ? 201 : 401, `${at}`)
    }
  })

  test('a hash of another cost is replaced, and the password goes on working [V11.4.2]', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const stored = async () =>
      Buffer.from((await locket.sql('select hash from passwords'))[0]?.['hash'] as Uint8Array)
    const before = await stored()
    await signIn(locket)
    assert.deepEqual(await stored(), before)
    const { passwordWork } = locket.app.pipeline.services
    const verify = passwordWork.verify
    Object.assign(passwordWork, {
      verify: async (...asked: Parameters<typeof verify>) => ({
        ...(await verify(...asked)),
        outdated: true,
      }),
    })
    await signIn(locket)
    Object.assign(passwordWork, { verify })
    assert.notDeepEqual(await stored(), before)
    await signIn(locket)
  })
})

test('rights are those of the moment [V8.3.2]', async (t) => {
  const { locket } = await timed(t)
  await withoutFactors(locket)
  const principalId = await person(locket, 'alice')
  const browser = await signIn(locket)
  assert.equal((await browser.get('/v1/principals')).status, 403)
  const body = { principalId, role: 'operator' }
  const grant = (await locket.call('POST', '/v1/grants', { body })).body
  assert.equal((await browser.get('/v1/principals')).status, 200)
  await locket.call('DELETE', `/v1/grants/${grant.id}`)
  assert.equal((await browser.get('/v1/principals')).status, 403)
})

test('the password again makes it fresh, with another token [V7.2.4] [V7.5.1]', async (t) => {
  const { locket, pass } = await timed(t)
  await withoutFactors(locket)
  const id = await person(locket, 'alice', 'operator')
  const browser = await signIn(locket)
  const makeKey = (by: Browser) => by.send('POST', '/v1/api-keys', { name: 'mine' })
  assert.equal((await makeKey(browser)).status, 201)
  pass(limits.stepUp_life_ms + 1)
  const stale = await makeKey(browser)
  assert.deepEqual([stale.status, stale.body.code], [403, 'step_up_required'])
  const confirm = (by: Browser, typed: string) =>
    by.send('POST', '/v1/sign-ins/current/confirm', { password: typed })
  assert.equal((await confirm(browser, 'wrong')).body.code, 'wrong_password')
  assert.equal((await makeKey(browser)).status, 403)
  const confirmed = await confirm(browser, password)
  assert.deepEqual([confirmed.status, confirmed.body.id], [200, browser.id])
  const fresh = browserOf(locket, confirmed)
  assert.notEqual(fresh.cookie, browser.cookie)
  assert.equal(await status(browser), 401, 'the old token is dead')
  assert.equal((await makeKey(fresh)).status, 201)
  const { key } = (await makeKey(fresh)).body
  pass(hour_ms)
  const byKey = await locket.call('POST', '/v1/api-keys', { key, body: { name: 'more' } })
  assert.equal(byKey.status, 201, 'a key needs no password')
  assert.equal((await locket.call('GET', `/v1/principals/${id}`)).status, 200)
})

test('one sees one’s own and ends them; who manages users those of others [V7.5.2] [V7.4.5]', async (t) => {
  const { locket, pass } = await timed(t)
  const alice = await person(locket, 'alice')
  const bob = await person(locket, 'bob')
  const one = await signIn(locket)
  pass(minute_ms)
  const two = await signIn(locket)
  const bobs = await signIn(locket, { login: 'bob' })
  const idsOf = async (reply: Promise<Reply>): Promise<string[]> =>
    (await reply).body.items.map(({ id }: { id: string }) => id)
  const listed = (await one.get('/v1/sign-ins')).body.items
  assert.deepEqual(
    listed.map(({ id, current }: { id: string; current: boolean }) => [id, current]),
    [
      [two.id, false],
      [one.id, true],
    ],
  )
  assert.deepEqual(await idsOf(locket.call('GET', `/v1/sign-ins?principalId=${bob}`)), [bobs.id])
  assert.equal((await one.get(`/v1/sign-ins?principalId=${bob}`)).status, 403)
  assert.equal((await one.send('DELETE', `/v1/sign-ins/${bobs.id}`)).status, 404)
  assert.equal((await one.send('DELETE', `/v1/sign-ins?principalId=${bob}`)).status, 403)
  assert.equal((await one.send('DELETE', `/v1/sign-ins/${two.id}`)).status, 200)
  assert.deepEqual([await status(one), await status(two), await status(bobs)], [200, 401, 200])
  const ended = await locket.call('DELETE', `/v1/sign-ins?principalId=${alice}`)
  assert.deepEqual(ended.body, { principalId: alice, ended: 1 })
  assert.equal(await status(one), 401)
  await locket.call('DELETE', `/v1/sign-ins/${bobs.id}`)
  assert.equal(await status(bobs), 401)
})

describe('a browser that is signed in already', () => {
  const again = (locket: Locket, cookie: string, body = {}): Promise<Reply> =>
    knock(locket, body, { headers: { Cookie: cookie, Origin: origin } })

  test('is signed in by the new one alone, whoever it was before [V7.2.4] [V7.4.1]', async (t) => {
    const { locket } = await timed(t)
    const alice = await person(locket, 'alice')
    await person(locket, 'bob')
    const [first, elsewhere] = [await signIn(locket), await signIn(locket)]
    const before = (await eventsAfter(locket, '')).at(-1)?.id ?? ''
    const second = browserOf(locket, await again(locket, first.cookie))
    assert.deepEqual([await status(first), await status(second)], [401, 200])
    const bobs = browserOf(locket, await again(locket, second.cookie, { login: 'bob' }))
    assert.deepEqual([await status(second), await status(bobs)], [401, 200])
    assert.equal(await status(elsewhere), 200, 'another browser is another')
    const ended = (await eventsAfter(locket, before)).filter(
      ({ action }) => action === 'sign-in.ended',
    )
    assert.deepEqual(
      ended.map(({ actor, resource }) => [actor, resource]),
      [
        [alice, first.id],
        [alice, second.id],
      ],
    )
  })

  test('in another tenant, too, whose log tells it', async (t) => {
    const { locket } = await timed(t)
    const { id, apiKey: key } = (
      await locket.call('POST', '/v1/tenants', { body: { name: 'Acme' } })
    ).body
    const body = { handle: 'user:eve' }
    const { token } = (await locket.call('POST', '/v1/invitations', { key, body })).body
    const accepted = { token, password }
    await locket.call('POST', '/v1/invitations/accept', { key: null, body: accepted })
    await person(locket, 'alice')
    const eve = await signIn(locket, { tenant: 'acme', login: 'eve' })
    await again(locket, eve.cookie)
    assert.equal(await status(eve), 401)
    const [event] = (await eventsAfter(locket, '')).filter(
      ({ action }) => action === 'sign-in.ended',
    )
    assert.deepEqual([event?.tenant, event?.resource], [id, eve.id])
  })

  test('stays so when the password is wrong, when the cookie is not right, and for other pages [V3.5.1]', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const browser = await signIn(locket)
    const { cookie } = browser
    const other = cookie.slice(0, -1) + (cookie.endsWith('x') ? 'y' : 'x')
    assert.equal((await again(locket, cookie, { password: 'wrong' })).status, 401)
    assert.equal((await again(locket, other)).status, 201)
    assert.equal((await again(locket, `${cookie}; ${cookie}`)).status, 201)
    const page = { Cookie: cookie, Origin: 'https://evil.example' }
    assert.equal((await knock(locket, {}, { headers: page })).body.code, 'cross_site_request')
    assert.equal(await status(browser), 200)
    const answers = [await again(locket, cookie), await again(locket, cookie)]
    const shapes = answers.map(({ status: told, body }) => [told, Object.keys(body)])
    assert.deepEqual(shapes[0], shapes[1], 'what was shown changes nothing in the answer')
    const forged = browserOf(locket, await again(locket, cookie))
    await locket.sql('update sign_ins set expires_at = 9e15')
    assert.equal((await again(locket, forged.cookie)).status, 500, 'and altered rows are told of')
  })
})

test('a narrowed key ends no sign-ins of its owner', async (t) => {
  const { locket } = await timed(t)
  const principalId = await person(locket, 'alice')
  const browser = await signIn(locket)
  const body = { principalId, scopes: ['self:read'] }
  const { key } = (await locket.call('POST', '/v1/api-keys', { body })).body
  for (const path of [`/v1/sign-ins/${browser.id}`, '/v1/sign-ins']) {
    assert.equal((await locket.call('DELETE', path, { key })).body.code, 'permission_denied', path)
  }
  assert.equal(await status(browser), 200)
})
