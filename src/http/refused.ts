/** Refusals that no `Request` is made for: the listener's own, on what it cannot or will not read. */
import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { systemClock } from '../core/clock.ts'
import type { LocketError } from '../core/errors.ts'
import { type Id, newId } from '../core/ids.ts'
import { problemReply } from './problem.ts'
import { headersOf } from './reply.ts'

/** Answers a request whose head was understood. Gives the id that the caller was told. */
export function answerRefused(outgoing: ServerResponse, error: LocketError): Id<'req'> {
  const requestId = newId('req', systemClock)
  const { status, headers, body } = refusalOf(error, {
    requestId,
    secure: isSecure(outgoing.socket),
  })
  outgoing.writeHead(status, { ...headers, Connection: 'close' }).end(body)
  return requestId
}

/** The same, for the adapter, which does not say what connection it was. */
export function refusedResponse(error: LocketError, about: About): Response {
  const { status, headers, body } = refusalOf(error, about)
  return new Response(body, { status, headers })
}

/** Answers on a connection where nothing was understood, and ends it. */
export function answerRaw(socket: Duplex, error: LocketError): void {
  const { status, headers, body } = refusalOf(error, {
    requestId: newId('req', systemClock),
    secure: isSecure(socket),
  })
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}Content-Length: ${Buffer.byteLength(
      body,
    )}\r\nConnection: close\r\n\r\n${body}`,
  )
}

interface About {
  readonly requestId: Id<'req'>
  readonly secure: boolean
}

function refusalOf(error: LocketError, about: About) {
  const reply = problemReply(error, { requestId: about.requestId, docsUrl: null })
  return {
    status: reply.status,
    body: reply.body,
    headers: headersOf(reply, about),
  }
}

/** Whether it came over TLS. */
export function isSecure(socket: Duplex | null): socket is TLSSocket {
  return socket instanceof TLSSocket
}
