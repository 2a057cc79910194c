import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eventsAfter } from '../../../test/data-files.ts'
import {
  type Browser,
  browserOf,
  codeAt,
  enrol,
  knock,
  password,
  person,
  prove,
  signIn,
  status,
  timed,
  totpProof,
} from '../../../test/signed-in.ts'
import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { totpStep_ms } from '../../crypto/totp.ts'

const begin = (browser: Browser, name = 'phone') =>
  browser.send('POST', '/v1/factors', { kind: 'totp', name })
const recoveryCodes = (browser: Browser) => browser.send('POST', '/v1/factors/recovery-codes', {})

describe('an authenticator app', () => {
  test('is asked for once its first code was right, and its seed is shown once', async (t) => {
    const { locket, now, pass } = await timed(t)
    const principalId = await person(locket, 'alice')
    const browser = await signIn(locket)
    const begun = await begin(browser)
    const { id, seed, uri, ...shown } = begun.body
    assert.match(seed, /^[A-Z2-7]{32}$/)
    const link = new URL(uri)
    assert.equal(link.href.split('?')[0], 'otpauth://totp/Locket:alice%40default')
    assert.deepEqual(Object.fromEntries(link.searchParams), {
      secret: seed,
      issuer: 'Locket',
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    })
    const createdAt = new Date(now()).toISOString()
    const expiresAt = new Date(now() + limits.factorEnrolment_life_ms).toISOString()
    const common = { principalId, kind: 'totp', name: 'phone', createdAt, codesLeft: null }
    assert.deepEqual(shown, { ...common, state: 'pending', expiresAt, lastUsedAt: null })
    assert.equal((await knock(locket)).status, 201, 'one that is not proven is not asked for')
    assert.equal(typeof (await knock(locket)).body.csrfToken, 'string')
    pass(minute_ms)
    const confirm = (code: string) =>
      browser.send('POST', `/v1/factors/${id}/confirm`, { factor: { kind: 'totp', code } })
    assert.equal((await confirm('000000')).body.code, 'wrong_factor')
    const confirmed = await confirm(codeAt(seed, now()))
    assert.equal(confirmed.status, 200)
    const fresh = browserOf(locket, { ...confirmed, body: { ...confirmed.body, id: browser.id } })
    const listed = await fresh.get('/v1/factors')
    const lastUsedAt = new Date(now()).toISOString()
    assert.deepEqual(listed.body.items, [
      { ...common, id, state: 'active', expiresAt: null, lastUsedAt },
    ])
    assert.ok(!JSON.stringify(listed.body).includes(seed))
    assert.equal((await fresh.send('POST', `/v1/factors/${id}/confirm`, {})).status, 400)
    const again = await fresh.send('POST', `/v1/factors/${id}/confirm`, {
      factor: totpProof(seed, now() + totpStep_ms),
    })
    assert.equal(again.status, 404, 'it is proven')
    assert.deepEqual((await knock(locket)).body.factors, ['totp'])
  })

  test('that was begun is over after ten minutes, and makes room', async (t) => {
    const { locket, now, pass } = await timed(t)
    await person(locket, 'alice')
    const browser = await signIn(locket)
    for (let at = 0; at < limits.factors_perPrincipal_max; at += 1) {
      assert.equal((await begin(browser, `phone ${at}`)).status, 201)
    }
    const full = await begin(browser)
    assert.deepEqual([full.status, full.body.code], [409, 'quota_exceeded'])
    const [{ id }] = (await browser.get('/v1/factors')).body.items
    pass(limits.factorEnrolment_life_ms)
    await browser.send('POST', '/v1/sign-ins/current/confirm', { password })
    const other = await signIn(locket)
    assert.deepEqual((await other.get('/v1/factors')).body.items, [])
    const late = { factor: { kind: 'totp', code: '123456' } }
    assert.equal((await other.send('POST', `/v1/factors/${id}/confirm`, late)).status, 404)
    const { seed } = (await begin(other)).body
    assert.equal(typeof codeAt(seed, now()), 'string')
    pass(limits.factorEnrolment_life_ms)
    await locket.app.jobs.runAll()
    assert.deepEqual(await locket.sql('select * from factors'), [])
  })
})

