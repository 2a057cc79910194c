/**
 * Signed tokens (RFC 7519) of one kind: EdDSA over Ed25519, the key named by `kid`. There is nothing to
 * choose, so nothing is: what others read differently is refused before a key is looked at, blanks,
 * padding, a member twice, any header but the three that ours have, and so every header that names a key
 * or an algorithm of the sender's choice. The signature is checked at once, since going through the pool of
 * threads, as WebCrypto does, costs more than the check.
 */
import { fromBase64Url, toBase64Url, toUtf8 } from '../core/encoding.ts'
import { LocketError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { limits } from '../core/limits.ts'
import { zero } from './data-key.ts'
import { randomBytes } from './random.ts'
import { signingKey, verifyingKey } from './signing-key.ts'

/** RFC 9068; no token of another kind passes for one of these. */
const typ = 'at+jwt'
const alg = 'EdDSA'
const signature_bytes = 64
const seed_bytes = 32

export type Claims = Readonly<Record<string, unknown>>

export interface TokenSigner {
  readonly kid: string
  sign(claims: Claims): string
}

export interface TokenVerifier {
  /** Whether the key signed these very bytes. Says nothing of whether they are in force: `isInForce`. */
  hasSigned(token: ShapedToken): boolean
}

/** A text that is exactly in the shape of our tokens. Nothing of it is proven. */
export interface ShapedToken {
  readonly kid: string
  readonly text: string
  /** What it says. */
  readonly unproven: Claims
  readonly signature: Uint8Array
}

export interface Expected {
  readonly issuer: string
  readonly audience: string
  readonly now_ms: number
}

/** A public key as it is published (RFC 8037). */
export interface PublicJwk {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  readonly x: string
  readonly kid: string
  readonly alg: 'EdDSA'
  readonly use: 'sig'
}

export interface NewSigningSeed {
  /** For the caller to `zero` after use. */
  readonly seed: Buffer
  readonly publicKey: Buffer
}

export function newSigningSeed(): NewSigningSeed {
  const seed = randomBytes(seed_bytes)
  return { seed, publicKey: signingKey(seed).publicKey }
}

/** Wipes the seed. */
export function tokenSigner(kid: string, seed: Uint8Array): TokenSigner {
  const key = signingKey(seed)
  zero(seed)
  const head = toBase64Url(toUtf8(JSON.stringify({ alg, typ, kid })))
  return {
    kid,
    sign: (claims) => {
      const message = `${head}.${toBase64Url(toUtf8(JSON.stringify(claims)))}`
      return `${message}.${toBase64Url(key.sign(toUtf8(message)))}`
    },
  }
}

export function tokenVerifier(publicKey: Uint8Array): TokenVerifier {
  const key = verifyingKey(publicKey)
  return {
    hasSigned: ({ text, signature }) =>
      key.verifies(toUtf8(text.slice(0, text.lastIndexOf('.'))), signature),
  }
}

/**
 * Whether a token is in force by what it says of itself (RFC 7519, section 4.1). All that we sign has these
 * claims, and an audience that is one text.
 */
export function isInForce(
  { unproven }: ShapedToken,
  { issuer, audience, now_ms }: Expected,
): boolean {
  const { iss, aud, sub, jti, iat, exp, nbf } = unproven
  const now_s = now_ms / 1000
  const isForUs = iss === issuer && aud === audience
  const isWhole = typeof sub === 'string' && typeof jti === 'string' && isSecond(iat)
  const hasBegun = nbf === undefined || (isSecond(nbf) && nbf <= now_s)
  return isForUs && isWhole && hasBegun && isSecond(exp) && exp > now_s
}

function isSecond(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

export function publicJwk(kid: string, publicKey: Uint8Array): PublicJwk {
  return { kty: 'OKP', crv: 'Ed25519', x: toBase64Url(publicKey), kid, alg, use: 'sig' }
}

/** The beginning of the header of every token that we sign, up to the first letters of the key's id. */
const beginning = toBase64Url(toUtf8(`{"alg":"${alg}","typ":"${typ}","kid":"sg`))

/** Whether a JWT is meant to be one of ours: others have their keys elsewhere. */
export function isOurJwt(text: string): boolean {
  return text.startsWith(beginning)
}

/** Null for what is not exactly as our tokens are. */
export function shapedToken(text: string): ShapedToken | null {
  if (text.length > limits.accessToken_characters_max) return null
  const parts = text.split('.').map(fromBase64Url)
  const [head, body, signature] = parts
  if (!head || !body || parts.length !== 3 || signature?.length !== signature_bytes) return null
  const header = objectOf(head)
  const unproven = objectOf(body)
  // Counted, too: a member that is there twice is refused by the parser, one more is refused here.
  if (!header || !unproven || Object.keys(header).length !== 3) return null
  const { kid } = header
  return header['alg'] === alg && header['typ'] === typ && typeof kid === 'string'
    ? { kid, text, unproven, signature }
    : null
}

function objectOf(bytes: Uint8Array): { readonly [name: string]: unknown } | null {
  try {
    const value = parseJson(bytes)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch (thrown) {
    if (thrown instanceof LocketError) return null
    throw thrown
  }
}
