/**
 * The listener: bounds on what a connection may cost, and an end that loses nothing. It knows
 * nothing of what is served; requests go to `fetch`.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener, RequestError } from '@hono/node-server'
import { toAddress } from '../core/address.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { asLocketError, LocketError } from '../core/errors.ts'
import { Fault } from '../core/fault.ts'
import { type Id, newId } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { type Connections, drain, refuseConnection, watchConnections } from './connections.ts'
import { answerRefused, isSecure, refusedResponse } from './refused.ts'
import type { Client } from './reply.ts'
import { pathOf } from './target.ts'
import { type TlsWatch, watchTls } from './tls.ts'
import { readTls, type TlsFiles, type TlsIdentity } from './tls-files.ts'

export interface ListenOptions {
  readonly fetch: (request: globalThis.Request, client: Client) => Promise<Response>
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  readonly log: Log
  /** Paths that no Locket has are handed to `fetch`, too, instead of being refused. */
  readonly anyPath?: boolean
  /** Null or absent: plain HTTP. */
  readonly tls?: TlsFiles | null
  /** What certificates are held against. */
  readonly clock?: Clock
  /** What tests shorten; the table of limits for the rest. */
  readonly bounds?: Partial<Bounds>
}

export type Bounds = Record<
  | 'header_bytes_max'
  | 'header_timeout_ms'
  | 'handshake_timeout_ms'
  | 'certificateCheck_interval_ms'
  | 'request_timeout_ms'
  | 'keepAlive_timeout_ms'
  | 'connections_max'
  | 'drain_timeout_ms',
  number
>

export interface Listener {
  readonly port: number
  /** Stops accepting, lets requests that are under way end, then closes what is left. */
  close(): Promise<void>
}

/** Starts to listen. Throws an `Error` that says which address or file could not be had, and why. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { log, clock = systemClock } = options
  const bounds: Bounds = { ...limits, ...options.bounds }
  const connections: Connections = {
    draining: false,
    sockets: new Set(),
    latest: new WeakMap(),
    refused: new WeakSet(),
  }
  const files = options.tls ?? null
  const identity = files && (await readTls(files, clock()))
  const server = identity ? createTlsServer(identity, bounds) : createServer(serverOptions(bounds))
  const interval_ms = bounds.certificateCheck_interval_ms
  const watch =
    files && identity && server instanceof TlsServer
      ? watchTls(server, identity, { files, log, clock, interval_ms })
      : null
  server.on('request', requestListener(options, { connections, watch }))
  server.maxConnections = bounds.connections_max
  watchConnections(server, connections)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    refuseConnection(error, { socket, connections, log })
  })
  server.on('checkExpectation', (_incoming: IncomingMessage, outgoing: ServerResponse) => {
    answerRefused(outgoing, new LocketError('invalid_header', 'Expect: only 100-continue'))
  })
  try {
    const port = await bind(server, options)
    const close = async (): Promise<void> => {
      watch?.stop()
      await drain(server, { connections, timeout_ms: bounds.drain_timeout_ms })
    }
    return { port, close }
  } catch (thrown) {
    watch?.stop()
    throw thrown
  }
}

function serverOptions(bounds: Bounds): ServerOptions {
  return {
    maxHeaderSize: bounds.header_bytes_max,
    headersTimeout: bounds.header_timeout_ms,
    requestTimeout: bounds.request_timeout_ms,
    keepAliveTimeout: bounds.keepAlive_timeout_ms,
    connectionsCheckingInterval: Math.min(1000, bounds.header_timeout_ms),
    insecureHTTPParser: false,
    // Node's own refusal has none of our headers; `faultOf` asks for exactly one.
    requireHostHeader: false,
  }
}

/** What a client certificate is worth is asked for each request, so none ends a handshake. */
function createTlsServer({ context, clientCa }: TlsIdentity, bounds: Bounds): TlsServer {
  return new TlsServer({
    ...serverOptions(bounds),
    ...context,
    handshakeTimeout: bounds.handshake_timeout_ms,
    ALPNProtocols: ['http/1.1'],
    requestCert: clientCa !== null,
    rejectUnauthorized: false,
  })
}

type Listen = (incoming: IncomingMessage, outgoing: ServerResponse) => void

interface Parts {
  readonly connections: Connections
  readonly watch: TlsWatch | null
}

function requestListener(options: ListenOptions, { connections, watch }: Parts): Listen {
  const { fetch, log, anyPath = false } = options
  const serve = getRequestListener(
    (request, { incoming }) => fetch(request, clientOf(incoming.socket as Socket, watch)),
    {
      errorHandler: (thrown) => {
        const requestId = newId('req', systemClock)
        return refusedResponse(asFault(thrown, { log, requestId }), {
          requestId,
          secure: watch !== null,
        })
      },
    },
  )
  return (incoming, outgoing) => {
    const { socket } = incoming
    if (connections.refused.has(socket)) return
    connections.latest.set(socket, outgoing)
    if (connections.draining) outgoing.setHeader('Connection', 'close')
    const fault = faultOf(incoming) ?? (anyPath ? null : pathFaultOf(incoming))
    if (!fault) return void serve(incoming, outgoing)
    connections.refused.add(socket)
    const requestId = answerRefused(outgoing, fault)
    const { status, code } = fault
    log.info({ requestId, method: incoming.method, status, code }, 'refused')
  }
}

/** The adapter fails where it cannot make a URL of the Host; anything else is our bug. */
function asFault(
  thrown: unknown,
  { log, requestId }: { log: Log; requestId: Id<'req'> },
): LocketError {
  if (thrown instanceof RequestError) return new LocketError('invalid_header', 'Host: no host name')
  log.error({ requestId, err: thrown }, 'failed')
  return asLocketError(thrown)
}

/** What Node lets pass and others read differently. */
function faultOf(incoming: IncomingMessage): LocketError | null {
  if (countHosts(incoming.rawHeaders) !== 1) {
    return new LocketError('invalid_header', 'Host: exactly one')
  }
  const coding = incoming.headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    return new LocketError('invalid_header', 'Transfer-Encoding: only chunked')
  }
  return null
}

function pathFaultOf({ url = '' }: IncomingMessage): LocketError | null {
  return pathOf(url) === '' ? new LocketError('not_found') : null
}

function countHosts(rawHeaders: readonly string[]): number {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

/** The address is the socket's own; what a trusted proxy says of others is read by the router. */
function clientOf(socket: Socket, watch: TlsWatch | null): Client {
  const address = socket.remoteAddress === undefined ? null : toAddress(socket.remoteAddress)
  const secure = isSecure(socket)
  const certificate = secure && watch ? watch.clientCertificate(socket) : null
  return { address, secure, framed: true, certificate }
}

async function bind(
  server: Server | TlsServer,
  { host, port, log }: ListenOptions,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host, port }, resolve)
  try {
    await promise
  } catch (thrown) {
    throw new Fault(`cannot listen on ${host}, port ${port}: ${reasonOf(thrown)}`, {
      cause: thrown,
    })
  }
  server.off('error', reject)
  server.on('error', (error) => log.error({ err: error }, 'the listener failed'))
  return (server.address() as AddressInfo).port
}

/** Whether `listen` has thrown this since another program has the port. */
export function isTaken(thrown: unknown): boolean {
  const cause = thrown instanceof Error ? thrown.cause : null
  return cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'no such host',
}

function reasonOf(thrown: unknown): string {
  const { code } = thrown as NodeJS.ErrnoException
  return reasons[code ?? ''] ?? String(code)
}
