/** What can go wrong with a call to a model. Nothing that was sent or answered is in these errors. */

import { Fault } from '../core/fault.ts'
import { EgressError } from '../egress/egress-error.ts'

const sentences = {
  resting: 'The endpoint has failed repeatedly and is left alone for a while.',
  busy: 'Too much is asked at once.',
  timeout: 'It took too long.',
  unreachable: 'The endpoint cannot be reached.',
  failed: 'The endpoint has failed.',
  refused: 'The endpoint refuses us: its address, the model or the key is wrong.',
  rejected: 'The endpoint does not take this input.',
  invalid_answer: 'The answer is not what was asked for.',
  no_key: 'The key cannot be read, or is none.',
} as const

export type ModelReason = keyof typeof sentences

/** Reasons that another try may do away with. */
const passing: ReadonlySet<ModelReason> = new Set(['busy', 'timeout', 'unreachable', 'failed'])

interface Answered {
  readonly status?: number | null
  readonly retryAfter_ms?: number | null
}

/**
 * Why a model gave no answer. It has no `cause`: the errors of the SDK carry the request, and so
 * text of memories, and the whole answer.
 */
export class ModelError extends Fault {
  readonly reason: ModelReason
  /** The HTTP status of the answer, if there was one. */
  readonly status: number | null
  /** How long the endpoint wants to be left alone; null: it did not say. */
  readonly retryAfter_ms: number | null

  constructor(reason: ModelReason, { status = null, retryAfter_ms = null }: Answered = {}) {
    super(sentences[reason])
    this.name = 'ModelError'
    this.reason = reason
    this.status = status
    this.retryAfter_ms = retryAfter_ms
  }

  get passing(): boolean {
    return passing.has(this.reason)
  }
}

const egressReasons: Readonly<Record<string, ModelReason>> = {
  timeout: 'timeout',
  busy: 'busy',
  response_too_large: 'invalid_answer',
  request_too_large: 'rejected',
}

/** What was thrown by the gate, the SDK or a signal, as an error of ours. `now` is for dates in headers. */
export function asModelError(thrown: unknown, now: number): ModelError {
  if (thrown instanceof ModelError) return thrown
  if (thrown instanceof EgressError) {
    const otherwise = thrown.refused ? 'refused' : 'unreachable'
    return new ModelError(egressReasons[thrown.reason] ?? otherwise)
  }
  if (!(thrown instanceof Error)) return new ModelError('failed')
  if (thrown.name === 'TimeoutError' || thrown.name === 'AbortError') {
    return new ModelError('timeout')
  }
  const status = statusOf(thrown)
  if (status !== null) {
    const retryAfter_ms = retryAfterOf(thrown, now)
    return new ModelError(reasonOf(status), { status, retryAfter_ms })
  }
  // The SDK wraps what a `fetch` throws.
  if (thrown.cause instanceof Error) return asModelError(thrown.cause, now)
  return new ModelError(thrown.name.startsWith('AI_') ? 'invalid_answer' : 'failed')
}

function reasonOf(status: number): ModelReason {
  if (status < 400) return 'invalid_answer'
  if (status === 429) return 'busy'
  if (status === 408 || status >= 500) return 'failed'
  return [400, 413, 422].includes(status) ? 'rejected' : 'refused'
}

function statusOf(error: Error): number | null {
  const status: unknown = Reflect.get(error, 'statusCode')
  return typeof status === 'number' ? status : null
}

/** RFC 9110, section 10.2.3: seconds or a date. */
function retryAfterOf(error: Error, now: number): number | null {
  const headers: unknown = Reflect.get(error, 'responseHeaders')
  if (typeof headers !== 'object' || headers === null) return null
  const text: unknown = Reflect.get(headers, 'retry-after')
  if (typeof text !== 'string') return null
  const wait_ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isFinite(wait_ms) && wait_ms > 0 ? wait_ms : null
}
