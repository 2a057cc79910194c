/** Credentials of all kinds, each for a principal that was made for it and may do all that one can. */
import assert from 'node:assert/strict'
import { newId } from '../../src/core/ids.ts'
import { limits } from '../../src/core/limits.ts'
import type { ClientCertificate } from '../../src/crypto/certificate.ts'
import type { Reply } from '../harness.ts'
import { device, passkeyProof } from '../passkeys.ts'
import { totpProof } from '../signed-in.ts'
import type { Home, Made, MadeEntry, Shown, Stage } from './path.ts'

/** Long enough for an administrator. */
export const password = 'the owl and the mice'

export const bearer = (text: string): Shown => ({ headers: { Authorization: `Bearer ${text}` } })

async function granted(home: Home, principalId: string): Promise<string> {
  for (const role of home.roles) await home.admin('POST', '/v1/grants', { principalId, role })
  return principalId
}

export async function principal(home: Home, kind = 'user'): Promise<string> {
  const body = { handle: `${kind}:${home.word()}` }
  return granted(home, (await home.admin('POST', '/v1/principals', body)).body.id)
}

/** A key that ends after an hour, so that it can be seen to. */
export async function key(home: Home, stage: Stage, { kind = 'user', ...more }: KeyOrder = {}) {
  const principalId = await principal(home, kind)
  const expiresAt = new Date(stage.now() + key_life_ms).toISOString()
  const made = await home.admin('POST', '/v1/api-keys', { principalId, expiresAt, ...more })
  const { id, key: text } = made.body
  const end = () => home.admin('DELETE', `/v1/api-keys/${id}`)
  return { principalId, text, show: bearer, lasts_ms: key_life_ms, end } satisfies Made
}

interface KeyOrder {
  readonly kind?: 'user' | 'agent'
  readonly scopes?: readonly string[]
  readonly addresses?: readonly string[]
  readonly expiresAt?: string
}

const key_life_ms = 3_600_000

export async function accessToken(home: Home, stage: Stage, more: KeyOrder = {}): Promise<Made> {
  const { principalId, text } = await key(home, stage, more)
  const { accessToken: token, familyId } = await tokens(stage, text)
  return tokenOf(home, { principalId, token, familyId })
}

interface NewToken {
  readonly principalId: string
  readonly token: string
  readonly familyId: string
}

function tokenOf(home: Home, { principalId, token, familyId }: NewToken): Made {
  const end = () => home.admin('POST', '/v1/tokens/revoke', { familyId })
  return { principalId, text: token, show: bearer, lasts_ms: limits.accessToken_life_ms, end }
}

/** For a key: its own tokens, or one for somebody else. */
async function tokens(stage: Stage, shown: string, exchange?: object) {
  const path = exchange ? '/v1/tokens/exchange' : '/v1/tokens'
  const [address, body] = ['127.0.0.1', exchange ?? {}]
  const reply = await stage.send({ method: 'POST', path, ...bearer(shown), address, body })
  assert.equal(reply.status, 201, JSON.stringify(reply.body))
  return reply.body
}

/** Of somebody who is signed in, with the page that he has open. */
export async function signInsToken(home: Home, stage: Stage): Promise<Made> {
  const { principalId, text, csrf } = await signedIn(home, stage)
  const headers = browser(text, csrf)
  const asked = { method: 'POST', path: '/v1/tokens', body: {}, headers }
  const { status, body } = await stage.send(asked)
  assert.equal(status, 201, JSON.stringify(body))
  return tokenOf(home, { principalId, token: body.accessToken, familyId: body.familyId })
}

/** Of an agent that acts for a user, who has shown a token of his own or lets it without. */
export async function exchanged(home: Home, stage: Stage, isPresent: boolean): Promise<Made> {
  const user = await key(home, stage)
  const agent = await key(home, stage, { kind: 'agent' })
  const allowedUsers = [user.principalId]
  await home.admin('PATCH', `/v1/principals/${agent.principalId}`, { allowedUsers })
  const subject = isPresent && {
    subjectToken: (await tokens(stage, user.text)).accessToken,
  }
  const body = { user: user.principalId, ...subject }
  const made = await tokens(stage, agent.text, body)
  const { accessToken: token, familyId } = made
  return tokenOf(home, { principalId: agent.principalId, token, familyId })
}

