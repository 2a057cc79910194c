/** For tests: a real OpenID provider in its own process (`test/programs/identity-provider.ts`). */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { constants, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { type Locket, type LocketOptions, openLocket } from './harness.ts'

const program = join(import.meta.dirname, 'programs/identity-provider.ts')

export interface Order {
  readonly subject?: string
  readonly audience?: string
  readonly algorithm?: string
  readonly claims?: object
  readonly life_s?: number
}

export interface IdentityProvider {
  readonly issuer: string
  /** How it behaves from now on; what is left out is as usual, but for its keys. */
  behave(behaviour: Readonly<Record<string, unknown>>): Promise<void>
  /** An access token of its own making. */
  issue(order: Required<Order>): Promise<string>
  /** How often its keys were asked for since `behave`. */
  asked(): Promise<number>
  /** How often tokens were asked for, for a code, since `behave`. */
  redeemed(): Promise<number>
  /** Ends the process: nobody listens any more. */
  down(): Promise<void>
  /** Starts a new one on the same port, with these keys. */
  up(keys: readonly JWK[]): Promise<void>
}

/** A private key, as a JWK with a name. */
export async function newJwk(kid: string, alg = 'RS256'): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(privateKey)), kid, use: 'sig', alg }
}

/** Starts one, for who starts it to end. */
export async function startIdentityProvider(
  keys: readonly JWK[],
  onPort = 0,
): Promise<IdentityProvider> {
  let child: ChildProcess | undefined
  let issuer = ''

  const up = async (list: readonly JWK[]): Promise<void> => {
    const port = issuer === '' ? String(onPort) : new URL(issuer).port
    const started = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', program, port, JSON.stringify(list)],
      // What it prints of its own defaults is for who runs one.
      { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, NODE_ENV: 'test' } },
    )
    child = started
    let text = ''
    for await (const piece of started.stdout) {
      text += piece
      const found = /^http:\S+$/m.exec(text)
      if (found && text.includes('\n')) {
        issuer = found[0]
        break
      }
    }
    assert.notEqual(issuer, '', 'the provider has started')
  }
  const down = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  await up(keys)

  const post = async (path: string, body: object) => {
    const reply = await fetch(issuer + path, { method: 'POST', body: JSON.stringify(body) })
    return reply.json() as Promise<{ token: string }>
  }
  const counts = async () =>
    (await (await fetch(`${issuer}/asked`)).json()) as { asked: number; redeemed: number }
  return {
    issuer,
    behave: async (behaviour) => void (await post('/control', behaviour)),
    issue: async (order) => (await post('/issue', order)).token,
    asked: async () => (await counts()).asked,
    redeemed: async () => (await counts()).redeemed,
    down,
    up,
  }
}

export interface Federation {
  readonly locket: Locket
  readonly provider: IdentityProvider
  /** The key that the provider signs with. */
  readonly jwk: JWK
  /** What is registered of it. */
  readonly registered: { readonly id: string; readonly audience: string }
  /** A token of the provider for this tenant, as it makes it; the subject is `alice` unless said. */
  token(order?: Order): Promise<string>
  /** A token that the test makes, with the provider's key unless said otherwise. */
  forge(made: Forged): string
  /** Who a token's bearer is: the status, and the answer of `whoami`. */
  who(token: string): ReturnType<Locket['call']>
}

export interface Forged {
  readonly header?: Readonly<Record<string, unknown>>
  /** Members that are undefined are left out. */
  readonly claims?: Readonly<Record<string, unknown>>
  readonly key?: JWK
}

export interface FederationOptions extends LocketOptions {
  /** A provider that is there already, and the key that it signs with. */
  readonly shared?: { readonly provider: IdentityProvider; readonly jwk: JWK }
}

/** A Locket whose first tenant has a provider, which makes users. */
export async function openFederation(
  t: TestContext,
  settings: Readonly<Record<string, unknown>> = {},
  { shared, ...options }: FederationOptions = {},
): Promise<Federation> {
  const jwk = shared?.jwk ?? (await newJwk('first'))
  const provider = shared?.provider ?? (await startIdentityProvider([jwk]))
  if (!shared) t.after(provider.down)
  const locket = await openLocket(t, { egressAllow: [provider.issuer], ...options })
  const made = await locket.call('POST', '/v1/identity-providers', {
    body: { name: 'corp', issuer: provider.issuer, createUsers: true, ...settings },
  })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const { audience } = made.body
  return {
    locket,
    provider,
    jwk,
    registered: made.body,
    token: (order = {}) =>
      provider.issue({
        subject: 'alice',
        audience,
        algorithm: 'RS256',
        claims: {},
        life_s: 600,
        ...order,
      }),
    forge: ({ header = {}, claims = {}, key = jwk }) =>
      forge({ header, key, claims: { ...usualClaims(provider.issuer, audience), ...claims } }),
    who: (token) => locket.call('GET', '/v1/whoami', { key: token }),
  }
}

function usualClaims(iss: string, aud: string): Readonly<Record<string, unknown>> {
  const now_s = Math.floor(Date.now() / 1000)
  return { iss, aud, sub: 'alice', iat: now_s, exp: now_s + 600, jti: 'j', client_id: 'app' }
}

const signers: Readonly<Record<string, (text: string, key: KeyObject) => Buffer>> = {
  RS256: (text, key) => sign('sha256', Buffer.from(text), key),
  RS384: (text, key) => sign('sha384', Buffer.from(text), key),
  PS256: (text, key) =>
    sign('sha256', Buffer.from(text), {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    }),
  ES256: (text, key) => sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }),
  EdDSA: (text, key) => sign(null, Buffer.from(text), key),
}

/** Any header and any text, signed: libraries refuse to make most of what must be refused. */
export function signed(header: object, payload: string, { key, alg }: { key: JWK; alg: string }) {
  const text = [JSON.stringify(header), payload].map(base64Url).join('.')
  const made = signers[alg]?.(text, createPrivateKey({ key: { ...key }, format: 'jwk' }))
  assert.ok(made, alg)
  return `${text}.${made.toString('base64url')}`
}

export function base64Url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

function forge({ header, claims, key }: Required<Forged>): string {
  const alg = key.alg ?? 'RS256'
  const told = { alg, typ: 'at+jwt', kid: key.kid, ...header }
  return signed(told, JSON.stringify(claims), { key, alg: signers[told.alg] ? told.alg : alg })
}
