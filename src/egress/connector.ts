/** Connections: to an address that was judged, under the name that was asked for, verified by TLS. */
import { isIPv6, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { stopwatch } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import { parseAddress } from './addresses.ts'
import { asEgressError, EgressError } from './egress-error.ts'
import { type Resolving, requireAllowed, resolveTarget, type Target } from './gate.ts'

export type Connection = Socket | TLSSocket

export interface Connecting extends Resolving {
  /** The authorities (PEM) that certificates are verified by; left out: those that Node trusts. */
  readonly ca?: string
}

/**
 * Resolves a target, once, and connects to the first of its addresses that answers. It is the address
 * that the socket is given, so nothing looks the name up again. The time is for both together.
 * Throws `EgressError`.
 */
export async function connect(target: Target, resolving: Connecting): Promise<Connection> {
  const end_ms = stopwatch() + resolving.timeout_ms
  const resolved = await resolveTarget(target, resolving)
  const addresses = requireAllowed(resolved).slice(0, limits.egressAddresses_max)
  let failure = new EgressError('unreachable')
  for (const [at, address] of addresses.entries()) {
    const left_ms = Math.floor(end_ms - stopwatch())
    if (left_ms <= 0) throw new EgressError('timeout')
    // An address that swallows packets must leave time for those after it.
    const timeout_ms = Math.ceil(left_ms / (addresses.length - at))
    try {
      return await open(target, { ...resolving, address, timeout_ms })
    } catch (thrown) {
      failure = asEgressError(thrown, 'unreachable')
    }
  }
  throw failure
}

async function open(
  { host, port, protocol }: Target,
  { address, timeout_ms, ca }: { address: string; timeout_ms: number; ca?: string },
): Promise<Connection> {
  const { buildConnector } = await import('undici')
  const byAddress = buildConnector({
    timeout: timeout_ms,
    // Said, since the environment has switches for both.
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
    minVersion: 'TLSv1.2',
    // A session that is resumed is not verified again.
    maxCachedSessions: 0,
  })
  // A certificate for an address is asked for without a name; undici takes it from `host`, as URLs have it.
  const named = parseAddress(host) ? {} : { servername: host }
  const asInUrl = isIPv6(address) ? `[${address}]` : address
  const { promise, resolve, reject } = Promise.withResolvers<Connection>()
  byAddress(
    { hostname: address, host: asInUrl, protocol, port: String(port), ...named },
    (error, socket) => (error ? reject(error) : resolve(socket)),
  )
  return promise
}
