/**
 * The closed table of everything that can go wrong, as callers see it (RFC 9457 problems).
 * A code and its sentence are public and stable; a cause is private and goes to the log only.
 */

import { Fault } from './fault.ts'
import type { RateState } from './rate.ts'
import type { Receipt } from './receipt.ts'

interface ErrorEntry {
  readonly status: number
  readonly sentence: string
}

/** Every error code, its HTTP status and its public sentence. docs/reference/errors.md is made from it. */
export const errorTable = {
  invalid_json: { status: 400, sentence: 'The body is not acceptable JSON.' },
  invalid_input: { status: 400, sentence: 'The input does not fit the schema.' },
  invalid_filter: { status: 400, sentence: 'The filter is not valid.' },
  invalid_cursor: { status: 400, sentence: 'The cursor was not issued for this list.' },
  invalid_header: { status: 400, sentence: 'A request header is not acceptable.' },
  secret_in_url: {
    status: 400,
    sentence: 'A credential was sent in the URL; send it in a header.',
  },
  space_required: { status: 400, sentence: 'Name the space: this credential has no default.' },
  unauthenticated: { status: 401, sentence: 'A valid credential is required.' },
  secret_in_clear: {
    status: 403,
    sentence: 'A credential was sent without TLS: it is exposed, replace it.',
  },
  cross_site_request: {
    status: 403,
    sentence: 'A signed-in request must come from a page of this server, with its CSRF token.',
  },
  step_up_required: {
    status: 403,
    sentence: 'Confirm your sign-in first: this needs a fresh one.',
  },
  sign_in_over: {
    status: 400,
    sentence: 'This sign-in was not begun in this browser, took too long or was used; begin anew.',
  },
  provider_refused: { status: 403, sentence: 'The identity provider did not sign you in.' },
  no_account: {
    status: 403,
    sentence: 'The identity provider knows you, but nobody here who may sign in is you.',
  },
  wrong_password: { status: 403, sentence: 'That is not the password.' },
  wrong_factor: { status: 403, sentence: 'That is not the password, or not the factor.' },
  factor_required: { status: 403, sentence: 'A second factor is required for this.' },
  permission_denied: { status: 403, sentence: 'This credential may not do that.' },
  above_own_rights: { status: 403, sentence: 'Nobody can give more rights than he has himself.' },
  address_blocked: { status: 403, sentence: 'Nothing from this address is answered here.' },
  tenant_disabled: { status: 403, sentence: 'This tenant is disabled.' },
  checkpoint_unsigned: {
    status: 403,
    sentence: 'The checkpoint is not signed by the key that this log is known by here.',
  },
  not_found: { status: 404, sentence: 'There is no such thing, or it is not yours to see.' },
  method_not_allowed: { status: 405, sentence: 'This path does not answer to that method.' },
  request_timeout: { status: 408, sentence: 'The request took too long to arrive.' },
  already_exists: { status: 409, sentence: 'It exists already.' },
  version_conflict: { status: 409, sentence: 'It was changed in the meantime.' },
  superseded: { status: 409, sentence: 'Compaction replaced this memory; restore it first.' },
  no_mail: { status: 409, sentence: 'No mail server is configured here.' },
  no_address: { status: 409, sentence: 'This person has no e-mail address that is proven.' },
  no_language_model: { status: 409, sentence: 'No language model is configured here.' },
  handle_retired: {
    status: 409,
    sentence: 'This handle was used before and is never given again.',
  },
  answer_not_kept: {
    status: 409,
    sentence: 'This request was done before; its answer was not kept.',
  },
  passkeys_unavailable: {
    status: 409,
    sentence: 'Browsers let passkeys be used only where the public URL is a name over https.',
  },
  in_use: { status: 409, sentence: 'It is still in use.' },
  checkpoint_stale: { status: 409, sentence: 'Another size of this log was cosigned last.' },
  quota_exceeded: { status: 409, sentence: 'A limit on how much may be kept is reached.' },
  precondition_failed: { status: 412, sentence: 'The version named in If-Match is not current.' },
  body_too_large: { status: 413, sentence: 'The body is larger than this operation takes.' },
  unsupported_media_type: {
    status: 415,
    sentence: 'Send JSON, with Content-Type application/json.',
  },
  checkpoint_inconsistent: {
    status: 422,
    sentence: 'The checkpoint does not follow the one that was cosigned last.',
  },
  idempotency_mismatch: {
    status: 422,
    sentence: 'This idempotency key was used with another body.',
  },
  budget_exhausted: {
    status: 429,
    sentence: 'The budget of this API key is used up for today.',
  },
  too_many_requests: { status: 429, sentence: 'Too many requests; try again later.' },
  headers_too_large: { status: 431, sentence: 'The request headers are too large.' },
  internal: { status: 500, sentence: 'Something went wrong on our side.' },
  integrity_failed: { status: 500, sentence: 'Stored data failed its integrity check.' },
  provider_failed: { status: 502, sentence: 'The identity provider gave no acceptable answer.' },
  model_failed: { status: 502, sentence: 'The language model gave no usable answer.' },
  unavailable: { status: 503, sentence: 'The server is starting, stopping or overloaded.' },
  audit_sink_full: {
    status: 503,
    sentence: 'Nothing is done while a required audit sink lags too far behind.',
  },
  storage_full: { status: 507, sentence: 'There is no space left to store this.' },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errorTable

interface ErrorOptions {
  readonly cause?: unknown
  readonly retryAfter_s?: number
  readonly rate?: RateState
  readonly facts?: Readonly<Record<string, string>>
  readonly spoken?: Spoken
}

/** What is answered in place of a problem, where a protocol of others says what it has to be. */
export interface Spoken {
  readonly type: 'text/x.tlog.size'
  readonly text: string
}

/** An error with a public face: `code` and `detail` may leave the server, `cause` never does. */
export class LocketError extends Fault {
  readonly code: ErrorCode
  /** A public sentence about this very case; must never hold memory text, a secret or a handle. */
  readonly detail: string | undefined
  /** Seconds after which trying again makes sense. */
  readonly retryAfter_s: number | undefined
  /** The caller's own budget, where it is what refuses. */
  readonly rate: RateState | undefined
  /** Set by the pipeline where the caller wanted a proof of the event of this refusal. */
  receipt: Receipt | undefined
  /** What the audit is told besides: codes that must not leave the server. */
  readonly facts: Readonly<Record<string, string>>
  readonly spoken: Spoken | undefined

  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail ?? errorTable[code].sentence, options)
    this.name = 'LocketError'
    this.code = code
    this.detail = detail
    this.retryAfter_s = options?.retryAfter_s
    this.rate = options?.rate
    this.facts = options?.facts ?? {}
    this.spoken = options?.spoken
  }

  get status(): number {
    return errorTable[this.code].status
  }
}

/** What a caught value is to the caller: itself if it has a public face, else `internal`. */
export function asLocketError(thrown: unknown): LocketError {
  return thrown instanceof LocketError
    ? thrown
    : new LocketError('internal', undefined, { cause: thrown })
}