/** Of the real provider; somebody has said whom it means here. */
export async function providersToken(home: Home, stage: Stage): Promise<Made> {
  const { provider } = stage
  const [name, subject] = [`p${home.word()}`, home.word()]
  const registered = { name, issuer: provider.issuer }
  const { id: providerId, audience } = (await registeredOnce(home, registered)).body
  const principalId = await principal(home)
  const identity = { providerId, subject, principalId }
  const { id } = (await home.admin('POST', '/v1/external-identities', identity)).body
  const life_ms = 600_000
  // Its clock is not the test's, which may be ahead.
  const life_s = Math.ceil((life_ms + stage.now() - Date.now()) / 1000)
  const order = { subject, audience, algorithm: 'RS256', claims: {}, life_s }
  const text = await provider.issue(order)
  return {
    principalId,
    text,
    show: bearer,
    lasts_ms: life_ms + limits.externalToken_skew_ms_max,
    end: () => home.admin('DELETE', `/v1/external-identities/${id}`),
  }
}

const registrations = new WeakMap<Home, ReturnType<Home['admin']>>()

/** A tenant has each issuer once. */
function registeredOnce(home: Home, body: object): ReturnType<Home['admin']> {
  const known = registrations.get(home) ?? home.admin('POST', '/v1/identity-providers', body)
  registrations.set(home, known)
  return known
}

interface Person {
  readonly principalId: string
  readonly login: string
}

export async function invited(home: Home): Promise<Person & { readonly token: string }> {
  const login = home.word()
  const { token, principalId } = (
    await home.admin('POST', '/v1/invitations', { handle: `user:${login}` })
  ).body
  return { principalId, login, token }
}

export async function person(home: Home): Promise<Person> {
  const { principalId, login, token } = await invited(home)
  await home.admin('POST', '/v1/invitations/accept', { token, password })
  await granted(home, principalId)
  return { principalId, login }
}

export interface SignedIn extends Made {
  readonly csrf: string
}

/** Signed in just now, with a factor: who may do all that one can must have one. */
export async function signedIn(home: Home, _stage: Stage): Promise<SignedIn> {
  const { principalId, login } = await person(home)
  const asked = { tenant: home.slug, login, password }
  const reply = await home.admin('POST', '/v1/sign-ins', asked)
  const { last } = await enrolled(home, reply)
  const csrf = last.body.csrfToken
  return {
    principalId,
    text: tokenIn(last),
    csrf,
    show: (token) => ({ headers: browser(token, csrf) }),
    lasts_ms: limits.signIn_idle_ms,
    end: () => home.admin('DELETE', `/v1/sign-ins/${reply.body.id}`),
  }
}

/** Somebody's app and recovery codes, from the page where he is signed in; what that has from then on. */
async function enrolled(home: Home, signIn: Reply): Promise<{ codes: string[]; last: Reply }> {
  let last = signIn
  const send = async (path: string, body: object): Promise<Reply> => {
    const reply = await home.signedIn(browser(tokenIn(last), last.body.csrfToken), path, body)
    if (reply.headers.has('set-cookie')) last = reply
    return reply
  }
  const { id, seed, createdAt } = (await send('/v1/factors', { kind: 'totp', name: 'phone' })).body
  const factor = totpProof(seed, Date.parse(createdAt))
  await send(`/v1/factors/${id}/confirm`, { factor })
  const { codes } = (await send('/v1/factors/recovery-codes', {})).body
  return { codes, last }
}

function tokenIn({ headers }: Reply): string {
  return /^__Host-locket=([^;]+)/.exec(headers.get('set-cookie') ?? '')?.[1] ?? ''
}

/** The right password of who has a factor. */
export async function challenge(home: Home, _stage: Stage): Promise<MadeEntry> {
  const { principalId, login } = await person(home)
  const asked = { tenant: home.slug, login, password }
  const { codes } = await enrolled(home, await home.admin('POST', '/v1/sign-ins', asked))
  const { id, challenge: text } = (await home.admin('POST', '/v1/sign-ins', asked)).body
  const factor = { kind: 'recovery-code', code: codes[0] }
  return {
    principalId,
    text,
    input: (shown) => ({ challenge: shown, factor }),
    lasts_ms: limits.challenge_life_ms,
    end: () => home.admin('DELETE', `/v1/sign-ins/${id}`),
  }
}

/** Signed in with a password alone, where more is asked of administrators. */
export async function halfSignedIn(home: Home, _stage: Stage): Promise<Made> {
  const { principalId, login } = await person(home)
  const asked = { tenant: home.slug, login, password }
  const reply = await home.admin('POST', '/v1/sign-ins', asked)
  const { id, csrfToken } = reply.body
  return {
    principalId,
    text: tokenIn(reply),
    show: (token) => ({ headers: browser(token, csrfToken) }),
    lasts_ms: limits.signIn_idle_ms,
    end: () => home.admin('DELETE', `/v1/sign-ins/${id}`),
  }
}

