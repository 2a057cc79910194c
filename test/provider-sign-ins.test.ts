/** Signing in by a real OpenID provider in a process of its own, as it is meant to go. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { limits } from '../src/core/limits.ts'
import { eventsAfter, lastEvent } from './data-files.ts'
import type { Federation } from './identity-provider.ts'
import {
  atProvider,
  begin,
  clientSecret,
  comeBack,
  cookieOf,
  knownBy,
  publicUrl,
  signInBy,
  signInsOfOneProvider,
} from './provider-sign-in.ts'
import { knock } from './signed-in.ts'

const open = signInsOfOneProvider()

const providers = '/v1/identity-providers'

/** Who a browser is with the cookie that it was given. */
function whoIs({ locket }: Federation, { headers }: { headers: Headers }) {
  return locket.call('GET', '/v1/whoami', { key: null, headers: { Cookie: cookieOf(headers) } })
}

async function change(made: Federation, body: object): Promise<void> {
  const path = `${providers}/${made.registered.id}`
  const { status, body: told } = await made.locket.call('PATCH', path, { body })
  assert.equal(status, 200, JSON.stringify(told))
}

/** Whoever administers, or would, is asked for no second factor: that is not what the test is about. */
async function withoutFactors({ locket }: Federation): Promise<void> {
  const body = { mfa: { required: 'nobody', roles: [] } }
  assert.equal((await locket.call('PATCH', '/v1/sign-in-policy', { body })).status, 200)
}

test('a person signs in by a provider, and is who it says', async (t) => {
  const made = await open(t)
  const reply = await signInBy(made, { returnTo: '/console?tab=1#top' })
  assert.equal(reply.status, 200, JSON.stringify(reply.body))
  assert.deepEqual([reply.body.challenge, reply.body.factors], [null, []])
  assert.equal(reply.body.returnTo, '/console?tab=1#top')
  const who = await whoIs(made, reply)
  assert.deepEqual([who.status, who.body.handle], [200, 'user:corp.alice'])
  assert.equal(who.body.credentialId, reply.body.id)
  // The same person with an access token is the same principal.
  const byToken = await made.who(await made.token())
  assert.equal(byToken.body.principalId, who.body.principalId)

  const again = await signInBy(made)
  const mine = await made.locket.call('GET', '/v1/sign-ins', {
    key: null,
    headers: { Cookie: cookieOf(again.headers) },
  })
  assert.equal(mine.body.items.length, 2)
  const shown = mine.body.items.map((one: { providerId: string }) => one.providerId)
  assert.deepEqual(shown, [made.registered.id, made.registered.id])
})

test('what leaves for the provider, and what the browser keeps [V10.1.2] [V3.3.1]', async (t) => {
  const made = await open(t, { signIn: { scopes: ['openid', 'profile'] } })
  const path = `/v1/oidc/${made.registered.id}/start?tenant=default&returnTo=/console`
  const { headers, body } = await made.locket.call('GET', path, { key: null })
  const url = new URL(body.location)
  assert.equal(url.origin, made.provider.issuer)
  const { state, nonce, code_challenge: challenge, ...rest } = Object.fromEntries(url.searchParams)
  assert.deepEqual(rest, {
    client_id: 'locket',
    response_type: 'code',
    redirect_uri: `${publicUrl}/v1/oidc/${made.registered.id}/callback`,
    scope: 'openid profile',
    code_challenge_method: 'S256',
  })
  for (const bond of [state, nonce]) assert.match(bond ?? '', /^[0-9a-f]{64}$/)
  assert.match(challenge ?? '', /^[\w-]{43}$/)
  const [line = '', ...more] = headers.getSetCookie()
  assert.equal(more.length, 0)
  const [value, ...attributes] = line.split('; ')
  assert.match(value ?? '', /^__Host-locket-flow=/)
  const expected = ['Max-Age=600', 'Path=/', 'Secure', 'HttpOnly', 'SameSite=Lax']
  assert.deepEqual(attributes, expected)
  for (const bond of [state, nonce, challenge]) assert.ok(!line.includes(bond ?? ''))
  const other = await begin(made)
  assert.notEqual(other.location.searchParams.get('state'), state)
  assert.notEqual(other.location.searchParams.get('nonce'), nonce)
})

test('what it sets is the cookie of any sign-in, and no token of the provider comes along [V10.1.1]', async (t) => {
  const made = await open(t)
  const reply = await signInBy(made)
  const [cookie = ''] = reply.headers.getSetCookie()
  assert.match(cookie, /^__Host-locket=lks_[^;]+; Path=\/; Secure; HttpOnly; SameSite=Strict$/)
  const told = JSON.stringify([reply.body, ...reply.headers])
  assert.doesNotMatch(told, /eyJ|access_token|id_token/)
  const rows = JSON.stringify(await made.locket.sql('select * from sign_ins'))
  assert.doesNotMatch(rows, /eyJ/)
})

