/** For tests: a browser that signs in to Locket by a real OpenID provider, step by step. */
import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import type { Reply } from './harness.ts'
import {
  type Federation,
  type FederationOptions,
  newJwk,
  openFederation,
  signed,
  startIdentityProvider,
} from './identity-provider.ts'
import { unlimited } from './signed-in.ts'

export const publicUrl = 'https://locket.example'
export const clientSecret = 'a secret/of:the test+that % opens nothing'

export interface Settings {
  readonly signIn?: object
  readonly [name: string]: unknown
}

/** A federation by whose provider people sign in. */
export async function openSignIns(
  t: TestContext,
  settings: Settings = {},
  options: FederationOptions = {},
): Promise<Federation> {
  const { signIn, ...others } = settings
  const made = await openFederation(
    t,
    { ...others, signIn: { clientId: 'locket', clientSecret, ...signIn } },
    { publicUrl, rateBudgets: unlimited, ...options },
  )
  await knownBy(made)
  return made
}

/** One provider for all tests of a file, since its start takes a second; its federations are each test's own. */
export function signInsOfOneProvider(): typeof openSignIns {
  let shared: Required<FederationOptions>['shared']
  before(async () => {
    const jwk = await newJwk('first')
    shared = { jwk, provider: await startIdentityProvider([jwk]) }
  })
  after(() => shared.provider.down())
  return (t, settings, options) => openSignIns(t, settings, { shared, ...options })
}

/** Has the provider know Locket as a client, and behave so. */
export function knownBy({ provider, registered }: Federation, behaviour: object = {}) {
  const redirectUris = [`${publicUrl}/v1/oidc/${registered.id}/callback`]
  return provider.behave({ redirectUris, ...behaviour })
}

/** A browser on its way. */
export interface Begun {
  /** Where Locket has sent it. */
  readonly location: URL
  /** The cookie of the flow, as it sends it. */
  readonly cookie: string
}

/** What a browser sends that goes where another site has told it to. */
export const navigating = {
  'Sec-Fetch-Site': 'cross-site',
  'Sec-Fetch-Mode': 'navigate',
  'Sec-Fetch-Dest': 'document',
}

type Texts = Readonly<Record<string, string>>

/** A page of ours has a link to it, unless the headers say otherwise. */
export function start(made: Federation, asked: Texts = {}, headers: Texts = {}) {
  const query = new URLSearchParams({ tenant: 'default', ...asked })
  const path = `/v1/oidc/${made.registered.id}/start?${query}`
  const sent = { ...navigating, 'Sec-Fetch-Site': 'same-origin', ...headers }
  return made.locket.call('GET', path, { key: null, headers: sent })
}

export async function begin(made: Federation, asked: Texts = {}, sent: Texts = {}): Promise<Begun> {
  const { status, headers, body } = await start(made, asked, sent)
  assert.equal(status, 302, JSON.stringify(body))
  const location = headers.get('location') ?? ''
  assert.equal(location, body.location)
  return { location: new URL(location), cookie: cookieOf(headers) }
}

export function cookieOf(headers: Headers): string {
  return headers.getSetCookie()[0]?.split(';')[0] ?? ''
}

/** Signs in at the provider, and tells where it sends the browser back to. */
export async function atProvider({ location }: Begun): Promise<URL> {
  const jar = new Map<string, string>()
  let url = location
  for (let step = 0; step < 8; step++) {
    const cookies = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const reply = await fetch(url, { redirect: 'manual', headers: { Cookie: cookies } })
    await reply.body?.cancel()
    for (const line of reply.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=')
      jar.set(name, value)
    }
    const next = reply.headers.get('location')
    assert.ok(next, `the provider leads on: ${reply.status}`)
    url = new URL(next, url)
    if (url.pathname.startsWith('/v1/oidc/')) return url
  }
  throw new Error('the provider leads nowhere')
}

/** The browser comes back, with the cookie that it left with unless said otherwise. */
export function comeBack(
  made: Federation,
  back: URL,
  { cookie, ...headers }: { readonly cookie: string | null; readonly Accept?: string },
): Promise<Reply> {
  return made.locket.call('GET', back.pathname + back.search, {
    key: null,
    headers: { ...navigating, ...headers, ...(cookie !== null && { Cookie: cookie }) },
  })
}

/** All of it. */
export async function signInBy(
  made: Federation,
  asked: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const begun = await begin(made, asked)
  return comeBack(made, await atProvider(begun), begun)
}

/** An ID token as the provider would make it for this browser, but for what is said. */
export interface Forgery {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: object
  readonly make?: (header: object, payload: string) => string
}

function idToken(made: Federation, { location }: Begun, { claims, header, make }: Forgery): string {
  const now_s = Math.floor(Date.now() / 1000)
  const payload = JSON.stringify({
    iss: made.provider.issuer,
    sub: 'alice',
    aud: 'locket',
    iat: now_s,
    exp: now_s + 600,
    nonce: location.searchParams.get('nonce'),
    ...claims,
  })
  const head = { alg: 'RS256', kid: 'first', ...header }
  return make ? make(head, payload) : signed(head, payload, { key: made.jwk, alg: 'RS256' })
}

/** What comes of a sign-in in which the provider answers the code with this ID token. */
export async function answeredBy(
  made: Federation,
  forgery: Forgery | null,
  asked: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const begun = await begin(made, asked)
  const back = await atProvider(begun)
  const id_token = forgery ? idToken(made, begun, forgery) : undefined
  const tokens = JSON.stringify({ access_token: 'a', token_type: 'Bearer', id_token })
  await knownBy(made, { tokens })
  return comeBack(made, back, begun)
}
