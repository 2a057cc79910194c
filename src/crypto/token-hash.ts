/**
 * API keys: `lk_` + 12 characters of key id + `_` + 43 base62 characters (256 bits) + 6 of CRC-32.
 * A random secret of 256 bits needs no slow hash, and a slow hash in each request would be a denial
 * of service; the pepper makes stored hashes useless without the sealed key.
 */
import { crc32 } from 'node:zlib'
import { base62Character, toBase62 } from '../core/encoding.ts'
import { type DataKey, macsEqual } from './data-key.ts'
import { randomBytes } from './random.ts'

export interface ApiKeyText {
  /** Names the key in look-ups; not secret. */
  readonly publicId: string
  /** The whole text that the owner keeps. */
  readonly text: string
}

const shape = /^lk_([0-9A-Za-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/

/** A new key with 256 random bits. */
export function newApiKey(): ApiKeyText {
  const publicId = randomBase62(12)
  const body = `lk_${publicId}_${randomBase62(43)}`
  return { publicId, text: body + checksum(body) }
}

/** The public id of a well-formed key, else null. The checksum only saves look-ups of typos. */
export function publicIdOf(text: string): string | null {
  const parts = shape.exec(text)
  if (!parts?.[1] || !parts[3]) return null
  return checksum(text.slice(0, -6)) === parts[3] ? parts[1] : null
}

/** What is stored of a key: HMAC-SHA-256 under the pepper. */
export function hashToken(pepper: DataKey, token: string): Buffer {
  return pepper.mac('pepper', [token])
}

/** Whether a token has this hash, compared in constant time. */
export function tokenMatches(pepper: DataKey, token: string, hash: Uint8Array): boolean {
  return macsEqual(hashToken(pepper, token), hash)
}

function checksum(text: string): string {
  return toBase62(crc32(text), 6)
}

/** Uniform characters: bytes from 248 up are thrown away, since 256 is no multiple of 62. */
export function randomBase62(length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length * 2)) {
      if (byte < 248 && text.length < length) text += base62Character(byte % 62)
    }
  }
  return text
}
