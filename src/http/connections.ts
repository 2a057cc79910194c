/** The connections of a listener: how each of them ends, in good order or not. */
import type { Server, ServerResponse } from 'node:http'
import { Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ErrorCode, LocketError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { answerRaw } from './refused.ts'

export interface Connections {
  draining: boolean
  readonly sockets: Set<Duplex>
  /** The latest response of each connection: what a fault of the connection may not cut into. */
  readonly latest: WeakMap<Duplex, ServerResponse>
  /** Connections that end: what else comes on them is not served. */
  readonly refused: WeakSet<Duplex>
}

export function watchConnections(server: Server | TlsServer, { sockets }: Connections): void {
  const add = (socket: Duplex): void => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }
  if (!(server instanceof TlsServer)) {
    server.on('connection', add)
    return
  }
  // Until TLS is agreed on, a connection is its bare socket; then the one that speaks TLS.
  const bare = new Map<string, Socket>()
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket)
    bare.set(name, socket)
    add(socket)
    socket.once('close', () => {
      if (bare.get(name) === socket) bare.delete(name)
    })
  })
  server.on('secureConnection', (socket) => {
    const before = bare.get(nameOf(socket))
    if (before) sockets.delete(before)
    add(socket)
  })
}

/** The other end: no two connections of a listener have the same at one time. */
function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

const faultCodes: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

/**
 * Bytes that are no HTTP, or that come too slowly. Answered only where no answer to a whole request
 * is outstanding on the connection: the client would take the one for the other. Then that answer
 * is the last.
 */
export function refuseConnection(
  error: NodeJS.ErrnoException,
  { socket, connections, log }: { socket: Duplex; connections: Connections; log: Log },
): void {
  if (connections.refused.has(socket)) return
  connections.refused.add(socket)
  if (!connections.sockets.has(socket)) {
    // TLS was not agreed on: there is no way to tell the other side anything.
    log.debug({ fault: error.code }, 'handshake failed')
    socket.destroy()
    return
  }
  const code = faultCodes[error.code ?? ''] ?? 'invalid_header'
  log.debug({ code, fault: error.code }, 'connection refused')
  const latest = connections.latest.get(socket)
  const isOutstanding = latest !== undefined && !latest.writableFinished
  if (isOutstanding && latest.req.complete) endWith(latest, socket)
  else if (socket.writable && !(isOutstanding && latest.headersSent)) {
    answerRaw(socket, new LocketError(code))
  } else socket.destroy()
}

function endWith(last: ServerResponse, socket: Duplex): void {
  if (!last.headersSent) last.setHeader('Connection', 'close')
  last.once('close', () => socket.destroy())
}

/**
 * Connections fall idle one by one as their requests end; the sweep closes them, and those on which
 * nothing was ever asked, which Node counts as busy.
 */
export async function drain(
  server: Server | TlsServer,
  { connections, timeout_ms }: { connections: Connections; timeout_ms: number },
): Promise<void> {
  if (connections.draining) return
  connections.draining = true
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  const sweep = setInterval(() => {
    server.closeIdleConnections()
    for (const socket of connections.sockets) if (!connections.latest.has(socket)) socket.destroy()
  }, 20)
  const end = setTimeout(() => server.closeAllConnections(), timeout_ms)
  await promise
  clearInterval(sweep)
  clearTimeout(end)
}
