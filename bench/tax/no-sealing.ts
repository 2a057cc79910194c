/**
 * Stands in for src/crypto/aead.ts where sealing is left out: the same bytes in the same places, copied
 * and not encrypted, nothing compared. Only this bench can load it.
 */
import {
  decrypt as decryptAead,
  derive as deriveAead,
  encrypt as encryptAead,
  type open as openAead,
  overhead_bytes as overhead,
  type Sealed,
  type seal as sealAead,
  sealedKeyVersion as sealedKeyVersionAead,
  sealingKey as sealingKeyAead,
} from '../../src/crypto/aead.ts'

export const decrypt = decryptAead
export const derive = deriveAead
export const encrypt = encryptAead
export const overhead_bytes = overhead
export const sealedKeyVersion = sealedKeyVersionAead
export const sealingKey = sealingKeyAead

const bodyAt = 33
const tag_bytes = 16

export const seal: typeof sealAead = (key, _place, plaintext) => {
  const bytes = typeof plaintext === 'string' ? Buffer.from(plaintext) : plaintext
  const copy = Buffer.alloc(overhead_bytes + bytes.length)
  copy[0] = 0x01
  copy.writeUInt32BE(key.version, 1)
  copy.set(bytes, bodyAt)
  return copy as Uint8Array as Sealed
}

export const open: typeof openAead = (_key, _place, sealed) =>
  Buffer.from(sealed.subarray(bodyAt, -tag_bytes))
