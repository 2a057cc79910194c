/**
 * Who sends a browser to sign in by a provider (login CSRF), and what becomes of the sign-in that the browser
 * had before.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { minute_ms } from '../src/core/clock.ts'
import { createLog } from '../src/core/log.ts'
import { listen } from '../src/http/server.ts'
import { openPage, type Page, withChromium } from './chromium.ts'
import { stateOf } from './data-files.ts'
import { freePort } from './free-port.ts'
import type { Reply } from './harness.ts'
import type { Federation } from './identity-provider.ts'
import {
  atProvider,
  begin,
  comeBack,
  cookieOf,
  knownBy,
  navigating,
  publicUrl,
  signInBy,
  signInsOfOneProvider,
  start,
} from './provider-sign-in.ts'
import { knock, password } from './signed-in.ts'

const open = signInsOfOneProvider()

type Texts = Readonly<Record<string, string>>

const html = 'text/html,application/xhtml+xml,*/*;q=0.8'

/** What a browser shows that is sent to sign in. */
async function shown({ locket, registered }: Federation, query: string, headers: Texts) {
  const request = new Request(`${publicUrl}/v1/oidc/${registered.id}/start?${query}`, {
    headers: { ...navigating, Accept: html, ...headers },
  })
  const response = await locket.app.fetch(request, { address: '127.0.0.1' })
  return { response, text: await response.text() }
}

describe('a page of somebody else’s sends a browser to sign in [V3.5.1] [V10.1.2]', () => {
  for (const site of ['cross-site', 'same-site', 'same-origin, none', '', 'None']) {
    test(`(Sec-Fetch-Site: ${site}) and its user is asked first`, async (t) => {
      const made = await open(t)
      const before = await stateOf(made.locket)
      const query = 'tenant=default&returnTo=/a%3Fb%3D%2522&fresh=true'
      const { response, text } = await shown(made, query, { 'Sec-Fetch-Site': site })
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('location'), null)
      assert.deepEqual(response.headers.getSetCookie(), [], 'no flow was begun')
      assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
      assert.equal(response.headers.get('cache-control'), 'no-store')
      const policy = response.headers.get('content-security-policy') ?? ''
      for (const one of ["default-src 'none'", "form-action 'none'", "frame-ancestors 'none'"]) {
        assert.ok(policy.includes(one), policy)
      }
      assert.doesNotMatch(text, /<script|http-equiv|<form/)
      assert.match(text, /<strong>default<\/strong>/)
      assert.match(text, /<strong>corp<\/strong>/)
      assert.ok(text.includes(made.provider.issuer))
      assert.ok(
        text.includes(`<a href="?${query.replaceAll('&', '&amp;')}" rel="noreferrer">`),
        text,
      )
      assert.equal(await stateOf(made.locket), before, 'nothing is kept of it')
    })
  }

  test('which the event says, and asks the provider nothing', async (t) => {
    const made = await open(t)
    await made.provider.behave({ says: 'https://idp.example' })
    await made.locket.restart()
    await shown(made, 'tenant=default', {})
    await knownBy(made)
    const path = '/v1/audit-events?action=provider-sign-in.started'
    const { items } = (await made.locket.call('GET', path)).body
    const told = items.map(({ outcome, details }: Texts) => [outcome, details])
    assert.deepEqual(told, [['allowed', { fresh: false, asked: true }]])
  })

  test('and nothing that was sent along stands in the page unescaped', async (t) => {
    const made = await open(t)
    const body = { name: '<b>"&\'', slug: 'other' }
    assert.equal((await made.locket.call('POST', '/v1/tenants', { body })).status, 201)
    for (const query of [
      'tenant=default&returnTo=/%22%3E%3Cscript%3E',
      'tenant=%3Cscript%3E',
      'tenant=default&more=%22%3E',
      `tenant=default&tenant=other`,
      'tenant=default&returnTo=/"><script>',
      "tenant=default&fresh='onclick=",
    ]) {
      const { text } = await shown(made, query, {})
      assert.doesNotMatch(text, /<script|"><|'onclick/, query)
    }
  })

  test('a tenant or a provider that is not there is not found, as ever', async (t) => {
    const made = await open(t)
    const { response } = await shown(made, 'tenant=nobody', {})
    assert.equal(response.status, 404)
  })

  test('a program that takes no page, and yet says so, is told what a page would tell', async (t) => {
    const made = await open(t)
    const { status, headers, body } = await start(made, {}, { 'Sec-Fetch-Site': 'cross-site' })
    const asks = { tenant: 'default', provider: 'corp', issuer: made.provider.issuer }
    assert.deepEqual([status, body], [200, { location: null, asks }])
    assert.deepEqual(headers.getSetCookie(), [])
  })
})

