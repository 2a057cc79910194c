/** Second factors of who signs in by a provider: its word counts for one only where that was declared. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { minute_ms } from '../src/core/clock.ts'
import { eventsAfter, lastEvent } from './data-files.ts'
import type { Reply } from './harness.ts'
import type { Federation } from './identity-provider.ts'
import {
  answeredBy,
  atProvider,
  begin,
  clientSecret,
  comeBack,
  cookieOf,
  knownBy,
  openSignIns,
  publicUrl,
  signInBy,
} from './provider-sign-in.ts'
import { type Browser, enrol, prove, totpProof } from './signed-in.ts'

type Claims = Readonly<Record<string, unknown>>

/** A browser that has come back signed in. */
async function browserOf({ locket }: Federation, reply: Reply): Promise<Browser> {
  const cookie = cookieOf(reply.headers)
  const get: Browser['get'] = (path) =>
    locket.call('GET', path, { key: null, headers: { Cookie: cookie } })
  const { body } = await get('/v1/sign-ins/current')
  const headers = { Cookie: cookie, Origin: publicUrl, 'X-CSRF-Token': body.csrfToken }
  const send: Browser['send'] = (method, path, sent) =>
    locket.call(method, path, { key: null, headers, ...(sent && { body: sent }) })
  return { id: body.id, csrf: body.csrfToken, cookie, get, send }
}

test('who has a factor is asked for it, and is who the provider says once he has shown it', async (t) => {
  const time = { now: Date.now() }
  const rules = [{ claim: ['groups'], value: 'readers', role: 'viewer' }]
  const made = await openSignIns(t, { rules }, { clock: () => time.now })
  const { locket, registered } = made
  const claims = { groups: ['readers'] }
  await knownBy(made, { claims })
  const first = await browserOf(made, await signInBy(made, { fresh: 'true' }))
  const { seed } = await enrol(locket, first, { now: time.now })
  const { principalId } = (await locket.call('GET', '/v1/external-identities')).body.items[0]

  const before = await lastEvent(locket)
  const reply = await signInBy(made, { returnTo: '/sign-in' })
  assert.equal(reply.status, 200, JSON.stringify(reply.body))
  assert.equal(reply.headers.get('set-cookie'), null, 'nobody is signed in yet')
  const { challenge, factors, returnTo } = reply.body
  assert.deepEqual([factors, returnTo], [['totp'], '/sign-in'])
  assert.match(challenge, /^lkc_/)
  const told = (await eventsAfter(locket, before)).map(({ action }) => action)
  assert.deepEqual(told, ['sign-in.challenged'], 'that he was sent there again is only counted')

  time.now += minute_ms
  const wrong = { challenge, factor: { kind: 'totp', code: '000000' } }
  const headers = { Origin: publicUrl }
  assert.equal((await prove(locket, wrong, { headers })).status, 401)
  const shown = { challenge, factor: totpProof(seed, time.now) }
  const proven = await prove(locket, shown, { headers })
  assert.equal(proven.status, 201, JSON.stringify(proven.body))
  assert.equal(proven.body.providerId, registered.id)
  assert.equal(proven.body.confirmedAt, null, 'the provider has not asked him anew')
  const events = '/v1/audit-events?action=sign-in.created&outcome=allowed&limit=1'
  const [event] = (await locket.call('GET', events)).body.items
  const changes = [{ newNetwork: false, failedTries: 1 }]
  assert.deepEqual(event.details, { factor: 'totp', changes }, 'one code was wrong')
  const browser = await browserOf(made, proven)
  const who = (await browser.get('/v1/whoami')).body
  assert.equal(who.principalId, principalId)
  const permissions = who.grants.flatMap((one: { permissions: string[] }) => one.permissions)
  assert.ok(permissions.includes('memory:read'), 'the rule of the provider holds')
  await locket.call('PATCH', `/v1/identity-providers/${registered.id}`, { body: { signIn: null } })
  assert.equal((await browser.get('/v1/whoami')).status, 401, 'and it ends with the provider')
})

