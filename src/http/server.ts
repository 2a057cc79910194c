/**
 * The listener: bounds on what a connection may cost, and an end that loses nothing. It knows
 * nothing of what is served; requests go to `fetch`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener, RequestError } from '@hono/node-server'
import { asLocketError, type ErrorCode, LocketError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { answerRaw, answerRefused, refusedResponse } from './refused.ts'
import type { Client } from './reply.ts'
import { pathOf } from './target.ts'

export interface ListenOptions {
  readonly fetch: (request: globalThis.Request, client: Client) => Promise<Response>
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  readonly log: Log
  /** What tests shorten; the table of limits for the rest. */
  readonly bounds?: Partial<Bounds>
}

export type Bounds = Pick<
  typeof limits,
  | 'header_bytes_max'
  | 'header_timeout_ms'
  | 'request_timeout_ms'
  | 'keepAlive_timeout_ms'
  | 'connections_max'
  | 'drain_timeout_ms'
>

export interface Listener {
  readonly port: number
  /** Stops accepting, lets requests that are under way end, then closes what is left. */
  close(): Promise<void>
}

/** Starts to listen. Throws an `Error` that says which address could not be had, and why. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const bounds = { ...limits, ...options.bounds }
  const state: State = { draining: false, latest: new WeakMap() }
  const server = createServer(
    {
      maxHeaderSize: bounds.header_bytes_max,
      headersTimeout: bounds.header_timeout_ms,
      requestTimeout: bounds.request_timeout_ms,
      keepAliveTimeout: bounds.keepAlive_timeout_ms,
      connectionsCheckingInterval: Math.min(1000, bounds.header_timeout_ms),
      insecureHTTPParser: false,
      requireHostHeader: true,
    },
    requestListener(options, state),
  )
  server.maxConnections = bounds.connections_max
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    refuseConnection(error, { socket, state, log: options.log })
  })
  server.on('checkExpectation', (_incoming: IncomingMessage, outgoing: ServerResponse) => {
    answerRefused(outgoing, new LocketError('invalid_header', 'Expect: only 100-continue'))
  })
  const port = await bind(server, options)
  return { port, close: () => drain(server, { state, timeout_ms: bounds.drain_timeout_ms }) }
}

interface State {
  draining: boolean
  /** The latest response of each connection: what a fault of the connection may not cut into. */
  readonly latest: WeakMap<Duplex, ServerResponse>
}

type Listen = (incoming: IncomingMessage, outgoing: ServerResponse) => void

function requestListener({ fetch, log }: ListenOptions, state: State): Listen {
  const serve = getRequestListener(
    (request, { incoming }) => fetch(request, clientOf(incoming.socket as Socket)),
    { errorHandler: (thrown) => refusedResponse(asFault(thrown, log)) },
  )
  return (incoming, outgoing) => {
    state.latest.set(incoming.socket, outgoing)
    if (state.draining) outgoing.setHeader('Connection', 'close')
    const fault = faultOf(incoming)
    if (!fault) return void serve(incoming, outgoing)
    log.info({ method: incoming.method, status: fault.status, code: fault.code }, 'refused')
    answerRefused(outgoing, fault)
  }
}

/** The adapter fails only where it cannot make a URL of the Host; anything else is our bug. */
function asFault(thrown: unknown, log: Log): LocketError {
  if (thrown instanceof RequestError) return new LocketError('invalid_header', 'Host: no host name')
  log.error({ err: thrown }, 'failed')
  return asLocketError(thrown)
}

/** What Node lets pass and others read differently. */
function faultOf(incoming: IncomingMessage): LocketError | null {
  if (pathOf(incoming.url ?? '') === '') return new LocketError('not_found')
  return countHosts(incoming.rawHeaders) === 1
    ? null
    : new LocketError('invalid_header', 'Host: exactly one')
}

function countHosts(rawHeaders: readonly string[]): number {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

/**
 * The address is the socket's own. `X-Forwarded-For` and its kin are what the caller says of
 * himself and are never read. An IPv4 address that came over an IPv6 socket is an IPv4 address.
 */
function clientOf(socket: Socket & { readonly encrypted?: boolean }): Client {
  const address = socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  return { address: address ?? null, secure: socket.encrypted === true, framed: true }
}

const faultCodes: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

/**
 * Bytes that are no HTTP, or that come too slowly. Answered only where no answer to a whole request
 * is outstanding on the connection: the client would take the one for the other.
 */
function refuseConnection(
  error: NodeJS.ErrnoException,
  { socket, state, log }: { socket: Duplex; state: State; log: Log },
): void {
  const code = faultCodes[error.code ?? ''] ?? 'invalid_header'
  log.debug({ code, fault: error.code }, 'connection refused')
  const latest = state.latest.get(socket)
  const isOutstanding = latest !== undefined && !latest.writableFinished
  const mayAnswer = !isOutstanding || (!latest.headersSent && !latest.req.complete)
  if (socket.writable && mayAnswer) answerRaw(socket, new LocketError(code))
  else socket.destroy()
}

async function bind(server: Server, { host, port, log }: ListenOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host, port }, resolve)
  try {
    await promise
  } catch (thrown) {
    throw new Error(`cannot listen on ${host}, port ${port}: ${reasonOf(thrown)}`, {
      cause: thrown,
    })
  }
  server.off('error', reject)
  server.on('error', (error) => log.error({ err: error }, 'the listener failed'))
  return (server.address() as AddressInfo).port
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

/** Connections fall idle one by one as their requests end; the sweep closes them. */
async function drain(
  server: Server,
  { state, timeout_ms }: { state: State; timeout_ms: number },
): Promise<void> {
  if (state.draining) return
  state.draining = true
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  const sweep = setInterval(() => server.closeIdleConnections(), 20)
  const end = setTimeout(() => server.closeAllConnections(), timeout_ms)
  await promise
  clearInterval(sweep)
  clearTimeout(end)
}