describe('nobody is asked', () => {
  test('who came from a page of ours, or from none; nor what is no browser', async (t) => {
    const made = await open(t)
    for (const site of ['same-origin', 'none']) {
      const { response } = await shown(made, 'tenant=default', { 'Sec-Fetch-Site': site })
      assert.equal(response.status, 302, site)
      assert.match(response.headers.getSetCookie()[0] ?? '', /^__Host-locket-flow=/)
    }
    const path = `/v1/oidc/${made.registered.id}/start?tenant=default`
    const { status, body } = await made.locket.call('GET', path, { key: null })
    assert.equal(status, 302)
    assert.ok(body.location.startsWith(made.provider.issuer))
  })
})

/** A Locket that a browser can be at: other sites are at 127.0.0.1, another name of this machine. */
async function openSite(t: TestContext) {
  const port = await freePort()
  const site = `http://localhost:${port}`
  const made = await open(t, {}, { publicUrl: site })
  await knownBy(made, { redirectUris: [`${site}/v1/oidc/${made.registered.id}/callback`] })
  const { fetch } = made.locket.app
  const { close } = await listen({ host: '127.0.0.1', port, log: createLog('silent'), fetch })
  t.after(close)
  const path = `/v1/oidc/${made.registered.id}/start?tenant=default`
  return { made, start: site + path, elsewhere: `http://127.0.0.1:${port}/` }
}

/** The title of the page that the browser comes to. */
async function titleAt(page: Page, url: RegExp): Promise<string> {
  const deadline = performance.now() + 15_000
  let last = ''
  while (performance.now() < deadline) {
    const about = '[document.readyState, location.href, document.title]'
    // While one page makes way for the next there is none to ask.
    const [state, href, title] = await page.evaluate(about).catch(() => [])
    last = `${state} ${href} ${title}`
    if (state === 'complete' && url.test(href)) return title
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`the browser stays at ${last}`)
}

test('Chromium asks its user only where another site has sent it', withChromium, async (t) => {
  const { made, start: address, elsewhere } = await openSite(t)
  const page = await openPage(t)
  const sent = (by: string) => page.open(elsewhere, `<!doctype html><script>${by}</script>`)
  const signIns = async () => (await made.locket.sql('select * from sign_ins')).length
  const asked = async () => {
    assert.match(await titleAt(page, /\/start\?/), /^Before you sign in/)
    assert.equal(await page.evaluate('document.querySelectorAll("a").length'), 1)
  }
  const ways = [
    `location = ${JSON.stringify(address)}`,
    `addEventListener('load', () => {
      document.body.innerHTML = '<form action="${address}"><input name="tenant" value="default"></form>'
      document.forms[0].submit()
    })`,
  ]
  for (const way of ways) {
    await sent(way)
    await asked()
    assert.equal(await signIns(), 0)
  }
  for (const about of ['nobody was signed in', 'somebody was: his sign-in ends']) {
    await page.evaluate('document.querySelector("a").click()')
    assert.match(await titleAt(page, /\/callback\?/), /^Signed in/, about)
    assert.equal(await signIns(), 1, about)
    await sent(ways[0] ?? '')
    await asked()
  }
  // As if typed: no page has sent it.
  await page.send('Page.navigate', { url: address })
  assert.match(await titleAt(page, /\/callback\?/), /^Signed in/)
  assert.equal(await signIns(), 1)
})

