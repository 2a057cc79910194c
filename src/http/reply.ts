/** Answers: what an endpoint gives back, and how it becomes a response. */
import type { Id } from '../core/ids.ts'
import { securityHeaders } from './headers.ts'

/** Who sent a request, as far as the transport knows. */
export interface Client {
  /** The address of the socket's other end; null where there is no socket. */
  readonly address: string | null
  /** It came over TLS. */
  readonly secure?: boolean
  /** The transport holds the body to its Content-Length, as node:http does. */
  readonly framed?: boolean
}

/** One request while it is answered. */
export interface Exchange {
  readonly request: globalThis.Request
  readonly client: Client
  readonly requestId: Id<'req'>
  /** What stands in the path where the operation has `{name}`. */
  readonly param: (name: string) => string | undefined
}

/** An answer without what all answers have. */
export interface Reply {
  readonly status: number
  /** The Content-Type. */
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Endpoint = (exchange: Exchange) => Reply | Promise<Reply>

export function jsonReply(
  status: number,
  value: unknown,
  headers?: Readonly<Record<string, string>>,
): Reply {
  const body = JSON.stringify(value)
  return headers
    ? { status, type: 'application/json', body, headers }
    : { status, type: 'application/json', body }
}

/** The headers are a plain object: the adapter then writes them without a `Headers` in between. */
export function toResponse(
  reply: Reply,
  { requestId, secure }: { requestId: string; secure: boolean },
): Response {
  return new Response(reply.body, {
    status: reply.status,
    headers: headersOf(reply, { requestId, secure }),
  })
}

export function headersOf(
  reply: Reply,
  { requestId, secure }: { requestId: string; secure: boolean },
): Record<string, string> {
  return {
    'Content-Type': reply.type,
    'X-Request-Id': requestId,
    ...securityHeaders(secure),
    ...reply.headers,
  }
}