test('the sign-in that the browser had before goes on until the factor was shown', async (t) => {
  const time = { now: Date.now() }
  const made = await openSignIns(t, {}, { clock: () => time.now })
  const { locket } = made
  const first = await browserOf(made, await signInBy(made, { fresh: 'true' }))
  const { seed, browser } = await enrol(locket, first, { now: time.now })
  const own = { Cookie: browser.cookie, Origin: publicUrl }
  const isThere = async () => (await browser.get('/v1/whoami')).status === 200
  const begun = await begin(made, {}, own)
  const { challenge } = (await comeBack(made, await atProvider(begun), begun)).body
  assert.ok(await isThere(), 'nobody is signed in in its place yet')
  time.now += minute_ms
  const shown = { challenge, factor: totpProof(seed, time.now) }
  assert.equal((await prove(locket, shown, { headers: own })).status, 201)
  assert.ok(!(await isThere()))
})

test('the browser is led to a page with the challenge, where no server is told of it', async (t) => {
  const made = await openSignIns(t)
  const first = await browserOf(made, await signInBy(made, { fresh: 'true' }))
  await enrol(made.locket, first, { now: Date.now() })
  const page = async (asked: Readonly<Record<string, string>>) => {
    const begun = await begin(made, asked)
    const back = await atProvider(begun)
    const headers = { Cookie: begun.cookie, Accept: 'text/html' }
    const request = new Request(`${publicUrl}${back.pathname}${back.search}`, { headers })
    return (await made.locket.app.fetch(request, { address: '127.0.0.1' })).text()
  }
  assert.match(await page({ returnTo: '/a?b=c#d' }), /content="0; url=\/a\?b=c#challenge=lkc_\w+"/)
  const without = await page({})
  assert.match(without, /One more step/)
  assert.doesNotMatch(without, /lkc_|http-equiv/)
})

test('the provider’s word counts for a factor where that was declared, in these words alone', async (t) => {
  const made = await openSignIns(t)
  const { locket, registered } = made
  const first = await browserOf(made, await signInBy(made, { fresh: 'true' }))
  await enrol(locket, first, { now: Date.now() })
  const asks = async (claims: Claims, secondFactor: object | undefined): Promise<boolean> => {
    const signIn = { clientId: 'locket', clientSecret, ...(secondFactor && { secondFactor }) }
    const path = `/v1/identity-providers/${registered.id}`
    assert.equal((await locket.call('PATCH', path, { body: { signIn } })).status, 200)
    const { status, body } = await answeredBy(made, { claims })
    await knownBy(made)
    assert.equal(status, 200, JSON.stringify(body))
    return body.challenge !== null
  }
  const mfa = { amr: ['pwd', 'mfa'], acr: 'gold' }
  const cases: readonly (readonly [
    claims: Claims,
    secondFactor: object | undefined,
    asks: boolean,
  ])[] = [
    [mfa, undefined, true],
    [mfa, { amr: ['otp'], acr: ['silver'] }, true],
    [mfa, { amr: ['gold'], acr: ['mfa'] }, true],
    [{ amr: ['mfa2', 'MFA'] }, { amr: ['mfa'] }, true],
    [{ amr: [] }, { amr: ['mfa'] }, true],
    [mfa, { amr: ['mfa'] }, false],
    [mfa, { acr: ['gold'] }, false],
  ]
  for (const [claims, secondFactor, expected] of cases) {
    const about = JSON.stringify([claims, secondFactor])
    assert.equal(await asks(claims, secondFactor), expected, about)
  }
  const rows = await locket.sql("select method, factor from sign_ins where state = 'active'")
  assert.ok(rows.some(({ method, factor }) => method === 'oidc' && factor === 'provider'))
})

test('a role that a provider gives asks for a factor, too, and its tokens have to have one', async (t) => {
  const rules = [{ claim: ['groups'], value: 'readers', role: 'viewer' }]
  const made = await openSignIns(t, { rules })
  const { locket } = made
  await knownBy(made, { claims: { groups: ['readers'] } })
  const browser = await browserOf(made, await signInBy(made, { fresh: 'true' }))
  const { accessToken: key } = (await browser.send('POST', '/v1/tokens', {})).body
  assert.equal((await locket.call('GET', '/v1/spaces', { key })).status, 200)
  const body = { mfa: { required: 'administrators', roles: ['viewer'] } }
  assert.equal((await locket.call('PATCH', '/v1/sign-in-policy', { body })).status, 200)
  assert.equal((await browser.get('/v1/spaces')).body.code, 'factor_required')
  assert.equal((await browser.get('/v1/sign-ins/current')).body.factorRequired, true)
  assert.equal((await locket.call('GET', '/v1/spaces', { key })).status, 401)
})
