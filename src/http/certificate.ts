/** How a certificate stands: for the start, for the log while it is served, and for `doctor`. */
import { day_ms } from '../core/clock.ts'
import { isValidAt, readCertificates, type Validity, validityOf } from '../crypto/certificate.ts'

/** From here on it is time to renew. */
const soon_ms = 14 * day_ms

export interface CertificateState extends Validity {
  readonly state: 'valid' | 'expiring' | 'expired' | 'not-yet-valid'
  /** Whole days until it expires; below zero afterwards. */
  readonly days_left: number
}

/** The state of the first certificate in a PEM text; null when there is none that can be read. */
export function certificateState(pem: string, now: number): CertificateState | null {
  const validity = validityOfFirst(pem)
  return validity && stateOf(validity, now)
}

export function stateOf(validity: Validity, now: number): CertificateState {
  const left_ms = validity.notAfter_ms - now
  return { ...validity, state: wordFor(validity, now), days_left: Math.floor(left_ms / day_ms) }
}

function wordFor(validity: Validity, now: number): CertificateState['state'] {
  if (isValidAt(validity, now)) return validity.notAfter_ms - now < soon_ms ? 'expiring' : 'valid'
  return now < validity.notBefore_ms ? 'not-yet-valid' : 'expired'
}

function validityOfFirst(pem: string): Validity | null {
  try {
    const [first] = readCertificates(pem)
    return first ? validityOf(first) : null
  } catch {
    return null
  }
}
