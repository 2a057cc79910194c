/** The headers that say under which conditions an operation is to be done. */
import { LocketError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import type { Operation } from '../kernel/operation.ts'

const visibleAscii = /^[\x21-\x7e]+$/
const versionTag = /^(?:"([1-9]\d{0,15})"|([1-9]\d{0,15}))$/

/**
 * The `Idempotency-Key`, or null. Operations that are done over when sent again refuse the key
 * rather than let the caller believe in it; reads, which change nothing, take any, since client
 * libraries put one on every POST.
 */
export function idempotencyKeyOf(headers: Headers, operation: Operation): string | null {
  const key = headers.get('idempotency-key')
  if (key === null) return null
  if (key.length > limits.idempotencyKey_characters_max || !visibleAscii.test(key)) {
    throw new LocketError(
      'invalid_header',
      `Idempotency-Key: 1 to ${limits.idempotencyKey_characters_max} visible ASCII characters`,
    )
  }
  if (operation.effect === 'read') return null
  if (!operation.idempotent) {
    throw new LocketError('invalid_header', 'Idempotency-Key: this operation takes none')
  }
  return key
}

/**
 * The version that `If-Match` names: `"3"`, or `3` from those who forget the quotes. `*` asks only
 * that there is one (RFC 9110, section 13.1.1), which every operation on one thing does by itself.
 * Refused where there is no version to compare: a caller who sends it relies on it.
 */
export function ifMatchOf(headers: Headers, versioned: boolean): number | null {
  const value = headers.get('if-match')
  if (value === null) return null
  if (!versioned) throw new LocketError('invalid_header', 'If-Match: nothing here has a version')
  if (value === '*') return null
  const match = versionTag.exec(value)
  const version = Number(match?.[1] ?? match?.[2])
  if (!Number.isSafeInteger(version)) {
    throw new LocketError('invalid_header', 'If-Match: one version, such as "3"')
  }
  return version
}