test('a browser gets a page of ours that goes on, since a redirect would lose the cookie', async (t) => {
  const made = await open(t)
  const page = async (asked: Readonly<Record<string, string>>) => {
    const begun = await begin(made, asked)
    const back = await atProvider(begun)
    const request = new Request(`${publicUrl}${back.pathname}${back.search}`, {
      headers: { Cookie: begun.cookie, Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' },
    })
    const response = await made.locket.app.fetch(request, { address: '127.0.0.1' })
    return { response, text: await response.text() }
  }
  const { response, text } = await page({ returnTo: '/a?b=%22%3E&c=d' })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
  assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/)
  assert.match(response.headers.getSetCookie()[0] ?? '', /^__Host-locket=/)
  assert.ok(text.includes('content="0; url=/a?b=%22%3E&amp;c=d"'), text)
  const without = await page({})
  assert.doesNotMatch(without.text, /http-equiv/)
})

test('each client shows who it is as its provider wants it', async (t) => {
  const made = await open(t)
  const clients = [
    { clientId: 'locket', clientSecret },
    { clientId: 'locket-post', clientSecret, clientAuthentication: 'client_secret_post' },
    { clientId: 'public', clientAuthentication: 'none' },
  ]
  for (const signIn of clients) {
    await change(made, { signIn })
    const { status, body } = await signInBy(made)
    assert.equal(status, 200, `${signIn.clientId}: ${JSON.stringify(body)}`)
  }
  await change(made, { signIn: { clientId: 'locket', clientSecret: 'another' } })
  const refused = await signInBy(made)
  assert.deepEqual([refused.status, refused.body.code], [403, 'provider_refused'])
})

test('its event says whether he ever came from there, and the wrong tries before [V6.3.5]', async (t) => {
  const made = await open(t)
  const { locket } = made
  const signedIn = async (address: string): Promise<unknown> => {
    const begun = await begin(made)
    const { pathname, search } = await atProvider(begun)
    const call = { key: null, headers: { Cookie: begun.cookie }, address }
    const { status, body } = await locket.call('GET', pathname + search, call)
    assert.equal(status, 200, JSON.stringify(body))
    const path = '/v1/audit-events?action=sign-in.created&outcome=allowed&limit=1'
    return (await locket.call('GET', path)).body.items[0].details.changes[0]
  }
  const [home, away] = ['192.0.2.10', '198.51.100.9']
  assert.deepEqual(await signedIn(home), { newNetwork: true, failedTries: 0 })
  assert.deepEqual(await signedIn(home), { newNetwork: false, failedTries: 0 })
  for (let at = 0; at < 3; at += 1) {
    await knock(locket, { login: 'corp.alice', password: 'wrong' }, { address: '203.0.113.5' })
  }
  assert.deepEqual(await signedIn(away), { newNetwork: true, failedTries: 3 })
  await locket.sql('delete from sign_ins')
  assert.deepEqual(await signedIn(away), { newNetwork: false, failedTries: 3 }, 'as remembered')
  await locket.sql('delete from sign_ins')
  await locket.restart()
  assert.deepEqual(await signedIn(away), { newNetwork: true, failedTries: 0 }, 'and forgotten')
})

