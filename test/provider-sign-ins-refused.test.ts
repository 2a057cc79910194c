/** Signing in by a provider: what comes back wrong, late, twice, from elsewhere, or from somebody else. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { limits } from '../src/core/limits.ts'
import { eventsAfter } from './data-files.ts'
import type { Reply } from './harness.ts'
import { base64Url, newJwk, startIdentityProvider } from './identity-provider.ts'
import {
  atProvider,
  begin,
  clientSecret,
  comeBack,
  knownBy,
  navigating,
  publicUrl,
  signInBy,
  signInsOfOneProvider,
  start,
} from './provider-sign-in.ts'

const open = signInsOfOneProvider()

function expect({ status, body }: Reply, [wanted, code]: readonly [number, string], about = '') {
  assert.deepEqual([status, body.code], [wanted, code], `${about}: ${JSON.stringify(body)}`)
}

const over = [400, 'sign_in_over'] as const
const failed = [502, 'provider_failed'] as const
const refused = [403, 'provider_refused'] as const

describe('only the browser that left comes back, and once', () => {
  test('with its cookie and its state, to its provider [V10.1.2]', async (t) => {
    const made = await open(t)
    const begun = await begin(made)
    const back = await atProvider(begun)
    const other = await begin(made)
    const [name, value = ''] = begun.cookie.split('=')
    const parts = value.split('.')
    const altered = (at: number, part: string) => `${name}=${parts.with(at, part).join('.')}`
    const cookies: readonly (string | null)[] = [
      null,
      '',
      `${name}=`,
      `${name}=x`,
      other.cookie,
      `${begun.cookie}; ${other.cookie}`,
      altered(0, made.registered.id.slice(4)),
      altered(1, made.locket.tenant.slice(4)),
      altered(2, '7'),
      altered(3, String(Number(parts[3]) + 1)),
      altered(4, '1'),
      altered(5, base64Url('/elsewhere')),
      altered(5, base64Url('//evil.example')),
      altered(6, `${made.locket.tenant.slice(4)}${'0'.repeat(26)}`),
      altered(7, 'A'.repeat(43)),
    ]
    for (const cookie of cookies) expect(await comeBack(made, back, { cookie }), over, `${cookie}`)
    const states = [undefined, '', 'x', other.location.searchParams.get('state') ?? '']
    for (const state of states) {
      const url = new URL(back)
      if (state === undefined) url.searchParams.delete('state')
      else url.searchParams.set('state', state)
      expect(await comeBack(made, url, begun), over, `state ${state}`)
    }
    // Nothing of that has spent it.
    assert.equal((await comeBack(made, back, begun)).status, 200)
    assert.equal(await made.provider.redeemed(), 1)
    expect(await comeBack(made, back, begun), over, 'again')
    assert.equal(await made.provider.redeemed(), 1, 'the provider was not asked again')
  })

  test('a hundred at once: one is signed in, and the code is shown once [V15.4.2]', async (t) => {
    const made = await open(t)
    const begun = await begin(made)
    const back = await atProvider(begun)
    const all = Array.from({ length: 100 }, () => comeBack(made, back, begun))
    const codes = (await Promise.all(all)).map(({ status, body }) => body.code ?? status)
    assert.equal(codes.filter((one) => one === 200).length, 1)
    assert.equal(codes.filter((one) => one === 'sign_in_over').length, 99)
    assert.equal(await made.provider.redeemed(), 1)
    assert.equal((await made.locket.sql('select * from sign_ins')).length, 1)
  })

  test('within ten minutes, whatever the clocks do', async (t) => {
    const time = { now: Date.now() }
    const made = await open(t, {}, { clock: () => time.now })
    const jumps: readonly (readonly [by_ms: number, fine: boolean])[] = [
      [30_000, true],
      [-30_000, true],
      [limits.providerSignIn_life_ms, false],
      [-limits.externalToken_skew_ms_max, false],
      [365 * 24 * 3_600_000, false],
    ]
    for (const [by_ms, fine] of jumps) {
      const begun = await begin(made)
      const back = await atProvider(begun)
      time.now += by_ms
      const reply = await comeBack(made, back, begun)
      assert.deepEqual([reply.status, reply.body.code], fine ? [200, undefined] : [...over])
      time.now -= by_ms
    }
  })

  test('and not into a page of somebody else', async (t) => {
    const made = await open(t)
    const path = `/v1/oidc/${made.registered.id}/start?tenant=default`
    const frames: readonly Readonly<Record<string, string>>[] = [
      { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' },
      { 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' },
      { 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' },
    ]
    for (const headers of frames) {
      const reply = await made.locket.call('GET', path, { key: null, headers })
      expect(reply, [403, 'cross_site_request'])
      assert.equal(reply.headers.get('set-cookie'), null)
    }
    for (const method of ['POST', 'HEAD', 'PUT']) {
      assert.equal((await made.locket.call(method, path, { key: null })).status, 405, method)
    }
  })
})

test('nobody is led to another server [V10.1.2]', async (t) => {
  const made = await open(t)
  const wrong = [
    'https://evil.example',
    'HTTPS://evil.example/',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/a//evil.example',
    '/..//evil.example',
    '/./a',
    '/a/../b',
    '/%2e%2e/a',
    '/\tevil',
    '/\nevil',
    ' /a',
    '/a ',
    '/a b',
    '',
    'a',
    '?a',
    '#a',
    'javascript:alert(1)',
    '/"><script>',
    '/ä',
    '/v1/oidc/idp_0/start?tenant=default',
    '/V1/OIDC/idp_0/start',
    '/v1/%6fidc/idp_0/start',
    '/v1/oidc%2Fidp_0/start',
    '/locket/v1/oidc/idp_0/start',
    `/${'a'.repeat(limits.returnPath_characters_max)}`,
  ]
  for (const returnTo of wrong) {
    const { status, body } = await start(made, { returnTo })
    assert.deepEqual([status, body.code], [400, 'invalid_input'], returnTo)
  }
  const right = [
    '/',
    '/console',
    '/a?next=https://evil.example',
    '/a?b=c%20d#e',
    '/%2F%2Fevil.example',
  ]
  for (const returnTo of right.slice(0, 2)) {
    assert.equal((await signInBy(made, { returnTo })).body.returnTo, returnTo)
  }
  assert.equal((await start(made, { returnTo: right[3] ?? '' })).status, 302)
  assert.equal((await start(made, { returnTo: right[4] ?? '' })).status, 302)
})

describe('the provider', () => {
  test('says who it is, and another’s word does not count: no mix-up [V10.2.2]', async (t) => {
    const made = await open(t)
    const { provider, locket } = made
    const twin = await startIdentityProvider([made.jwk])
    t.after(twin.down)
    const signIn = { clientId: 'locket', clientSecret }
    const body = { name: 'twin', issuer: provider.issuer.replace('127.0.0.1', 'localhost'), signIn }
    const other = (await locket.call('POST', '/v1/identity-providers', { body })).body
    const issuers = [
      undefined,
      '',
      `${provider.issuer}/`,
      twin.issuer,
      provider.issuer.toUpperCase(),
    ]
    for (const iss of issuers) {
      const begun = await begin(made)
      const back = await atProvider(begun)
      if (iss === undefined) back.searchParams.delete('iss')
      else back.searchParams.set('iss', iss)
      expect(await comeBack(made, back, begun), failed, `iss ${iss}`)
    }
    const begun = await begin(made)
    const back = await atProvider(begun)
    back.searchParams.append('iss', provider.issuer)
    expect(await comeBack(made, back, begun), [400, 'invalid_input'], 'iss twice')
    assert.equal(await provider.redeemed(), 0, 'no code was shown to anybody')
    back.searchParams.delete('iss')
    back.searchParams.set('iss', provider.issuer)
    const elsewhere = new URL(back.href.replace(made.registered.id, other.id))
    expect(await comeBack(made, elsewhere, begun), over, 'the other provider’s address')
    assert.equal((await comeBack(made, back, begun)).status, 200)
  })

  test('says no, in words that nobody is shown', async (t) => {
    const lines: string[] = []
    const made = await open(t)
    await knownBy(made, { subject: null })
    const begun = await begin(made)
    const back = await atProvider(begun)
    assert.equal(back.searchParams.get('error'), 'access_denied')
    const headers = { ...navigating, Cookie: begun.cookie, Accept: 'text/html' }
    const request = new Request(`${publicUrl}${back.pathname}${back.search}`, { headers })
    const page = await made.locket.app.fetch(request, { address: '127.0.0.1' })
    const text = await page.text()
    assert.equal(page.status, 403)
    assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.match(text, /did not sign you in/)
    assert.match(text, /<code>provider_refused<\/code> <code>req_/)
    assert.doesNotMatch(text, /words of mine|access_denied/)
    assert.deepEqual(lines, [])
    const events = await eventsAfter(made.locket, '')
    const [event] = events.filter(({ action }) => action === 'sign-in.created')
    assert.deepEqual([event?.outcome, event?.tenant], ['denied', made.locket.tenant])
    expect(await comeBack(made, back, begun), over, 'and it is over')
  })

  test('is waited for no longer than five seconds, and may be gone, or out of order', async (t) => {
    const made = await open(t)
    const away = async (behaviour: Readonly<Record<string, unknown>>) => {
      const begun = await begin(made)
      const back = await atProvider(begun)
      await made.provider.behave(behaviour)
      const reply = await comeBack(made, back, begun)
      await knownBy(made)
      return reply
    }
    const started = performance.now()
    expect(await away({ delay_ms: 20_000 }), [503, 'unavailable'], 'slow')
    assert.ok(performance.now() - started < 15_000)
    expect(await away({ tokens: '{}', tokensStatus: 500 }), [503, 'unavailable'], '500')
    expect(await away({ tokens: '{}', tokensStatus: 302 }), [503, 'unavailable'], 'a redirect')
    const big = JSON.stringify({ pad: 'x'.repeat(limits.providerDocument_bytes_max) })
    expect(await away({ tokens: big }), failed, 'too large')
    expect(await away({ tokens: 'no JSON' }), failed, 'no JSON')
    expect(await away({ tokens: '{"a":1,"a":1}' }), failed, 'a member twice')
    const grant = JSON.stringify({ error: 'invalid_grant', error_description: 'x' })
    expect(await away({ tokens: grant, tokensStatus: 400 }), refused, 'a code of another client')
    expect(await away({ tokens: '{}', tokensStatus: 401 }), failed, '401 without a word')
    const begun = await begin(made)
    const back = await atProvider(begun)
    await made.provider.down()
    expect(await comeBack(made, back, begun), [503, 'unavailable'], 'gone')
    await made.provider.up([made.jwk])
    await knownBy(made)
    assert.equal((await signInBy(made)).status, 200, 'and back')
  })

  test('that gives another issuer, or no place to sign in at, sends nobody anywhere', async (t) => {
    const made = await open(t)
    await made.provider.behave({ says: 'https://idp.example' })
    await made.locket.restart()
    expect(await start(made), [503, 'unavailable'])
    await made.provider.behave({ says: made.provider.issuer })
    await made.locket.restart()
    expect(await start(made), failed, 'it names no endpoint')
    await knownBy(made)
  })

  test('rotates its keys: what the new one signs counts at once', async (t) => {
    const time = { now: Date.now() }
    const made = await open(t, {}, { clock: () => time.now })
    assert.equal((await signInBy(made)).status, 200)
    time.now += limits.providerKeys_retry_ms
    await knownBy(made, { keys: [await newJwk('second')] })
    const reply = await signInBy(made)
    assert.equal(reply.status, 200, JSON.stringify(reply.body))
    await knownBy(made, { keys: [made.jwk] })
  })
})

test('a tenant or a provider that is not there, or is for tokens alone, is not found', async (t) => {
  const made = await open(t)
  const { locket, registered } = made
  const other = (
    await locket.call('POST', '/v1/tenants', { body: { name: 'Other', slug: 'other' } })
  ).body
  const missing = [404, 'not_found'] as const
  expect(await start(made, { tenant: 'nobody' }), missing)
  expect(await start(made, { tenant: 'other' }), missing, 'the provider of another tenant')
  const never = `/v1/oidc/idp_${'0'.repeat(26)}/start?tenant=default`
  expect(await locket.call('GET', never, { key: null }), missing)
  const path = `/v1/identity-providers/${registered.id}`
  const begun = await begin(made)
  const back = await atProvider(begun)
  await locket.call('PATCH', path, { body: { signIn: null } })
  expect(await start(made), missing, 'for tokens alone')
  expect(await comeBack(made, back, begun), over, 'and who was on the way')
  await locket.call('PATCH', path, { body: { state: 'disabled' } })
  expect(await start(made), missing, 'disabled')
  assert.ok(other.id)
})

test('the code may look like a secret of ours; all else in a URL may not', async (t) => {
  const made = await open(t)
  const path = `/v1/oidc/${made.registered.id}`
  const code = 'eyJhbGciOiJkaXIifQ..lk_012345678901'
  const get = (rest: string) => made.locket.call('GET', path + rest, { key: null })
  expect(await get(`/callback?code=${code}&state=x`), over)
  expect(await get(`/callback?access_token=abc&state=x`), [400, 'secret_in_url'])
  expect(await get(`/start?tenant=lk_0123456789ab`), [400, 'secret_in_url'])
})
