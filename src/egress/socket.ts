/**
 * A connection for a protocol that is not HTTP, to a server that the operator has named by a setting of
 * its own: resolved once, judged and pinned like every other way out. Nothing is encrypted by it; who
 * speaks on it says when TLS begins.
 */
import { isIPv6, type Socket } from 'node:net'
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