describe('what he may', () => {
  const rules = [{ claim: ['groups'], value: 'readers', role: 'viewer' }]
  const granted = (grants: readonly { permissions: readonly string[] }[]) =>
    grants.flatMap(({ permissions }) => permissions).filter((one) => one !== 'self:read')

  test('is by the rules of the provider, as they are now, on his claims as they were', async (t) => {
    const made = await open(t, { rules })
    await knownBy(made, { claims: { groups: ['readers'] } })
    const reply = await signInBy(made)
    const may = async () => granted((await whoIs(made, reply)).body.grants)
    assert.deepEqual(await may(), ['memory:read'])
    await change(made, { rules: [{ claim: ['groups'], value: 'writers', role: 'user' }] })
    assert.deepEqual(await may(), [])
    await change(made, { rules: [...rules, { claim: ['groups'], value: 'x', role: 'admin' }] })
    assert.deepEqual(await may(), ['memory:read'])
    await knownBy(made, { claims: { groups: ['others'] } })
    const other = await signInBy(made)
    assert.deepEqual(granted((await whoIs(made, other)).body.grants), [])
  })

  test('goes into the tokens that he gets by it, and ends with them', async (t) => {
    const made = await open(t, { rules })
    await knownBy(made, { claims: { groups: ['readers'] } })
    const { headers } = await signInBy(made, { fresh: 'true' })
    const own = { Cookie: cookieOf(headers), Origin: publicUrl }
    const current = '/v1/sign-ins/current'
    const { csrfToken } = (await made.locket.call('GET', current, { key: null, headers: own })).body
    const sent = { key: null, headers: { ...own, 'X-CSRF-Token': csrfToken }, body: {} }
    const { status, body } = await made.locket.call('POST', '/v1/tokens', sent)
    assert.equal(status, 201, JSON.stringify(body))
    const who = () => made.locket.call('GET', '/v1/whoami', { key: body.accessToken })
    assert.deepEqual(granted((await who()).body.grants), ['memory:read'])
    await change(made, { rules: [] })
    assert.deepEqual(granted((await who()).body.grants), [])
    await change(made, { signIn: null })
    assert.equal((await who()).status, 401)
    const refresh = { key: null, body: { refreshToken: body.refreshToken } }
    assert.equal((await made.locket.call('POST', '/v1/tokens/refresh', refresh)).status, 401)
  })

  test('by a rule makes nothing that stays', async (t) => {
    const made = await open(t, { rules: [{ claim: ['groups'], value: 'a', role: 'admin' }] })
    await withoutFactors(made)
    await knownBy(made, { claims: { groups: ['a'] } })
    const { headers } = await signInBy(made, { fresh: 'true' })
    const own = { Cookie: cookieOf(headers), Origin: publicUrl }
    const current = '/v1/sign-ins/current'
    const { csrfToken } = (await made.locket.call('GET', current, { key: null, headers: own })).body
    const reply = await made.locket.call('POST', '/v1/roles', {
      key: null,
      headers: { ...own, 'X-CSRF-Token': csrfToken },
      body: { name: 'lasting', permissions: ['memory:read'] },
    })
    assert.deepEqual([reply.status, reply.body.code], [403, 'above_own_rights'])
  })

  test('ends with the provider, the tie, the sign-in by it, or him [V7.4.2] [V8.3.2]', async (t) => {
    const made = await open(t)
    const { locket, registered } = made
    let reply = await signInBy(made)
    const expect = async (status: number, about: string) => {
      assert.equal((await whoIs(made, reply)).status, status, about)
    }
    const { principalId } = (await whoIs(made, reply)).body
    await change(made, { state: 'disabled' })
    await expect(401, 'the provider is disabled')
    await change(made, { state: 'active' })
    await expect(200, 'and enabled')
    await locket.call('PATCH', `/v1/principals/${principalId}`, { body: { state: 'disabled' } })
    await expect(401, 'he is disabled')
    assert.equal((await signInBy(made)).body.code, 'no_account')
    await locket.call('PATCH', `/v1/principals/${principalId}`, { body: { state: 'active' } })
    await expect(401, 'which has ended it')
    reply = await signInBy(made)
    await locket.restart()
    await expect(200, 'after a restart')
    await change(made, { signIn: null })
    await expect(401, 'nobody signs in by it')
    await change(made, { signIn: { clientId: 'locket', clientSecret } })
    await expect(200, 'and again')
    const { items } = (await locket.call('GET', '/v1/external-identities')).body
    await locket.call('DELETE', `/v1/external-identities/${items[0].id}`)
    await expect(401, 'he is not tied any more')
    await locket.call('DELETE', `${providers}/${registered.id}`)
    await expect(401, 'the provider is gone')
  })
})

describe('a fresh sign-in', () => {
  test('is one for which the provider has asked him again [V7.5.1]', async (t) => {
    const made = await open(t)
    await withoutFactors(made)
    await knownBy(made, { login: { ts: 1 } })
    const old = await signInBy(made)
    assert.equal(old.status, 200, JSON.stringify(old.body))
    const { principalId } = (await whoIs(made, old)).body
    const grant = { principalId, role: 'admin' }
    assert.equal((await made.locket.call('POST', '/v1/grants', { body: grant })).status, 201)
    const make = async (reply: { headers: Headers }) => {
      const own = { Cookie: cookieOf(reply.headers), Origin: publicUrl }
      const path = '/v1/sign-ins/current'
      const { body } = await made.locket.call('GET', path, { key: null, headers: own })
      const headers = { ...own, 'X-CSRF-Token': body.csrfToken }
      const role = { name: `r${Math.random()}`.replace('.', ''), permissions: ['memory:read'] }
      const sent = { key: null, headers, body: role }
      return {
        confirmedAt: body.confirmedAt,
        ...(await made.locket.call('POST', '/v1/roles', sent)),
      }
    }
    const refused = await make(old)
    assert.deepEqual([refused.status, refused.body.code], [403, 'step_up_required'])
    assert.equal(refused.confirmedAt, null, 'it was not told when he was last asked')

    const stale = await signInBy(made, { fresh: 'true' })
    assert.deepEqual([stale.status, stale.body.code], [502, 'provider_failed'])
    await knownBy(made)
    const begun = await begin(made, { fresh: 'true' })
    assert.equal(begun.location.searchParams.get('prompt'), 'login')
    assert.equal(begun.location.searchParams.get('max_age'), '0')
    const fresh = await make(await comeBack(made, await atProvider(begun), begun))
    assert.equal(fresh.status, 201, JSON.stringify(fresh.body))
    assert.ok(Date.now() - Date.parse(fresh.confirmedAt) < limits.externalToken_skew_ms_max)
  })
})

