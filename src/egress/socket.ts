/**
 * A connection for a protocol that is not HTTP, to a server that the operator has named by a setting of
 * its own: resolved once, judged and pinned like every other way out. Nothing is encrypted by it; who
 * speaks on it says when TLS begins.
 */
import { isIP, isIPv6, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { originEntry } from './allow-list.ts'
import { tell } from './call.ts'
import { connect } from './connector.ts'
import { asEgressError } from './egress-error.ts'
import { admit, type Resolve, resolveBySystem } from './gate.ts'

export interface OwnServer {
  /** A name or an address, without brackets. */
  readonly host: string
  readonly port: number
}

export interface SocketOptions {
  readonly log: Log
  /** For resolving and connecting together. */
  readonly timeout_ms?: number
  /** What tests replace. */
  readonly resolve?: Resolve
}

/**
 * Connects to exactly this host and port, wherever the name leads that can be opened at all. Throws
 * `EgressError`.
 */
export async function openSocket(server: OwnServer, options: SocketOptions): Promise<Socket> {
  const { log, resolve = resolveBySystem } = options
  const timeout_ms = options.timeout_ms ?? limits.egressConnect_timeout_ms
  const { host, port } = server
  const url = `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
  try {
    return await connect(admit(url, [originEntry(url)]), { resolve, timeout_ms })
  } catch (thrown) {
    const error = asEgressError(thrown, 'unreachable')
    tell(log, server, error)
    throw error
  }
}

/** What a server is verified by, and what it is shown, in PEM. */
export interface SocketSecrets {
  /** Left out: the authorities that Node trusts. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** The same by TLS. The handshake is under way: its end, or an error, is an event of the socket. */
export async function openTlsSocket(
  server: OwnServer,
  options: SocketOptions,
  secrets: SocketSecrets,
): Promise<TLSSocket> {
  const { host } = server
  return connectTls({
    ...secrets,
    socket: await openSocket(server, options),
    // What is verified; a name is sent along, an address is not.
    host,
    ...(isIP(host) === 0 && { servername: host }),
    minVersion: 'TLSv1.2',
    // Said, since the environment has a switch for it.
    rejectUnauthorized: true,
  })
}