test('each change of factors ends the other sign-ins and renews the one that asks [V7.4.3] [V7.5.1] [V6.5.6]', async (t) => {
  const { locket, now, pass } = await timed(t)
  await person(locket, 'alice')
  const first = await signIn(locket)
  const asking = await signIn(locket)
  const { accessToken: key } = (await asking.send('POST', '/v1/tokens', {})).body
  const { id, seed, browser } = await enrol(locket, asking, { now: now() })
  assert.deepEqual([await status(first), await status(browser)], [401, 200])
  const byToken = await locket.call('GET', '/v1/whoami', { key })
  assert.equal(byToken.status, 401, 'the tokens of the sign-in that asked end, too')
  const another = async (): Promise<Browser> => {
    pass(totpStep_ms)
    const { challenge } = (await knock(locket)).body
    return browserOf(locket, await prove(locket, { challenge, factor: totpProof(seed, now()) }))
  }
  const second = await another()
  const made = await recoveryCodes(browser)
  assert.equal(made.status, 201)
  const renewed = browserOf(locket, { ...made, body: { ...made.body, id: browser.id } })
  assert.deepEqual(
    [await status(second), await status(browser), await status(renewed)],
    [401, 401, 200],
  )
  const third = await another()
  const { challenge } = (await knock(locket)).body
  const gone = await renewed.send('DELETE', `/v1/factors/${id}`)
  assert.equal(gone.status, 200)
  const last = browserOf(locket, { ...gone, body: { ...gone.body, id: browser.id } })
  assert.deepEqual(
    [await status(third), await status(renewed), await status(last)],
    [401, 401, 200],
  )
  assert.deepEqual((await last.get('/v1/factors')).body.items, [], 'the codes go with the last')
  const [code] = made.body.codes
  assert.equal(
    (await prove(locket, { challenge, factor: { kind: 'recovery-code', code } })).status,
    401,
  )
  assert.equal(typeof (await knock(locket)).body.csrfToken, 'string')
})

test('what is done to factors needs a fresh sign-in, and no key of its owner does it [V7.5.1]', async (t) => {
  const { locket, now, pass } = await timed(t)
  const principalId = await person(locket, 'alice')
  const { id, browser } = await enrol(locket, await signIn(locket), { now: now() })
  const { key } = (await locket.call('POST', '/v1/api-keys', { body: { principalId } })).body
  const factor = { kind: 'totp', code: '123456' }
  const calls = [
    ['POST', '/v1/factors', { kind: 'totp', name: 'mine' }],
    ['POST', `/v1/factors/${id}/confirm`, { factor }],
    ['POST', '/v1/factors/recovery-codes', {}],
    ['DELETE', `/v1/factors/${id}`, undefined],
  ] as const
  for (const [method, path, body] of calls) {
    const byKey = await locket.call(method, path, { key, ...(body && { body }) })
    assert.equal(byKey.status, 404, path)
  }
  pass(limits.stepUp_life_ms + 1)
  for (const [method, path, body] of calls) {
    assert.equal((await browser.send(method, path, body)).body.code, 'step_up_required', path)
  }
  assert.equal((await browser.get('/v1/factors')).status, 200, 'to look at them needs none')
})

test('whoever manages users takes no factor of his own away by a key', async (t) => {
  const { locket, now } = await timed(t)
  const principalId = await person(locket, 'alice', 'admin')
  const { id } = await enrol(locket, await signIn(locket), { now: now(), name: 'second' })
  const { key } = (await locket.call('POST', '/v1/api-keys', { body: { principalId } })).body
  assert.equal((await locket.call('DELETE', `/v1/factors/${id}`, { key })).status, 404)
  assert.equal((await locket.call('DELETE', `/v1/factors/${id}`)).status, 200, 'another does')
})

test('who manages users helps who has lost his phone, but nobody above himself [V6.5.6]', async (t) => {
  const { locket, now, pass } = await timed(t)
  const alice = await person(locket, 'alice', 'admin')
  const byPassword = browserOf(locket, await knock(locket))
  const { id, seed, browser } = await enrol(locket, byPassword, { now: now() })
  await person(locket, 'bob')
  const bob = await signIn(locket, { login: 'bob' })
  const operator = await locket.person('user:olga', { role: 'operator' })
  const path = `/v1/factors/${id}`
  assert.equal((await bob.send('DELETE', path)).status, 404)
  assert.equal((await bob.get(`/v1/factors?principalId=${alice}`)).status, 403)
  const above = await locket.call('DELETE', path, { key: operator.key })
  assert.deepEqual([above.status, above.body.code], [403, 'above_own_rights'])
  const listed = await locket.call('GET', `/v1/factors?principalId=${alice}`)
  assert.deepEqual(
    listed.body.items.map((one: { id: string }) => one.id),
    [id],
  )
  pass(totpStep_ms)
  const { challenge } = (await knock(locket)).body
  const removed = await locket.call('DELETE', path)
  assert.deepEqual(removed.body, { id, deleted: true, csrfToken: null })
  assert.equal(await status(browser), 401)
  assert.equal((await prove(locket, { challenge, factor: totpProof(seed, now()) })).status, 401)
  assert.equal(typeof (await knock(locket)).body.csrfToken, 'string')
  const [event] = (await eventsAfter(locket, ''))
    .filter(({ action }) => action === 'factor.deleted')
    .slice(-1)
  assert.equal(event?.outcome, 'allowed')
})