/** Somebody who signs in with his password, and has a passkey. */
async function withPasskey(home: Home) {
  const { principalId, login } = await person(home)
  const asked = { tenant: home.slug, login, password }
  const signIn = await home.admin('POST', '/v1/sign-ins', asked)
  const headers = browser(tokenIn(signIn), signIn.body.csrfToken)
  const laptop = device()
  const kind = 'passkey'
  const order = { kind, name: 'laptop' }
  const { id, passkey } = (await home.signedIn(headers, '/v1/factors', order)).body
  const made = { factor: { kind, credential: laptop.create(passkey) } }
  await home.signedIn(headers, `/v1/factors/${id}/confirm`, made)
  return { principalId, asked, factorId: id, laptop }
}

/** A passkey that has answered, of who is asked for nothing else. */
export async function passkeyAlone(home: Home, _stage: Stage): Promise<MadeEntry> {
  const { principalId, factorId, laptop } = await withPasskey(home)
  const begun = await home.admin('POST', '/v1/sign-ins/passkeys', { tenant: home.slug })
  const factor = passkeyProof(laptop, begun.body.passkey)
  return {
    principalId,
    text: begun.body.challenge,
    input: (shown) => ({ challenge: shown, factor }),
    lasts_ms: limits.passkeyChallenge_life_ms,
    end: () => home.admin('DELETE', `/v1/factors/${factorId}`),
  }
}

/** The right password, and the passkey's answer to what came back. */
export async function passkeyAfterPassword(home: Home, _stage: Stage): Promise<MadeEntry> {
  const { principalId, asked, factorId, laptop } = await withPasskey(home)
  const { challenge: text, passkey } = (await home.admin('POST', '/v1/sign-ins', asked)).body
  const factor = passkeyProof(laptop, passkey)
  return {
    principalId,
    text,
    input: (shown) => ({ challenge: shown, factor }),
    lasts_ms: limits.challenge_life_ms,
    end: () => home.admin('DELETE', `/v1/factors/${factorId}`),
  }
}

/** What a browser sends from a page of ours. */
export function browser(token: string, csrf: string): Readonly<Record<string, string>> {
  return {
    Cookie: `__Host-locket=${token}`,
    Origin: 'http://127.0.0.1',
    'Sec-Fetch-Site': 'same-origin',
    'X-CSRF-Token': csrf,
  }
}

/** As the listener hands it over, once TLS has proven it; its text is the name in it. */
export async function certificate(home: Home, stage: Stage): Promise<Made> {
  const principalId = await principal(home, 'service')
  const life_ms = 3_600_000
  const now = stage.now()
  let isTrusted = true
  const whole: Omit<ClientCertificate, 'id' | 'isTrusted' | 'uris'> = {
    isForClients: true,
    notBefore_ms: now - 1,
    notAfter_ms: now + life_ms,
  }
  const id = newId('crt', stage.now)
  const text = `locket://${home.id}/${principalId}`
  return {
    principalId,
    text,
    // Another text is another certificate.
    show: (uri) => ({
      certificate: {
        ...whole,
        id: uri === text ? id : newId('crt', stage.now),
        isTrusted,
        uris: [uri],
      },
    }),
    lasts_ms: life_ms,
    end: async () => {
      isTrusted = false
    },
  }
}

export async function invitation(home: Home, _stage: Stage): Promise<MadeEntry> {
  const { principalId, token } = await invited(home)
  const input = (text: string) => ({ token: text, password })
  return { principalId, text: token, input, lasts_ms: limits.invitation_life_ms, end: null }
}

export async function reset(home: Home, _stage: Stage): Promise<MadeEntry> {
  const { principalId } = await person(home)
  const { token } = (await home.admin('POST', '/v1/password-resets', { principalId })).body
  const input = (text: string) => ({ token: text, password: `${password} again` })
  return { principalId, text: token, input, lasts_ms: limits.passwordReset_life_ms, end: null }
}

export async function refreshToken(home: Home, stage: Stage): Promise<MadeEntry> {
  // A key that does not end first.
  const { principalId, text: shown } = await key(home, stage, {
    expiresAt: new Date(stage.now() + 2 * limits.refreshToken_life_ms).toISOString(),
  })
  const made = await tokens(stage, shown)
  return {
    principalId,
    text: made.refreshToken,
    input: (refreshToken) => ({ refreshToken }),
    lasts_ms: limits.refreshToken_idle_ms,
    end: () => home.admin('POST', '/v1/tokens/revoke', { familyId: made.familyId }),
  }
}

export async function passwordOf(home: Home, _stage: Stage): Promise<MadeEntry> {
  const { principalId, login } = await person(home)
  const input = (text: string) => ({ tenant: home.slug, login, password: text })
  return { principalId, text: password, input, lasts_ms: null, end: null }
}
