/**
 * What a browser and an authenticator say of an answer, taken apart as Web Authentication Level 3 has it in
 * sections 5.8.1 (client data), 6.1 (authenticator data) and 6.5.1.1 (keys).
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { fromBase64Url, toBase64Url } from '../core/encoding.ts'
import { LocketError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { macsEqual } from './data-key.ts'
import { sha256 } from './digest.ts'
import type { RelyingParty } from './relying-party.ts'

/** Why an answer was refused. A word of this list, which may be told and goes to the audit. */
export type PasskeyFault =
  | 'unknown-passkey'
  | 'malformed'
  | 'other-ceremony'
  | 'other-challenge'
  | 'other-origin'
  | 'cross-origin'
  | 'other-relying-party'
  | 'user-not-verified'
  | 'attested'
  | 'weak-key'
  | 'other-backup'
  | 'wrong-signature'
  | 'counter-went-back'

/** What an answer must be an answer to. */
export interface Ceremony {
  readonly party: RelyingParty
  /** 256 bits each, base64url; one of them has to be answered. */
  readonly challenges: readonly string[]
}

/** The algorithms of COSE that we take, the one that we like best first: EdDSA, ES256, RS256. */
export const passkeyAlgorithms: readonly number[] = [-8, -7, -257]

const rpIdHash_bytes = 32
const flagsAt = 32
const counterAt = 33
const head_bytes = 37
const flags = { present: 0x01, verified: 0x04, backupEligible: 0x08, backedUp: 0x10 } as const

export interface AuthenticatorData {
  readonly rpIdHash: Uint8Array
  readonly present: boolean
  readonly verified: boolean
  readonly backupEligible: boolean
  readonly backedUp: boolean
  readonly counter: number
}

/** The beginning that all of it has; null for what is too short. */
export function readAuthenticatorData(bytes: Uint8Array): AuthenticatorData | null {
  if (bytes.length < head_bytes) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const set = view.getUint8(flagsAt)
  return {
    rpIdHash: bytes.subarray(0, rpIdHash_bytes),
    present: (set & flags.present) !== 0,
    verified: (set & flags.verified) !== 0,
    backupEligible: (set & flags.backupEligible) !== 0,
    backedUp: (set & flags.backedUp) !== 0,
    counter: view.getUint32(counterAt),
  }
}

/** A passkey stands for two factors only where its owner was verified: by a PIN, a finger, a face. */
export function faultOfAuthenticatorData(
  { party }: Ceremony,
  { rpIdHash, present, verified, backupEligible, backedUp }: AuthenticatorData,
): PasskeyFault | null {
  if (!macsEqual(rpIdHash, sha256(Buffer.from(party.id)))) return 'other-relying-party'
  if (!present || !verified) return 'user-not-verified'
  return backedUp && !backupEligible ? 'other-backup' : null
}

/**
 * The challenge that was answered, where it was asked by a page of ours that stood in no frame of
 * another's.
 */
export function readClientData(
  { party, challenges }: Ceremony,
  text: string,
  type: 'webauthn.create' | 'webauthn.get',
): { readonly challenge: string } | { readonly fault: PasskeyFault } {
  const data = objectOf(text)
  if (!data) return { fault: 'malformed' }
  if (data['type'] !== type) return { fault: 'other-ceremony' }
  const challenge = challenges.find((one) => one === data['challenge'])
  if (challenge === undefined) return { fault: 'other-challenge' }
  if (data['origin'] !== party.origin) return { fault: 'other-origin' }
  const isFramed = data['crossOrigin'] !== undefined && data['crossOrigin'] !== false
  return isFramed || data['topOrigin'] !== undefined ? { fault: 'cross-origin' } : { challenge }
}

function objectOf(text: string): { readonly [name: string]: unknown } | null {
  const bytes = fromBase64Url(text)
  if (!bytes) return null
  try {
    const value = parseJson(bytes)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch (thrown) {
    if (thrown instanceof LocketError) return null
    throw thrown
  }
}

/** Members of a COSE_Key (RFC 9052, 9053 and 8230), and what they are for each of the algorithms. */
const label = { kty: 1, alg: 3, curveOrModulus: -1, xOrExponent: -2, y: -3 } as const
const shapes: Readonly<Record<number, { readonly kty: number; readonly curve?: number }>> = {
  [-8]: { kty: 1, curve: 6 },
  [-7]: { kty: 2, curve: 1 },
  [-257]: { kty: 3 },
}
const coordinate_bytes = 32
const modulus_bits = { min: 2048, max: 4096 } as const
const exponent = 65_537n

/** Whether this is a key for one of our algorithms, on its own curve or of a length that will do. */
export function isStrongKey(key: unknown): boolean {
  if (!(key instanceof Map)) return false
  const members: ReadonlyMap<unknown, unknown> = key
  const alg = members.get(label.alg)
  const shape = typeof alg === 'number' ? shapes[alg] : undefined
  if (!shape || members.get(label.kty) !== shape.kty) return false
  if (shape.curve === undefined) return isStrongRsa(members)
  return members.get(label.curveOrModulus) === shape.curve && isOnCurve(members, shape.curve)
}

function isStrongRsa(members: ReadonlyMap<unknown, unknown>): boolean {
  const [n, e] = [members.get(label.curveOrModulus), members.get(label.xOrExponent)]
  if (!(n instanceof Uint8Array) || !(e instanceof Uint8Array)) return false
  if (n.length > modulus_bits.max / 8) return false
  const { modulusLength = 0, publicExponent } =
    keyOf({ kty: 'RSA', n: toBase64Url(n), e: toBase64Url(e) })?.asymmetricKeyDetails ?? {}
  return modulusLength >= modulus_bits.min && publicExponent === exponent
}

function isOnCurve(members: ReadonlyMap<unknown, unknown>, curve: number): boolean {
  const [x, y] = [coordinate(members.get(label.xOrExponent)), coordinate(members.get(label.y))]
  if (x === null) return false
  if (curve === 6) return keyOf({ kty: 'OKP', crv: 'Ed25519', x }) !== null
  return y !== null && keyOf({ kty: 'EC', crv: 'P-256', x, y }) !== null
}

function coordinate(value: unknown): string | null {
  const isWhole = value instanceof Uint8Array && value.length === coordinate_bytes
  return isWhole ? toBase64Url(value) : null
}

/** Null for what OpenSSL takes for no key: a point beside the curve. */
function keyOf(key: JsonWebKey): KeyObject | null {
  try {
    return createPublicKey({ key, format: 'jwk' })
  } catch {
    return null
  }
}
