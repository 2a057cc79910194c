/**
 * Passwords as argon2id (RFC 9106), in the text form of the PHC string format, so that what a hash was
 * made with stands beside it. The work is done by threads of the process, never by its event loop.
 */
import { argon2, timingSafeEqual } from 'node:crypto'
import { toUtf8 } from '../core/encoding.ts'
import { Fault } from '../core/fault.ts'
import { randomBytes } from './random.ts'

/** What one hash costs. */
export interface PasswordCost {
  readonly memory_KiB: number
  readonly passes: number
  readonly lanes: number
}

/** RFC 9106, section 4: the second recommended option, for where 2 GiB for each hash are too much. */
export const passwordCost: PasswordCost = { memory_KiB: 64 * 1024, passes: 3, lanes: 4 }

/** The same section: 128 bits of salt, 256 bits of tag. */
const salt_bytes = 16
const tag_bytes = 32

/** The only version of argon2 that is in use, 1.3. */
const version = 0x13

const shape =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/

/**
 * A new hash of the password, as it is to the byte: nothing is trimmed, lowered, cut off or brought
 * into another Unicode form, so that what was typed when it was set is what must be typed.
 */
export async function hashPassword(password: string, cost = passwordCost): Promise<string> {
  const salt = randomBytes(salt_bytes)
  const tag = await derive(toUtf8(password), salt, cost)
  const { memory_KiB, passes, lanes } = cost
  const settings = `m=${memory_KiB},t=${passes},p=${lanes}`
  return `$argon2id$v=${version}$${settings}$${bare64(salt)}$${bare64(tag)}`
}

/** Whether this is the password of the hash. Throws an `Error` on what is no hash of ours. */
export async function passwordMatches(password: string, hash: string): Promise<boolean> {
  const { cost, salt, tag } = parse(hash)
  return timingSafeEqual(await derive(toUtf8(password), salt, cost), tag)
}

/** Whether the hash was made at another cost than is asked for now. */
export function isOutdated(hash: string, cost = passwordCost): boolean {
  const made = parse(hash).cost
  return (
    made.memory_KiB !== cost.memory_KiB || made.passes !== cost.passes || made.lanes !== cost.lanes
  )
}

interface Parsed {
  readonly cost: PasswordCost
  readonly salt: Buffer
  readonly tag: Buffer
}

function parse(hash: string): Parsed {
  const [, memory, passes, lanes, salt = '', tag = ''] = shape.exec(hash) ?? []
  if (memory === undefined) throw new Fault('what is stored as a password is no hash of one')
  return {
    cost: { memory_KiB: Number(memory), passes: Number(passes), lanes: Number(lanes) },
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}

function derive(message: Uint8Array, nonce: Buffer, cost: PasswordCost): Promise<Buffer> {
  const { memory_KiB: memory, passes, lanes: parallelism } = cost
  const options = { message, nonce, memory, passes, parallelism, tagLength: tag_bytes }
  return new Promise((resolve, reject) => {
    argon2('argon2id', options, (error, tag) => (error ? reject(error) : resolve(tag)))
  })
}

/** Base64 without padding, as the format has it. */
function bare64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
