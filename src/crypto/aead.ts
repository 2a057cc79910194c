/**
 * Sealed values: AES-256-GCM (NIST SP 800-38D) with a commitment to the key.
 *
 *   0x01 | key version (4, big-endian) | commitment (16) | nonce (12) | ciphertext | tag (16)
 *
 * The associated data says where the value stands (tenant, space, table, row, column, version), so
 * a value moved anywhere else does not open. GCM does not commit to its key; the commitment, an
 * HKDF output of it, is compared first. Nonces are random, so a key may seal 2^32 values and no
 * more: seals are counted, rotation comes long before, and at the bound sealing stops. Whatever does not open is `integrity_failed`, one error for every reason.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import { lengthPrefixed } from '../core/encoding.ts'
import { LocketError } from '../core/errors.ts'
import { Fault } from '../core/fault.ts'
import { fillRandom } from './random.ts'

declare const sealedBrand: unique symbol

/** Bytes that only `seal` makes: a column of this type cannot be given anything in clear. */
export type Sealed = Uint8Array & { readonly [sealedBrand]: true }

/** Where a sealed value stands. Every part is bound to it; none of them can be changed later. */
export interface Place {
  readonly tenant: string
  readonly space: string
  readonly table: string
  readonly row: string
  readonly column: string
  readonly version: number
}

export interface SealingKey {
  readonly version: number
  readonly key: KeyObject
  readonly commitment: Buffer
  /** How often this process sealed with the key; who keeps count over restarts starts it higher. */
  seals: number
}

const format = 0x01
const domain = 'locket/sealed/v1'
const commitmentAt = 5
const nonceAt = 21
const bodyAt = 33
const tag_bytes = 16
const gcm = { authTagLength: tag_bytes }
const seals_max = 2 ** 32

/** How many bytes sealing adds to a value. */
export const overhead_bytes = bodyAt + tag_bytes

/** Derives from 32 bytes of key material the key that seals and its commitment (HKDF, RFC 5869). */
export function sealingKey(material: Uint8Array, version: number): SealingKey {
  return {
    version,
    key: createSecretKey(derive(material, 'locket/seal/v1', 32)),
    commitment: derive(material, 'locket/commitment/v1', 16),
    seals: 0,
  }
}

/** HKDF-SHA-256 without salt: the material is uniformly random, the label keeps purposes apart. */
export function derive(material: Uint8Array, label: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', material, new Uint8Array(0), label, length))
}

/** What is sealed: bytes, or a text as its UTF-8. A text is not copied into bytes of its own first. */
export type Plaintext = Uint8Array | string

/** Seals `plaintext` for one place. Fails as `internal` when the key has sealed all it may. */
export function seal(key: SealingKey, place: Place, plaintext: Plaintext): Sealed {
  if (key.seals >= seals_max) {
    throw new LocketError('internal', undefined, { cause: new Fault('a key is worn out') })
  }
  key.seals++
  const nonce = fillRandom(Buffer.allocUnsafe(bodyAt - nonceAt))
  return sealWithNonce(key, place, { plaintext, nonce })
}

/** `seal` with a nonce of the caller's: for known-answer tests only; a nonce used twice is fatal. */
export function sealWithNonce(
  key: SealingKey,
  place: Place,
  input: { plaintext: Plaintext; nonce: Uint8Array },
): Sealed {
  const { plaintext, nonce } = input
  const { ciphertext, tag } = encrypt(key.key, nonce, { plaintext, aad: associatedData(place) })
  // Not from the pool: what is sealed leaves this process, and must not drag others' bytes along.
  const sealed = Buffer.allocUnsafeSlow(overhead_bytes + ciphertext.length)
  sealed[0] = format
  sealed.writeUInt32BE(key.version, 1)
  sealed.set(key.commitment, commitmentAt)
  sealed.set(nonce, nonceAt)
  sealed.set(ciphertext, bodyAt)
  sealed.set(tag, sealed.length - tag_bytes)
  return sealed as Uint8Array as Sealed
}

/** Opens what was sealed for this very place, or throws `integrity_failed`. */
export function open(key: SealingKey, place: Place, sealed: Uint8Array): Buffer {
  if (sealedKeyVersion(sealed, place) !== key.version) throw tampered('key version', place)
  if (!timingSafeEqual(sealed.subarray(commitmentAt, nonceAt), key.commitment)) {
    throw tampered('commitment', place)
  }
  const plaintext = decrypt(key.key, sealed.subarray(nonceAt, bodyAt), {
    ciphertext: sealed.subarray(bodyAt, -tag_bytes),
    tag: sealed.subarray(-tag_bytes),
    aad: associatedData(place),
  })
  if (!plaintext) throw tampered('tag', place)
  return plaintext
}

/** AES-256-GCM itself, apart from our format, so that published vectors run through this code. */
export function encrypt(
  key: KeyObject,
  nonce: Uint8Array,
  input: { plaintext: Plaintext; aad: Uint8Array },
): { ciphertext: Buffer; tag: Buffer } {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, gcm)
  cipher.setAAD(input.aad)
  const { plaintext } = input
  const isText = typeof plaintext === 'string'
  const ciphertext = isText ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext)
  cipher.final()
  return { ciphertext, tag: cipher.getAuthTag() }
}

/** The other way; null when the tag does not fit. */
export function decrypt(
  key: KeyObject,
  nonce: Uint8Array,
  input: { ciphertext: Uint8Array; tag: Uint8Array; aad: Uint8Array },
): Buffer | null {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, gcm)
  decipher.setAAD(input.aad)
  decipher.setAuthTag(input.tag)
  const plaintext = decipher.update(input.ciphertext)
  try {
    decipher.final()
  } catch {
    return null
  }
  return plaintext
}

/** The version of the key that a value was sealed with; checks the outer form. `place`: for the log. */
export function sealedKeyVersion(sealed: Uint8Array, place?: Place): number {
  if (sealed.length < overhead_bytes || sealed[0] !== format) throw tampered('form', place)
  let version = 0
  for (let at = 1; at < commitmentAt; at++) version = version * 256 + (sealed[at] ?? 0)
  return version
}

function associatedData(place: Place): Buffer {
  return lengthPrefixed([place.row, place.column, String(place.version)], beginningOf(place))
}

/** How the places of one table of a space begin; the oldest of what is kept makes room for another. */
function beginningOf({ tenant, space, table }: Place): Uint8Array {
  for (const one of latest) {
    if (one.table === table && one.space === space && one.tenant === tenant) return one.joined
  }
  // A copy of its own, since it is kept: the pool that it was joined in holds others' bytes.
  const joined = new Uint8Array(lengthPrefixed([domain, tenant, space, table]))
  latest.pop()
  latest.unshift({ tenant, space, table, joined })
  return joined
}

/**
 * Values are mostly opened many at a time, and places of one table of a space begin alike. A recall opens
 * memories and seals the two parts of its event.
 */
const latest = Array.from({ length: 4 }, () => ({
  tenant: '',
  space: '',
  table: '',
  joined: new Uint8Array(lengthPrefixed([domain, '', '', ''])),
}))

/** Reason and place go to the log as the cause; the caller learns only that it did not open. */
function tampered(reason: string, place?: Place): LocketError {
  const where = place ? `${place.table}.${place.column} of ${place.row}` : 'a sealed value'
  const cause = new Fault(`${where} does not open: ${reason}`)
  return new LocketError('integrity_failed', undefined, { cause })
}
