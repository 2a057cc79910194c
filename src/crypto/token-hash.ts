/**
 * Opaque credentials: a prefix that tells the kind, 12 characters of public id, `_`, 43 base62 characters
 * (256 bits), and 6 of CRC-32 at the end. A random secret of 256 bits needs no slow hash, and a slow
 * hash in each request would be a denial of service; the pepper makes stored hashes useless without
 * the sealed key.
 *
 * A refresh token has 32 characters more before its checksum: a MAC by which it proves that it was
 * issued here. One that proves it and is not the current one was used before, and nothing of it
 * needs to be kept for that to be known.
 */
import { crc32 } from 'node:zlib'
import { base62Character, toBase62 } from '../core/encoding.ts'
import { type DataKey, macsEqual } from './data-key.ts'
import { randomBytes } from './random.ts'

export interface TokenText {
  /** Names it in look-ups; not secret. */
  readonly publicId: string
  /** The whole text that the owner keeps. */
  readonly text: string
}

const shapes = {
  'api-key': /^lk_([0-9A-Za-z]{12})_[0-9A-Za-z]{43}([0-9A-Za-z]{6})$/,
  'refresh-token': /^lr_([0-9A-Za-z]{12})_[0-9A-Za-z]{43}[0-9a-f]{32}([0-9A-Za-z]{6})$/,
} as const

export type TokenKind = keyof typeof shapes

const checksum_characters = 6
const proof_characters = 32

/** A new API key with 256 random bits. */
export function newApiKey(): TokenText {
  const publicId = randomBase62(12)
  return { publicId, text: closed(`lk_${publicId}_${randomBase62(43)}`) }
}

/** A new refresh token with 256 random bits, the first of its family or the next. */
export function newRefreshToken(pepper: DataKey, publicId: string = randomBase62(12)): TokenText {
  const body = `lr_${publicId}_${randomBase62(43)}`
  return { publicId, text: closed(body + proofOf(pepper, body)) }
}

/** The public id of a well-formed one, else null. The checksum only saves look-ups of typos. */
export function publicIdOf(text: string, kind: TokenKind = 'api-key'): string | null {
  const [, publicId, sum] = shapes[kind].exec(text) ?? []
  if (!publicId || !sum) return null
  return checksum(text.slice(0, -checksum_characters)) === sum ? publicId : null
}

/** Whether a well-formed refresh token was made with this pepper, compared in constant time. */
export function wasIssued(pepper: DataKey, text: string): boolean {
  const proven = text.slice(0, -checksum_characters)
  const body = proven.slice(0, -proof_characters)
  return macsEqual(
    Buffer.from(proven.slice(-proof_characters), 'hex'),
    Buffer.from(proofOf(pepper, body), 'hex'),
  )
}

/** What is stored of a token: HMAC-SHA-256 under the pepper. */
export function hashToken(pepper: DataKey, token: string): Buffer {
  return pepper.mac('pepper', [token])
}

/** Whether a token has this hash, compared in constant time. */
export function tokenMatches(pepper: DataKey, token: string, hash: Uint8Array): boolean {
  return macsEqual(hashToken(pepper, token), hash)
}

/** 128 bits, in hexadecimal. */
function proofOf(pepper: DataKey, body: string): string {
  return pepper.mac('pepper', ['refresh-token', body]).toString('hex').slice(0, proof_characters)
}

function closed(body: string): string {
  return body + checksum(body)
}

function checksum(text: string): string {
  return toBase62(crc32(text), checksum_characters)
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
