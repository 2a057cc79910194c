/** Passkeys of people, as a page of ours has them made and asks for them. */
import assert from 'node:assert/strict'
import {
  type Authenticator,
  type AuthenticatorKind,
  type Forgery,
  newAuthenticator,
} from './authenticator.ts'
import type { Call, Locket, Reply } from './harness.ts'
import { type Browser, browserOf, prove } from './signed-in.ts'

/** Of the pages of a Locket without a public URL. */
export const pageOrigin = 'http://localhost'

export const device = (kind: Partial<AuthenticatorKind> = {}): Authenticator =>
  newAuthenticator({ origin: pageOrigin, ...kind })

export interface EnrolledPasskey {
  readonly id: string
  /** The same sign-in, with its new token. */
  readonly browser: Browser
}

export const beginPasskey = (browser: Browser, name = 'laptop'): Promise<Reply> =>
  browser.send('POST', '/v1/factors', { kind: 'passkey', name })

export const confirmPasskey = (browser: Browser, id: string, credential: object): Promise<Reply> =>
  browser.send('POST', `/v1/factors/${id}/confirm`, { factor: { kind: 'passkey', credential } })

/** Has a passkey of whoever is signed in. */
export async function enrolPasskey(
  locket: Locket,
  browser: Browser,
  authenticator: Authenticator,
): Promise<EnrolledPasskey> {
  const begun = await beginPasskey(browser)
  assert.equal(begun.status, 201, JSON.stringify(begun.body))
  const { id, passkey } = begun.body
  const confirmed = await confirmPasskey(browser, id, authenticator.create(passkey))
  assert.equal(confirmed.status, 200, JSON.stringify(confirmed.body))
  return { id, browser: renewed(locket, browser, confirmed) }
}

/** The same sign-in with the token of an answer that has renewed it. */
export function renewed(locket: Locket, browser: Browser, reply: Reply): Browser {
  return browserOf(locket, { ...reply, body: { ...reply.body, id: browser.id } })
}

export const passkeyProof = (
  authenticator: Authenticator,
  options: Parameters<Authenticator['get']>[0],
  forgery?: Forgery,
) => ({ kind: 'passkey' as const, credential: authenticator.get(options, forgery) })

export const beginAlone = (locket: Locket, tenant = 'default'): Promise<Reply> =>
  locket.call('POST', '/v1/sign-ins/passkeys', { key: null, body: { tenant } })

/** Signs in by a passkey alone. */
export async function alone(
  locket: Locket,
  authenticator: Authenticator,
  { forgery, call }: { forgery?: Forgery; call?: Call } = {},
): Promise<Reply> {
  const begun = await beginAlone(locket)
  assert.equal(begun.status, 201, JSON.stringify(begun.body))
  const { challenge, passkey } = begun.body
  return prove(locket, { challenge, factor: passkeyProof(authenticator, passkey, forgery) }, call)
}
