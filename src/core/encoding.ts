/** Bytes to text and back, strictly: what does not decode is an error, never a guess. */
import { assert } from './assert.ts'

const base32Alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const rfcBase32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const none = 0xff
const base32Values = new Uint8Array(128).fill(none)
for (let value = 0; value < 32; value++) base32Values[base32Alphabet.charCodeAt(value)] = value
const base62Alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const base64UrlShape = /^[A-Za-z0-9_-]*$/

const encoder = new TextEncoder()
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function toUtf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Throws a TypeError on bytes that are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  return strictDecoder.decode(bytes)
}

/** Null for bytes that are not UTF-8. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return fromUtf8(bytes)
  } catch (thrown) {
    if (thrown instanceof TypeError) return null
    throw thrown
  }
}

export function toBase64Url(bytes: Uint8Array): string {
  if (bytes instanceof Buffer) return bytes.toString('base64url')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

/** Null when the text is not canonical base64url without padding (RFC 4648 section 5). */
export function fromBase64Url(text: string): Uint8Array | null {
  if (!base64UrlShape.test(text)) return null
  const bytes = Buffer.from(text, 'base64url')
  return toBase64Url(bytes) === text ? bytes : null
}

/** Null when the text is not canonical base64 with padding (RFC 4648 section 4). */
export function fromBase64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}

/** 16 bytes as 26 characters of Crockford base32: order of bytes is order of text. */
export function toBase32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 2 // 26 characters hold 130 bits: two leading zeros make 128 fit
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xffff
    held += 8
    while (held >= 5) {
      held -= 5
      text += base32Alphabet.charAt((bits >>> held) & 31)
    }
  }
  return text
}

/** The 16 bytes of what `toBase32` gives. Null when the text is nothing that it could give. */
export function fromBase32(text: string): Uint8Array | null {
  if (text.length !== 26) return null
  const bytes = new Uint8Array(16)
  let bits = 0
  let held = -2 // the first character holds 3 bits
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const value = base32Values[text.charCodeAt(i)] ?? none
    if (value === none || (i === 0 && value > 7)) return null
    bits = ((bits << 5) | value) & 0xffff
    held += 5
    if (held < 8) continue
    held -= 8
    bytes[at++] = bits >>> held
  }
  return bytes
}

/** Bytes in the base32 of RFC 4648, section 6, without padding: what authenticator apps read. */
export function toRfcBase32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xffff
    held += 8
    while (held >= 5) {
      held -= 5
      text += rfcBase32Alphabet.charAt((bits >>> held) & 31)
    }
  }
  return held === 0 ? text : text + rfcBase32Alphabet.charAt((bits << (5 - held)) & 31)
}

/** A number in base 62, padded with zeros on the left to `length` characters. */
export function toBase62(value: number, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest = Math.floor(rest / 62)) {
    text = base62Alphabet.charAt(rest % 62) + text
  }
  return text
}

/** The base 62 character for a number from 0 to 61. */
export function base62Character(value: number): string {
  return base62Alphabet.charAt(value)
}

/**
 * Joins parts so that no two different lists give the same bytes: each part is preceded by its
 * length as 4 bytes, big-endian. What a MAC or associated data is computed over. Half a surrogate
 * pair has no UTF-8 (each would become the same U+FFFD), so no caller may pass one. `before`: the
 * parts that come first, already joined.
 */
export function lengthPrefixed(
  parts: readonly (string | Uint8Array)[],
  before: Uint8Array = nothing,
): Buffer {
  let size = before.length
  for (const part of parts) size += 4 + mostBytes(part)
  const joined = Buffer.allocUnsafe(size)
  joined.set(before)
  let at = before.length
  for (const part of parts) {
    const start = at + 4
    const end = start + put(part, joined, start)
    joined.writeUInt32BE(end - start, at)
    at = end
  }
  return at === size ? joined : joined.subarray(0, at)
}

const nothing = new Uint8Array(0)

/** What a part may take at most: for a short one that is not worth a look at its characters. */
function mostBytes(part: string | Uint8Array): number {
  if (typeof part !== 'string') return part.length
  return part.length <= short_max ? part.length * 3 : Buffer.byteLength(part)
}

/** Tells how many bytes the part took. */
function put(part: string | Uint8Array, bytes: Buffer, start: number): number {
  if (typeof part !== 'string') {
    bytes.set(part, start)
    return part.length
  }
  if (part.length <= short_max && putAscii(part, bytes, start)) return part.length
  assert(part.isWellFormed(), 'text that is hashed or bound is well-formed')
  return bytes.write(part, start, 'utf8')
}

/** Nearly all parts are ids and short words: a call of the encoder takes longer than they do. */
const short_max = 64

/** False where there is more than ASCII, which no surrogate is. */
function putAscii(text: string, bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code > 0x7f) return false
    bytes[start + at] = code
  }
  return true
}
