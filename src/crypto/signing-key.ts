/** Ed25519 (RFC 8032), for what must be checkable by whoever has the public key alone. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { assert } from '../core/assert.ts'
import { type DataKey, zero } from './data-key.ts'

export interface SigningKey {
  /** The 32 bytes that may be given to anyone. */
  readonly publicKey: Buffer
  sign(message: Uint8Array): Buffer
}

export interface VerifyingKey {
  /** Whether the signature is this key's; a malformed one is simply not. */
  verifies(message: Uint8Array, signature: Uint8Array): boolean
}

const key_bytes = 32
/** What stands before the 32 bytes of a key in PKCS #8 and SPKI (RFC 8410). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** The signing key for one purpose under a data key. The HMAC's output is the seed. */
export function signingKeyOf(key: DataKey, purpose: string): SigningKey & VerifyingKey {
  const seed = key.mac('signing-seed', [purpose])
  const made = signingKey(seed)
  zero(seed)
  return made
}

/** The signing key that RFC 8032 makes from a seed of 32 bytes. */
export function signingKey(seed: Uint8Array): SigningKey & VerifyingKey {
  const encoded = encode(pkcs8Prefix, seed)
  const secret = createPrivateKey({ key: encoded, format: 'der', type: 'pkcs8' })
  zero(encoded)
  const open = createPublicKey(secret)
  return {
    publicKey: open.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length),
    sign: (message) => sign(null, message, secret),
    verifies: verifierOf(open),
  }
}

/** A key that only checks, from its 32 public bytes. */
export function verifyingKey(publicKey: Uint8Array): VerifyingKey {
  const encoded = encode(spkiPrefix, publicKey)
  return { verifies: verifierOf(createPublicKey({ key: encoded, format: 'der', type: 'spki' })) }
}

/** OpenSSL ignores what stands after the key, so a longer one would silently be cut. */
function encode(prefix: Buffer, key: Uint8Array): Buffer {
  assert(key.length === key_bytes, 'a key of Ed25519 has 32 bytes')
  return Buffer.concat([prefix, key])
}

function verifierOf(key: KeyObject): VerifyingKey['verifies'] {
  return (message, signature) => verify(null, message, key, signature)
}
