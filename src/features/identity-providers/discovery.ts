/** What a provider says of itself (OpenID Connect Discovery 1.0), and the keys that it publishes. */
import { LocketError } from '../../core/errors.ts'
import { parseJson } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { type ExternalKey, readKeySet } from '../../crypto/external-token.ts'
import type { Egress } from '../../egress/egress.ts'
import { ProviderError } from './problems.ts'

/** Where people are sent to sign in, and where what they come back with is redeemed. */
export interface Endpoints {
  readonly authorization: string
  readonly token: string
  /** It always says who it is when it sends somebody back (RFC 9207). */
  readonly namesItself: boolean
}

export interface Published {
  readonly keys: ReadonlyMap<string, ExternalKey>
  /** Null: it lets nobody sign in elsewhere, or says so in a way that cannot be used. */
  readonly endpoints: Endpoints | null
}

/**
 * What an issuer publishes, by two calls within one deadline. A document that names another issuer is
 * not believed (section 4.3), since who answers here could answer in any name. Throws
 * `ProviderError`, or what the call itself threw.
 */
export async function fetchPublished(issuer: string, send: Egress['fetch']): Promise<Published> {
  const signal = AbortSignal.timeout(limits.providerKeys_timeout_ms)
  const about = await readDocument(discoveryUrl(issuer), { send, signal })
  if (memberOf(about, 'issuer') !== issuer) throw new ProviderError('wrong_issuer')
  const place = memberOf(about, 'jwks_uri')
  if (typeof place !== 'string') throw new ProviderError('bad_document')
  const keys = readKeySet(await readDocument(place, { send, signal }))
  if (!keys) throw new ProviderError('bad_document')
  if (keys.size === 0) throw new ProviderError('no_keys')
  return { keys, endpoints: endpointsOf(about, issuer) }
}

function endpointsOf(about: unknown, issuer: string): Endpoints | null {
  const authorization = memberOf(about, 'authorization_endpoint')
  const token = memberOf(about, 'token_endpoint')
  if (!isEndpoint(authorization, issuer) || !isEndpoint(token, issuer)) return null
  const namesItself = memberOf(about, 'authorization_response_iss_parameter_supported') === true
  return { authorization, token, namesItself }
}

/** Browsers are sent there: as safe as the issuer itself, and with nothing that misleads who reads it. */
function isEndpoint(place: unknown, issuer: string): place is string {
  const url = typeof place === 'string' ? URL.parse(place) : null
  const isSafe = url?.protocol === 'https:' || url?.protocol === new URL(issuer).protocol
  return url !== null && isSafe && url.username === '' && url.password === '' && url.hash === ''
}

/** Section 4.1: a slash at the end of the issuer is left out before the path is added. */
function discoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}

interface Call {
  readonly send: Egress['fetch']
  readonly signal: AbortSignal
}

async function readDocument(url: string, { send, signal }: Call): Promise<unknown> {
  const response = await send(url, { headers: { accept: 'application/json' }, signal })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new ProviderError('bad_status')
  }
  const bytes = await wholeBody(response)
  try {
    return parseJson(bytes)
  } catch (thrown) {
    if (thrown instanceof LocketError) throw new ProviderError('bad_document')
    throw thrown
  }
}

/** The body of an answer of a provider. Throws `ProviderError` for one that is too large. */
export async function wholeBody({ body }: Response): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of body ?? []) {
    bytes += piece.length
    if (bytes > limits.providerDocument_bytes_max) throw new ProviderError('bad_document')
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function memberOf(document: unknown, name: string): unknown {
  const isObject = typeof document === 'object' && document !== null
  return isObject && Object.hasOwn(document, name) ? Reflect.get(document, name) : undefined
}
