/**
 * The one JSON parser: every entry point (requests, files of our own) reads with it.
 *
 * The value is native JSON.parse's. Around it stand two checks. Before: a linear scan that bounds
 * depth and the number of keys, without recursion, so that hostile input costs no more than its
 * length. After: a walk over the value, for what JSON.parse lets pass and systems read differently:
 * duplicate keys (the scan counted more of them than the value has), `__proto__`, NUL and lone
 * surrogates in strings, numbers that do not fit. A detail never quotes the body, and the
 * SyntaxError of JSON.parse, whose message does, is dropped.
 */
import { fromUtf8 } from './encoding.ts'
import { LocketError } from './errors.ts'
import { limits } from './limits.ts'

const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** The value of a JSON text. Throws `invalid_json` for all that is not beyond doubt. */
export function parseJson(body: Uint8Array | string): unknown {
  const text = typeof body === 'string' ? wellFormed(body) : decode(body)
  if (text.length === 0) refuse('The JSON is empty.')
  if (text.charCodeAt(0) === 0xfeff) refuse('The JSON starts with a byte order mark.')
  const keys = scan(text)
  const value = parse(text)
  // Only an escape can bring NUL or half a surrogate pair into a string of well-formed text.
  if (countKeys(value, text.includes('\\u')) !== keys) {
    refuse('The JSON has a key twice in one object.')
  }
  return value
}

function decode(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes)
  } catch {
    return refuse('The JSON is not valid UTF-8.')
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return refuse('It is not valid JSON.')
  }
}

/** Bounds depth and keys, and tells how many keys there are. Exact wherever JSON.parse succeeds. */
function scan(text: string): number {
  let depth = 0
  let keys = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character === quote) at = endOfString(text, at + 1)
    else if (character === colon) keys++
    else if (character === openBrace || character === openBracket) {
      if (++depth > limits.json_depth_max) {
        refuse(`The JSON nests deeper than ${limits.json_depth_max} levels.`)
      }
    } else if (character === closeBrace || character === closeBracket) depth--
  }
  if (keys > limits.json_keys_max) {
    refuse(`The JSON has more than ${limits.json_keys_max} keys.`)
  }
  return keys
}

/** The place of the quote that ends a string, or the end of the text. */
function endOfString(text: string, start: number): number {
  let at = start
  for (; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character === quote) break
    if (character === backslash) at++
  }
  return at
}

/** Checks all there is in a value and counts its keys; the scan has bounded the depth. */
function countKeys(value: unknown, escapes: boolean): number {
  if (typeof value === 'string') {
    if (escapes) checkString(value)
    return 0
  }
  if (typeof value === 'number') checkNumber(value)
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item, escapes)
    return count
  }
  const keys = Object.keys(value)
  for (const key of keys) {
    if (key === '__proto__') refuse('The JSON has the key __proto__.')
    if (escapes) checkString(key)
    count += countKeys((value as Record<string, unknown>)[key], escapes)
  }
  return count + keys.length
}

/** Beyond 2^53 - 1 neighbouring integers become one, so what was sent would silently change. */
function checkNumber(value: number): void {
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    refuse('The JSON has a number beyond 2^53 - 1.')
  }
}

function checkString(text: string): void {
  if (text.includes('\0')) refuse('The JSON has the character NUL in a string.')
  wellFormed(text)
}

function wellFormed(text: string): string {
  if (!text.isWellFormed()) refuse('The JSON has half of a surrogate pair in a string.')
  return text
}

function refuse(detail: string): never {
  throw new LocketError('invalid_json', detail)
}
