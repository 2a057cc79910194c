/**
 * Signed tokens (RFC 7519) of other issuers, and the keys that they publish (RFC 7517). `jose` does
 * what is cryptography. What it lets pass and others read differently is refused before it is asked:
 * blanks and padding, a member twice, headers that name a key or switch on what we do not do. A
 * key is only ever looked up among those that the issuer has published, by `kid` as it stands. `jose` is
 * loaded with the first key: most servers have no other issuer.
 */
import type { CryptoKey } from 'jose'
import { fromBase64Url } from '../core/encoding.ts'
import { LocketError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { limits } from '../core/limits.ts'

interface AlgorithmKey {
  readonly kty: 'RSA' | 'EC' | 'OKP'
  readonly crv: string | null
}

const rsa: AlgorithmKey = { kty: 'RSA', crv: null }
const ed25519: AlgorithmKey = { kty: 'OKP', crv: 'Ed25519' }

/** Every algorithm that can be allowed, with the keys that it goes with. None of them is symmetric. */
const algorithmKeys = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  ES512: { kty: 'EC', crv: 'P-521' },
  EdDSA: ed25519,
  Ed25519: ed25519,
} as const satisfies Record<string, AlgorithmKey>

export type Algorithm = keyof typeof algorithmKeys
export const algorithms = Object.keys(algorithmKeys) as [Algorithm, ...Algorithm[]]

/** Which kind of key an algorithm goes with: those of one issuer are all of one kind. */
export function keyTypeOf(algorithm: Algorithm): AlgorithmKey['kty'] {
  return algorithmKeys[algorithm].kty
}

type Members = Readonly<Record<string, unknown>>

/** What a token says before anything of it is proven. */
export interface UnprovenToken {
  readonly text: string
  readonly algorithm: string
  readonly kid: string
  /** Null: it has none. */
  readonly type: string | null
  readonly claims: Members
}

/** Thumbprints are let pass, and not looked at: they point at nothing by themselves. */
const knownHeaders = new Set(['alg', 'kid', 'typ', 'x5t', 'x5t#S256'])

/** Null for what is not, to the last character, a signed token in compact form. */
export function readToken(text: string): UnprovenToken | null {
  if (text.length > limits.externalToken_characters_max) return null
  const parts = text.split('.').map(fromBase64Url)
  const [head, body, signature] = parts
  if (parts.length !== 3 || !head || !body || !signature || signature.length === 0) return null
  const header = objectOf(head)
  const claims = objectOf(body)
  if (!header || !claims || !Object.keys(header).every((name) => knownHeaders.has(name)))
    return null
  const { alg, kid, typ = null } = header
  if (typeof alg !== 'string' || typeof kid !== 'string' || kid === '') return null
  if (typ !== null && typeof typ !== 'string') return null
  return { text, algorithm: alg, kid, type: typ, claims }
}

/** A public key of an issuer. */
export interface ExternalKey {
  readonly kid: string
  /** The key itself, in one spelling: equal for equal keys. */
  readonly material: string
  /** The key for one algorithm; null when it is none for that. */
  as(algorithm: string): Promise<CryptoKey | null>
}

/**
 * The keys of a published set that can verify, by `kid`. Others in it are not ours to judge and left
 * out: symmetric ones, those for encryption, weak ones, those that show their private half, and those
 * whose `kid` another one has too. Null for what is no set of keys, or one that is too long.
 */
export function readKeySet(document: unknown): ReadonlyMap<string, ExternalKey> | null {
  const list = isObject(document) ? document['keys'] : null
  if (!Array.isArray(list) || list.length > limits.providerKeys_max) return null
  const kids = list.map((one: unknown) => (isObject(one) ? one['kid'] : null))
  const found = new Map<string, ExternalKey>()
  for (const jwk of list) {
    const key = isObject(jwk) ? readKey(jwk) : null
    if (key && kids.indexOf(key.kid) === kids.lastIndexOf(key.kid)) found.set(key.kid, key)
  }
  return found
}

