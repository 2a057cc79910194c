/** Unguessable values, from the operating system's generator. */
import { randomFillSync } from 'node:crypto'

/** `length` random bytes in a buffer of their own, not in a shared pool. */
export function randomBytes(length: number): Buffer {
  return randomFillSync(Buffer.alloc(length))
}
