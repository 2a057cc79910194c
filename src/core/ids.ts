/**
 * Typed ids: a prefix that names the kind, `_`, and a UUIDv7 (RFC 9562) as 26 characters of
 * Crockford base32. Later ids sort after earlier ones. Ids name things; they are never a secret.
 */
import type { Clock } from './clock.ts'
import { fromBase32, toBase32 } from './encoding.ts'

export const idPrefixes = {
  tenant: 'ten',
  user: 'usr',
  agent: 'agt',
  service: 'svc',
  apiKey: 'key',
  role: 'rol',
  grant: 'grt',
  space: 'spc',
  memory: 'mem',
  event: 'evt',
  request: 'req',
  certificate: 'crt',
  passwordLink: 'lnk',
  identityProvider: 'idp',
  externalIdentity: 'xid',
  signIn: 'sin',
  factor: 'fac',
  token: 'tok',
  tokenFamily: 'fam',
  signingKey: 'sgk',
  checkpointKey: 'cpk',
  witnessKey: 'wtk',
  witnessedLog: 'wlg',
  blockedAddress: 'ban',
  email: 'eml',
  mail: 'mal',
} as const

export type IdPrefix = (typeof idPrefixes)[keyof typeof idPrefixes]

/** The instance itself stands where a tenant would: for its own log and its own keys. */
export const instanceTenant: Id<'ten'> = 'ten_00000000000000000000000000'

export type Id<Prefix extends IdPrefix = IdPrefix> = `${Prefix}_${string}`

const idBody = '[0-7][0-9A-HJKMNP-TV-Z]{25}'
const shapes = new Map<string, RegExp>()

/** The shape of an id with one of these prefixes, as a regular expression over the whole text. */
export function idPattern(...prefixes: readonly IdPrefix[]): RegExp {
  const kinds = prefixes.join('|')
  const known = shapes.get(kinds)
  if (known) return known
  const shape = new RegExp(`^(?:${kinds})_${idBody}$`)
  shapes.set(kinds, shape)
  return shape
}

export function isId<Prefix extends IdPrefix>(prefix: Prefix, text: string): text is Id<Prefix> {
  return idPattern(prefix).test(text)
}

const pool = new Uint8Array(1024)
let poolAt = pool.length
let lastTime_ms = 0
let counter = 0

/**
 * A new id. Within one process ids rise strictly, even when the clock stands still or steps back:
 * the 12 bits after the time are a counter (RFC 9562 section 6.2, method 1).
 */
export function newId<Prefix extends IdPrefix>(prefix: Prefix, clock: Clock): Id<Prefix> {
  return `${prefix}_${toBase32(uuidV7(clock()))}`
}

/** Sorts before every id of a moment, and after those of before. */
export function idFloor<Prefix extends IdPrefix>(prefix: Prefix, time_ms: number): Id<Prefix> {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  const whole_ms = Math.min(Math.max(Math.floor(time_ms), 0), 2 ** 48 - 1)
  view.setUint32(0, Math.floor(whole_ms / 0x10000))
  view.setUint16(4, whole_ms % 0x10000)
  return `${prefix}_${toBase32(bytes)}`
}

function uuidV7(now_ms: number): Uint8Array {
  if (now_ms > lastTime_ms) {
    lastTime_ms = now_ms
    counter = 0
  } else if (++counter > 0xfff) {
    lastTime_ms += 1
    counter = 0
  }
  const bytes = new Uint8Array(16)
  bytes.set(randomBytes(8), 8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, Math.floor(lastTime_ms / 0x10000))
  view.setUint16(4, lastTime_ms % 0x10000)
  view.setUint16(6, 0x7000 | counter)
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f))
  return bytes
}

/** When it was made, as it says itself: milliseconds since the epoch. NaN for what is no id. */
export function timeOf(id: Id): number {
  const bytes = fromBase32(id.slice(id.indexOf('_') + 1))
  if (bytes === null) return Number.NaN
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return view.getUint32(0) * 0x10000 + view.getUint16(4)
}

/** Random bytes from a small pool: asking the system for each id costs more than the id. */
function randomBytes(count: number): Uint8Array {
  if (poolAt + count > pool.length) {
    crypto.getRandomValues(pool)
    poolAt = 0
  }
  poolAt += count
  return pool.subarray(poolAt - count, poolAt)
}
