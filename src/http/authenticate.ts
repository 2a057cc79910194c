/**
 * Where a credential may stand: `Authorization: Bearer lk_…` or `X-API-Key: lk_…`, and nowhere else.
 * Whether it is any good is the pipeline's to say, so that a malformed one is limited and audited
 * like a wrong one.
 */
import { LocketError } from '../core/errors.ts'

/** The scheme's name has no case (RFC 9110, section 11.1). */
const bearer = /^bearer +([^ ]+)$/i

/** What is sent as a credential but is none of ours: not the shape of any key. */
const unusable = ''

/**
 * The token as it was sent; null when none was. Throws `invalid_header` when it is not clear which
 * of two is meant: parts of a proxy chain that read different ones disagree on who is calling.
 */
export function credentialOf(headers: Headers): string | null {
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