export interface ExpectedToken {
  readonly issuer: string
  readonly audience: string
  readonly algorithms: readonly Algorithm[]
  readonly now_ms: number
}

/** Whether the key signed these very bytes, for us, and the token is in force. */
export async function isProven(
  token: UnprovenToken,
  key: ExternalKey,
  expected: ExpectedToken,
): Promise<boolean> {
  const { issuer, audience, algorithms: allowed, now_ms } = expected
  const isAllowed = allowed.some((one) => one === token.algorithm)
  const imported = isAllowed ? await key.as(token.algorithm) : null
  if (!imported) return false
  const { jwtVerify, errors } = await import('jose')
  try {
    await jwtVerify(token.text, imported, {
      algorithms: [token.algorithm],
      issuer,
      audience,
      currentDate: new Date(now_ms),
      clockTolerance: limits.externalToken_skew_ms_max / 1000,
      requiredClaims: ['iss', 'aud', 'sub', 'iat', 'exp'],
    })
    return true
  } catch (thrown) {
    if (thrown instanceof errors.JOSEError) return false
    throw thrown
  }
}

function readKey(jwk: Members): ExternalKey | null {
  const { kid, use = 'sig', key_ops = ['verify'], alg = null, d } = jwk
  if (typeof kid !== 'string' || kid === '' || d !== undefined) return null
  if (use !== 'sig' || !Array.isArray(key_ops) || !key_ops.includes('verify')) return null
  const publicKey = publicHalf(jwk)
  if (!publicKey) return null
  const imports = new Map<string, Promise<CryptoKey | null>>()
  return {
    kid,
    material: JSON.stringify([publicKey, alg]),
    as: (algorithm) => {
      const wanted = wantedBy(algorithm)
      const fits = wanted?.kty === publicKey.kty && (wanted.crv ?? undefined) === publicKey.crv
      if (!fits || (alg !== null && alg !== algorithm)) return Promise.resolve(null)
      const key = imports.get(algorithm) ?? importKey(publicKey, algorithm)
      imports.set(algorithm, key)
      return key
    },
  }
}

/** Null for numbers that have the size of a key and are none: a point that is not on its curve. */
async function importKey(publicKey: PublicHalf, algorithm: string): Promise<CryptoKey | null> {
  const { importJWK } = await import('jose')
  try {
    return (await importJWK(publicKey, algorithm)) as CryptoKey
  } catch {
    return null
  }
}

function wantedBy(algorithm: string): AlgorithmKey | null {
  return Object.hasOwn(algorithmKeys, algorithm) ? algorithmKeys[algorithm as Algorithm] : null
}

interface PublicHalf {
  readonly kty: string
  readonly crv?: string
  readonly [member: string]: string | undefined
}

const coordinate_bytes: Readonly<Record<string, number>> = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }
const modulus_bytes = { min: 2048 / 8, max: 8192 / 8 }

/** Those members that make up the key, and no other; null where they do not. */
function publicHalf({ kty, crv, n, e, x, y }: Members): PublicHalf | null {
  if (kty === 'RSA' && typeof n === 'string' && typeof e === 'string') {
    const isSound = within(lengthOf(n), modulus_bytes) && within(lengthOf(e), { min: 1, max: 4 })
    return isSound ? { kty, n, e } : null
  }
  if (typeof crv !== 'string' || typeof x !== 'string') return null
  if (kty === 'OKP') return crv === 'Ed25519' && lengthOf(x) === 32 ? { kty, crv, x } : null
  if (kty !== 'EC' || typeof y !== 'string') return null
  const bytes = coordinate_bytes[crv]
  return bytes === lengthOf(x) && bytes === lengthOf(y) ? { kty, crv, x, y } : null
}

function lengthOf(text: string): number {
  return fromBase64Url(text)?.length ?? 0
}

function within(value: number, { min, max }: { min: number; max: number }): boolean {
  return value >= min && value <= max
}

function objectOf(bytes: Uint8Array): Members | null {
  try {
    const value = parseJson(bytes)
    return isObject(value) ? value : null
  } catch (thrown) {
    if (thrown instanceof LocketError) return null
    throw thrown
  }
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
