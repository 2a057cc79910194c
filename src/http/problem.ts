/** Errors as callers see them: RFC 9457 problems. The cause of an error is never part of one. */
import { type ErrorCode, errorTable, type LocketError } from '../core/errors.ts'
import { rateHeaders } from './rate-headers.ts'
import { receiptHeaders } from './receipt.ts'
import type { Reply } from './reply.ts'

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ErrorCode
  readonly detail?: string
  readonly requestId: string
}

/** What problems are told from, besides the error. */
export interface ProblemContext {
  readonly requestId: string
  /** The page that explains the codes; null where there is none, or it is not known. */
  readonly docsUrl: string | null
}

/**
 * The `type`: where the docs explain the code. A server without docs names no page that is not
 * there: `about:blank` is how RFC 9457 says that there is nothing to read, and `code` tells all.
 */
function typeOf(code: ErrorCode, docsUrl: string | null): string {
  return docsUrl === null ? 'about:blank' : `${docsUrl}#error-${code}`
}

export function problemReply(error: LocketError, { requestId, docsUrl }: ProblemContext): Reply {
  const { code, status, detail, retryAfter_s, rate, receipt, spoken } = error
  if (spoken) return { status, type: spoken.type, body: spoken.text }
  const problem: Problem = {
    type: typeOf(code, docsUrl),
    title: errorTable[code].sentence,
    status,
    code,
    ...(detail !== undefined && { detail }),
    requestId,
  }
  return {
    status,
    type: 'application/problem+json',
    body: JSON.stringify(problem),
    headers: {
      ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
      ...(retryAfter_s !== undefined && { 'Retry-After': String(retryAfter_s) }),
      ...(rate && rateHeaders(rate)),
      ...(receipt && receiptHeaders(receipt)),
    },
  }
}
