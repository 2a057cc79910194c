/** Unguessable values, from the operating system's generator. */
import { randomFillSync } from 'node:crypto'

/** Asking the system costs more than the few bytes of a nonce, so they are fetched ahead. */
const pool = Buffer.alloc(4096)
const pooled_max = 64
let poolAt = pool.length

/** `length` random bytes in a buffer of their own. */
export function randomBytes(length: number): Buffer {
  return fillRandom(Buffer.alloc(length))
}

/** Fills a buffer with random bytes. What leaves the pool is erased there. */
export function fillRandom(bytes: Buffer): Buffer {
  const { length } = bytes
  if (length > pooled_max) return randomFillSync(bytes)
  if (poolAt + length > pool.length) {
    randomFillSync(pool)
    poolAt = 0
  }
  pool.copy(bytes, 0, poolAt, poolAt + length)
  pool.fill(0, poolAt, poolAt + length)
  poolAt += length
  return bytes
}

/** From 0 to below 1, each of 2^32 steps as likely. */
export function randomShare(): number {
  return fillRandom(share).readUInt32BE() / 2 ** 32
}

const share = Buffer.alloc(4)