describe('recovery codes', () => {
  test('are ten, each for one sign-in, however it is typed [V6.5.1]', async (t) => {
    const { locket, now } = await timed(t)
    await person(locket, 'alice')
    const plain = await signIn(locket)
    assert.equal((await recoveryCodes(plain)).body.code, 'factor_required')
    const { browser } = await enrol(locket, plain, { now: now() })
    const made = await recoveryCodes(browser)
    const codes: string[] = made.body.codes
    assert.equal(new Set(codes).size, limits.recoveryCodes)
    const use = async (code: string): Promise<number> => {
      const { challenge, factors } = (await knock(locket)).body
      assert.deepEqual(factors, ['totp', 'recovery-code'])
      return (await prove(locket, { challenge, factor: { kind: 'recovery-code', code } })).status
    }
    const [one = '', two = '', three = ''] = codes
    assert.equal(await use(one), 201)
    assert.equal(await use(one), 401)
    assert.equal(await use(` ${two.toLowerCase().replaceAll('-', ' ')} `), 201)
    assert.equal(await use(two), 401, 'in no other form either')
    assert.equal(await use(two.toLowerCase()), 401)
    const fresh = browserOf(locket, { ...made, body: { ...made.body, id: browser.id } })
    const { items } = (await fresh.get('/v1/factors')).body
    assert.equal(items.at(-1).codesLeft, 8)
    const rows = JSON.stringify(await locket.sql('select * from factors'))
    assert.ok(codes.every((code) => !rows.includes(code)))
    await recoveryCodes(fresh)
    assert.equal(await use(three), 401, 'those before count no more')
  })

  test('are not asked for when all are used up, and still listed as none left', async (t) => {
    const { locket, now } = await timed(t)
    const principalId = await person(locket, 'alice')
    const { browser } = await enrol(locket, await signIn(locket), { now: now() })
    const made = await recoveryCodes(browser)
    const review = async () =>
      (await locket.call('GET', '/v1/access-review?kind=user')).body.items[0].factors
    for (const code of made.body.codes) {
      const { challenge, factors } = (await knock(locket)).body
      assert.deepEqual(factors, ['totp', 'recovery-code'])
      const factor = { kind: 'recovery-code', code }
      assert.equal((await prove(locket, { challenge, factor })).status, 201)
    }
    const { challenge, factors } = (await knock(locket)).body
    assert.deepEqual(factors, ['totp'])
    const factor = { kind: 'recovery-code', code: made.body.codes[0] }
    assert.equal((await prove(locket, { challenge, factor })).status, 401)
    assert.deepEqual(await review(), ['totp'])
    const { items } = (await locket.call('GET', `/v1/factors?principalId=${principalId}`)).body
    const left = items.map((one: { kind: string; codesLeft: number | null }) => [
      one.kind,
      one.codesLeft,
    ])
    assert.deepEqual(left, [
      ['totp', null],
      ['recovery-code', 0],
    ])
    const fresh = browserOf(locket, { ...made, body: { ...made.body, id: browser.id } })
    assert.equal((await recoveryCodes(fresh)).status, 201)
    assert.deepEqual((await knock(locket)).body.factors, ['totp', 'recovery-code'])
    assert.deepEqual(await review(), ['recovery-code', 'totp'])
  })
})

test('factors go with their person', async (t) => {
  const { locket, now } = await timed(t)
  const principalId = await person(locket, 'alice')
  await enrol(locket, await signIn(locket), { now: now() })
  await locket.call('DELETE', `/v1/principals/${principalId}`)
  assert.deepEqual(await locket.sql('select * from factors'), [])
})
