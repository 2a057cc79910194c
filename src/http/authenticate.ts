/**
 * Where a credential may stand: `Authorization: Bearer` with a key (`lk_…`) or a token (a JWT), or
 * `X-API-Key: lk_…`, else in the cookie of a sign-in, else in the client certificate of the connection,
 * and nowhere else. Whether it is any good is the pipeline's to say,
 * so that a malformed one is limited and audited like a wrong one.
 */
import { LocketError } from '../core/errors.ts'
import { isOurJwt } from '../crypto/jwt.ts'
import type { Credential } from '../pipeline/request.ts'
import type { Client } from './reply.ts'
import { type Asked, isForScript, pageOf, tokenInCookie } from './sign-in-cookie.ts'

/** The scheme's name has no case (RFC 9110, section 11.1). */
const bearer = /^bearer +([^ ]+)$/i

/** What is sent as a credential but is none of ours: not the shape of any key. */
const unusable = ''

/**
 * What the request has to show; null when it has nothing. A token decides alone, whatever cookie or
 * certificate comes with it. Throws what `tokenOf` does.
 */
export function credentialOf(headers: Headers, client: Client, asked: Asked): Credential | null {
  const token = tokenOf(headers)
  if (token !== null) return { kind: kindOf(token, headers), token }
  const inCookie = tokenInCookie(headers)
  if (inCookie !== null) return signInOf(inCookie, headers, asked)
  const { certificate } = client
  if (!certificate || isFromBrowser(headers)) return null
  return { kind: 'certificate', certificate }
}

/** `X-API-Key` takes keys only, also when the other header says the same. */
function kindOf(token: string, headers: Headers): 'token' | 'access-token' | 'external-token' {
  if (!token.includes('.') || headers.has('x-api-key')) return 'token'
  return isOurJwt(token) ? 'access-token' : 'external-token'
}

/** A browser sends its cookie with whatever is asked for, so what else it says has to fit. */
function signInOf(token: string, headers: Headers, asked: Asked): Credential {
  const csrf = headers.get('x-csrf-token')
  const reads = asked.method === 'GET'
  const page = isForScript(headers) ? pageOf(headers, asked) : 'other'
  return { kind: 'sign-in', token, csrf, page, reads }
}

/**
 * A browser sends its certificate along with whatever any page makes it ask, like a cookie. So a
 * certificate counts only where no page can be behind the request.
 */
function isFromBrowser(headers: Headers): boolean {
  return headers.has('origin') || headers.has('sec-fetch-site') || headers.has('cookie')
}

/**
 * The token as it was sent; null when none was. Throws `invalid_header` when it is not clear which
 * of two is meant: parts of a proxy chain that read different ones disagree on who is calling.
 */
function tokenOf(headers: Headers): string | null {
  const authorization = headers.get('authorization')
  const apiKey = headers.get('x-api-key')
  // A header that was sent twice arrives as one value with a comma, which no credential has.
  if (authorization?.includes(',')) throw ambiguous('Authorization')
  if (apiKey?.includes(',')) throw ambiguous('X-API-Key')
  if (authorization === null) return apiKey
  const token = bearer.exec(authorization)?.[1] ?? unusable
  if (apiKey !== null && apiKey !== token) throw ambiguous('Authorization and X-API-Key')
  return token
}

function ambiguous(what: string): LocketError {
  return new LocketError('invalid_header', `${what}: more than one credential`)
}
