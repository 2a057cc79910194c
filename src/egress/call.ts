/** One outgoing call, from the request to the last byte of the answer. */
import type { Agent, Response as Answer } from 'undici'
import type { Log } from '../core/log.ts'
import { traced } from '../tracing/traced.ts'
import { boundedBody, quietly, wholeBody } from './bodies.ts'
import { asEgressError, EgressError } from './egress-error.ts'
import type { Target } from './gate.ts'
import type { Leave } from './turnstile.ts'

/** Bounds of the calls through one gate. */
export interface CallBounds {
  readonly total_ms: number
  readonly request_bytes_max: number
  readonly response_bytes_max: number
}

/** What calls go out by. */
export interface Exit {
  readonly bounds: CallBounds
  readonly agent: () => Promise<Agent>
  readonly log: Log
  /** Takes a place among the calls that are under way. */
  readonly enter: (origin: string) => Leave
}

/** Headers about the connection and the length of the body. They are ours to say, not the caller's. */
const ownHeaders = [
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

const resetContent = 205

/** Sends a request to a target that was admitted. Whose server that is, no trace tells, nor that server of the trace. */
export function call(exit: Exit, target: Target, request: Request): Promise<Response> {
  const facts = { 'http.request.method': request.method }
  return traced({ name: 'egress.call', kind: 'client', facts }, async (span) => {
    const answer = await sent(exit, target, request)
    span?.tell({ 'http.response.status_code': answer.status })
    return answer
  })
}

async function sent(exit: Exit, target: Target, request: Request): Promise<Response> {
  const broken = new AbortController()
  const leave = exit.enter(target.url.origin)
  const timer = setTimeout(() => broken.abort(new EgressError('timeout')), exit.bounds.total_ms)
  timer.unref()
  const end = (): void => {
    clearTimeout(timer)
    leave()
  }
  broken.signal.addEventListener('abort', end)
  request.signal.addEventListener('abort', () => broken.abort(request.signal.reason))
  // Who breaks his call off is told his own reason, as by any `fetch`, and nothing is wrong with it.
  const translate = (thrown: unknown): unknown => {
    end()
    if (request.signal.aborted) return request.signal.reason
    const error = asEgressError(thrown, 'failed')
    tell(exit.log, target, error)
    return error
  }
  try {
    request.signal.throwIfAborted()
    const { request_bytes_max: bytes_max } = exit.bounds
    const body = await wholeBody(request, { bytes_max, signal: broken.signal })
    const { fetch: send } = await import('undici')
    const answer = await send(target.url, {
      method: request.method,
      headers: headersOf(request),
      body,
      redirect: 'manual',
      signal: broken.signal,
      dispatcher: await exit.agent(),
    })
    await refuseRedirect(answer)
    return responseOf(answer, { exit, target, broken, end, translate })
  } catch (thrown) {
    const error = translate(thrown)
    // The answer may have begun: who sends it must not go on holding a connection.
    broken.abort(error)
    throw error
  }
}

/** Tells of a call that was refused or has failed: where to, and why. */
export function tell(
  log: Log,
  called: { host: string; port: number } | null,
  { refused, reason, detail }: EgressError,
): void {
  const { host = null, port = null } = called ?? {}
  log.warn({ host, port, reason, detail }, refused ? 'egress refused' : 'egress failed')
}

function headersOf(request: Request): [string, string][] {
  const headers = new Headers(request.headers)
  for (const name of ownHeaders) headers.delete(name)
  if (!headers.has('user-agent')) headers.set('user-agent', 'locket')
  return [...headers]
}

/** `304` sends nobody elsewhere. */
async function refuseRedirect({ status, body }: Answer): Promise<void> {
  if (status < 300 || status > 399 || status === 304) return
  await quietly(body?.cancel() ?? Promise.resolve())
  throw new EgressError('redirected')
}

interface Delivery {
  readonly exit: Exit
  readonly target: Target
  readonly broken: AbortController
  readonly end: () => void
  readonly translate: (thrown: unknown) => unknown
}

/**
 * The answer as a `Response` of the platform, which is what libraries know. Its status text is left
 * out: it is for no program, and would put a stranger's words into messages of errors. What a
 * `Response` cannot be is refused here, since not every implementation of it refuses it at once.
 */
function responseOf({ status, headers, body }: Answer, delivery: Delivery): Response {
  const { exit, target, broken, end, translate } = delivery
  if (status < 200 || status > 599) throw new EgressError('failed', 'STATUS_OUT_OF_RANGE')
  const { response_bytes_max: bytes_max } = exit.bounds
  const bounded =
    body && boundedBody(body, { bytes_max, tooLarge: 'response_too_large', translate, ended: end })
  if (!bounded) end()
  // Its body is nobody's to read, but HTTP lets one be sent, and it need not end.
  if (status === resetContent) broken.abort()
  const response = new Response(bounded, { status, headers: [...headers] })
  return Object.defineProperty(response, 'url', { value: target.url.href })
}