test('who comes for the first time is let in as with a token, or not at all', async (t) => {
  const made = await open(t, { createUsers: false })
  const { locket, registered } = made
  const stranger = await signInBy(made)
  assert.deepEqual([stranger.status, stranger.body.code], [403, 'no_account'])
  await change(made, { createUsers: true })
  const before = await lastEvent(locket)
  const reply = await signInBy(made)
  assert.equal(reply.status, 200, JSON.stringify(reply.body))
  const { principalId } = (await whoIs(made, reply)).body
  const actions = (await eventsAfter(locket, before)).map(({ action, outcome }) => [
    action,
    outcome,
  ])
  // That he was sent there was only counted: he was a moment before, too.
  assert.deepEqual(actions.slice(0, 2), [
    ['external-identity.created', 'allowed'],
    ['sign-in.created', 'allowed'],
  ])
  const path = '/v1/audit-events?action=sign-in.created&outcome=allowed'
  const [event] = (await locket.call('GET', path)).body.items
  assert.equal(event.actor.id, principalId)
  assert.match(event.actor.credentialId, /^xid_/)
  const changes = [{ newNetwork: true, failedTries: 0 }]
  assert.deepEqual(event.details, { factor: 'oidc', provider: registered.id, changes })
  // A handle that is taken is never taken over, and who is no user does not sign in.
  await locket.person('user:corp.bob')
  await knownBy(made, { subject: 'bob' })
  assert.equal((await signInBy(made)).body.code, 'no_account')
  const { id } = await locket.person('agent:robot', { role: 'service' })
  const tie = { providerId: registered.id, subject: 'robot', principalId: id }
  assert.equal((await locket.call('POST', '/v1/external-identities', { body: tie })).status, 201)
  await knownBy(made, { subject: 'robot' })
  assert.equal((await signInBy(made)).body.code, 'no_account')
})

test('what is spent is forgotten once it could not come back anyhow', async (t) => {
  const time = { now: Date.now() }
  const made = await open(t, {}, { clock: () => time.now })
  await signInBy(made)
  const count = async () => (await made.locket.sql('select * from provider_sign_ins')).length
  await made.locket.app.jobs.runAll()
  assert.equal(await count(), 1)
  time.now += limits.providerSignIn_life_ms + limits.externalToken_skew_ms_max + 1
  await made.locket.app.jobs.runAll()
  assert.equal(await count(), 0)
})

test('a client’s secret is never shown, and stays until it is replaced', async (t) => {
  const made = await open(t)
  const { locket, registered } = made
  const list = await locket.call('GET', providers)
  assert.doesNotMatch(JSON.stringify(list.body), /opens nothing/)
  assert.deepEqual(list.body.items[0].signIn, {
    clientId: 'locket',
    clientAuthentication: 'client_secret_basic',
    scopes: ['openid'],
    secondFactor: { amr: [], acr: [] },
    redirectUri: `${publicUrl}/v1/oidc/${registered.id}/callback`,
  })
  await change(made, { signIn: { clientId: 'locket', scopes: ['openid', 'email'] } })
  assert.equal((await signInBy(made)).status, 200)
  const wrong: readonly object[] = [
    { clientId: 'another' },
    { clientId: 'locket', clientAuthentication: 'none', clientSecret },
    { clientId: '' },
    { clientId: 'locket', scopes: [] },
    { clientId: 'locket', scopes: ['email'] },
    { clientId: 'locket', scopes: ['openid', 'offline_access'] },
    { clientId: 'locket', scopes: ['openid email'] },
    { clientId: 'locket', clientSecret: 'a\nb' },
    { clientId: 'locket', redirectUri: 'https://evil.example' },
  ]
  for (const signIn of wrong) {
    const path = `${providers}/${registered.id}`
    const { status, body } = await locket.call('PATCH', path, { body: { signIn } })
    assert.deepEqual([status, body.code], [400, 'invalid_input'], JSON.stringify(signIn))
  }
})
