/** Answers: what an endpoint gives back, and how it becomes a response. */

import { Fault } from '../core/fault.ts'
import type { Id } from '../core/ids.ts'
import type { ClientCertificate } from '../crypto/certificate.ts'
import { securityHeaders } from './headers.ts'

/** Who sent a request, as far as the transport knows. */
export interface Client {
  /** The client's address; null where it is not known, or there is no socket. */
  readonly address: string | null
  /** It came over TLS. */
  readonly secure?: boolean
  /** What the other end of TLS has proven to be its own; null or absent: it showed none. */
  readonly certificate?: ClientCertificate | null
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
  readonly body: string | Uint8Array<ArrayBuffer>
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

/** What an answer is given that its endpoint does not know. */
export interface About {
  readonly requestId: string
  /** The client came over TLS. */
  readonly secure: boolean
  readonly cors?: Readonly<Record<string, string>>
}

/** The headers are a plain object: the adapter then writes them without a `Headers` in between. */
export function toResponse(reply: Reply, about: About): Response {
  return new Response(reply.body === '' ? null : reply.body, {
    status: reply.status,
    headers: headersOf(reply, about),
  })
}

/** Throws an `Error` when one of the endpoint's own could not be sent; the others are all ours. */
export function headersOf(
  reply: Reply,
  { requestId, secure, cors }: About,
): Record<string, string> {
  const headers: Record<string, string> = {
    ...securityHeaders(secure),
    'Content-Type': reply.type,
    'X-Request-Id': requestId,
  }
  if (cors) Object.assign(headers, cors)
  return reply.headers ? Object.assign(headers, sendable(reply.headers)) : headers
}

/**
 * Throws on a value that is more than visible ASCII and spaces. Here, because the adapter finds out
 * only while it writes, and then answers and prints in its own way.
 */
function sendable(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    if (!visible.test(value)) throw new Fault(`the value of ${name} cannot be sent`)
  }
  return headers
}

const visible = /^[ -~]*$/
