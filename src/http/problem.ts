/** Errors as callers see them: RFC 9457 problems. The cause of an error is never part of one. */
import { type ErrorCode, errorTable, type LocketError } from '../core/errors.ts'
import type { Reply } from './reply.ts'

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ErrorCode
  readonly detail?: string
  readonly requestId: string
}

/** Where the docs explain a code; also the `type` of its problems. */
export function problemType(code: ErrorCode, publicUrl: string | null): string {
  return `${publicUrl ?? ''}/docs#error-${code}`
}

export function problemReply(
  error: LocketError,
  { requestId, publicUrl }: { requestId: string; publicUrl: string | null },
): Reply {
  const { code, status, detail, retryAfter_s } = error
  const problem: Problem = {
    type: problemType(code, publicUrl),
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
    },
  }
}