describe('the sign-in that the browser had before', () => {
  const openOnes = async ({ locket }: Federation) =>
    (await locket.sql("select sign_in_id from sign_ins where state = 'active'")).map(
      ({ sign_in_id }) => String(sign_in_id),
    )

  const ended = async ({ locket }: Federation) => {
    const { items } = (await locket.call('GET', '/v1/audit-events?action=sign-in.ended')).body
    return items.map((one: { resourceId: string; details: object }) => {
      return [one.resourceId, one.details] as const
    })
  }

  const has = ({ headers }: Reply) => ({ Cookie: cookieOf(headers) })

  for (const site of ['same-origin', 'none']) {
    test(`ends when the flow does, whose end its cookie does not come to (${site})`, async (t) => {
      const made = await open(t)
      const first = await signInBy(made)
      const begun = await begin(made, {}, { ...has(first), 'Sec-Fetch-Site': site })
      assert.doesNotMatch(begun.cookie, /lks_/, 'its token is not in the other cookie')
      const back = await atProvider(begun)
      assert.deepEqual(await openOnes(made), [first.body.id], 'and not before')
      const second = await comeBack(made, back, begun)
      assert.equal(second.status, 200)
      assert.deepEqual(await openOnes(made), [second.body.id])
      assert.deepEqual(await ended(made), [[first.body.id, { replaced: true }]])
      const who = await made.locket.call('GET', '/v1/whoami', { key: null, headers: has(first) })
      assert.equal(who.status, 401)
    })
  }

  test('ends also where it was of another tenant', async (t) => {
    const made = await open(t)
    const { locket } = made
    const body = { name: 'Other', slug: 'other' }
    const { apiKey } = (await locket.call('POST', '/v1/tenants', { body })).body
    const invited = { key: apiKey, body: { handle: 'user:bob' } }
    const { token } = (await locket.call('POST', '/v1/invitations', invited)).body
    const accepted = { key: null, body: { token, password } }
    await locket.call('POST', '/v1/invitations/accept', accepted)
    const bob = await knock(locket, { tenant: 'other', login: 'bob' })
    assert.equal(bob.status, 201, JSON.stringify(bob.body))
    const begun = await begin(made, {}, has(bob))
    const second = await comeBack(made, await atProvider(begun), begun)
    assert.deepEqual(await openOnes(made), [second.body.id])
    assert.deepEqual(await ended(made), [], 'the event is in the log of whose it was')
    const path = '/v1/audit-events?action=sign-in.ended'
    const { items } = (await locket.call('GET', path, { key: apiKey })).body
    assert.deepEqual([items.length, items[0].resourceId], [1, bob.body.id])
  })

  test('stays where nobody has shown its cookie: its id says nothing', async (t) => {
    const made = await open(t)
    const first = await signInBy(made)
    const { Cookie: right } = has(first)
    const last = right.endsWith('A') ? 'B' : 'A'
    for (const Cookie of ['', right.slice(0, -1) + last, `${right}; ${right}`]) {
      const begun = await begin(made, {}, { Cookie })
      assert.ok(!begun.cookie.includes(first.body.id.slice('sin_'.length)), Cookie)
      assert.equal((await comeBack(made, await atProvider(begun), begun)).status, 200)
      assert.ok((await openOnes(made)).includes(first.body.id), Cookie)
    }
  })

  test('stays where the flow comes to nothing', async (t) => {
    const made = await open(t)
    const first = await signInBy(made)
    const away = async (behaviour: object) => {
      const begun = await begin(made, {}, has(first))
      await knownBy(made, behaviour)
      const reply = await comeBack(made, await atProvider(begun), begun)
      await knownBy(made)
      return reply.body.code
    }
    assert.equal(await away({ subject: null }), 'provider_refused')
    assert.equal(await away({ tokens: '{}' }), 'provider_failed')
    const path = `/v1/identity-providers/${made.registered.id}`
    await made.locket.call('PATCH', path, { body: { createUsers: false } })
    assert.equal(await away({ subject: 'stranger' }), 'no_account')
    assert.deepEqual(await openOnes(made), [first.body.id])
  })

  test('was ended meanwhile, or lapsed: no second time, and no hindrance', async (t) => {
    const time = { now: Date.now() }
    const made = await open(t, {}, { clock: () => time.now })
    const policy = { idleTimeoutSeconds: 60 }
    const changed = await made.locket.call('PATCH', '/v1/sign-in-policy', { body: policy })
    assert.equal(changed.status, 200, JSON.stringify(changed.body))
    const gone = [
      () => made.locket.sql('delete from sign_ins'),
      () => {
        time.now += minute_ms
      },
    ]
    for (const go of gone) {
      const first = await signInBy(made)
      const begun = await begin(made, {}, has(first))
      assert.ok(begun.cookie.includes(first.body.id.slice('sin_'.length)))
      const back = await atProvider(begun)
      await go()
      const { status, body } = await comeBack(made, back, begun)
      assert.equal(status, 200, JSON.stringify(body))
      assert.deepEqual(await ended(made), [])
    }
  })
})
