/**
 * One-time codes by time (RFC 6238): HMAC-SHA-1, six digits, a step of 30 seconds. It is what every
 * authenticator app takes. SHA-1 is broken for collisions, which HMAC does not rest on.
 */
import { createHmac } from 'node:crypto'
import { toUtf8 } from '../core/encoding.ts'
import { macsEqual } from './data-key.ts'

export const totpStep_ms = 30_000
export const totpDigits = 6

/** As long as the output of the hash: RFC 4226, section 4, requirement 6. */
export const totpSeed_bytes = 20

/** The code of a step, which is counted from the Unix epoch: RFC 4226, section 5.3. */
export function totpCode(seed: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', seed).update(counter).digest()
  const truncated = mac.readUInt32BE(mac.readUInt8(19) & 0xf) & 0x7fffffff
  return String(truncated % 10 ** totpDigits).padStart(totpDigits, '0')
}

/** Which of these steps have this code; all are compared, each in constant time. */
export function stepsOfCode(seed: Uint8Array, code: string, steps: readonly number[]): number[] {
  const shown = toUtf8(code)
  return steps.filter((step) => macsEqual(toUtf8(totpCode(seed, step)), shown))
}
