/** What can go wrong with an outgoing call. The sentences are ours: nothing that a server sent is in them. */
import { Fault } from '../core/fault.ts'

const sentences = {
  url_invalid: 'This is not a URL that can be called.',
  url_too_long: 'The URL is too long.',
  credentials_in_url: 'The URL carries a user name or a password.',
  not_allowed: 'No entry of the allow-list names this scheme, host and port.',
  address_refused: 'The host resolves to an address that the allow-list does not open.',
  redirected: 'The server answered with a redirect, which is never followed.',
  request_too_large: 'The body of the request is too large.',
  response_too_large: 'The answer is too large.',
  unresolved: 'The host has no address.',
  unreachable: 'No connection could be made.',
  timeout: 'It took too long.',
  busy: 'Too many calls are under way.',
  failed: 'The call failed.',
} as const

export type EgressReason = keyof typeof sentences

/** Reasons that are the gate's own decision; the others befall a call that was let pass. */
const refusals: ReadonlySet<EgressReason> = new Set([
  'url_invalid',
  'url_too_long',
  'credentials_in_url',
  'not_allowed',
  'address_refused',
  'redirected',
])

/**
 * Why an outgoing call was refused or failed. It is no public error: a feature that calls out says
 * to its caller what fits there. It has no `cause`, since errors of the transport can carry bytes
 * that the other side sent; the code of that error is kept.
 */
export class EgressError extends Fault {
  readonly reason: EgressReason
  /** The code of the error below (`ECONNREFUSED`), or the range of a refused address; if any. */
  readonly detail: string | null

  constructor(reason: EgressReason, detail: string | null = null) {
    super(sentences[reason])
    this.name = 'EgressError'
    this.reason = reason
    this.detail = detail
  }

  get refused(): boolean {
    return refusals.has(this.reason)
  }
}

/** Errors of undici that have a reason of their own here. */
const reasonsByCode: Readonly<Record<string, EgressReason>> = {
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'response_too_large',
  UND_ERR_MAX_ORIGINS_REACHED: 'busy',
}

/** What was thrown, as an error of ours: the one that lies within it, or one with its code. */
export function asEgressError(thrown: unknown, otherwise: EgressReason): EgressError {
  let code: string | null = null
  let inner = thrown
  // Bounded: a cause could lead back to itself.
  for (let depth = 0; depth < 8 && inner instanceof Error; depth++) {
    if (inner instanceof EgressError) return inner
    code = codeOf(inner) ?? code
    inner = inner instanceof AggregateError ? inner.errors[0] : inner.cause
  }
  return new EgressError(reasonsByCode[code ?? ''] ?? otherwise, code)
}

function codeOf(error: Error): string | null {
  const code: unknown = 'code' in error ? error.code : null
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : null
}
