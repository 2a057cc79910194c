/**
 * The client behind a trusted proxy. Only what such a proxy says is read, and only two headers of
 * it: `X-Forwarded-For` for the address, `X-Forwarded-Proto` for whether the client came over TLS.
 * `Forwarded`, `X-Real-IP`, `X-Forwarded-Host` and whatever names a user are never read.
 */
import type { BlockList } from 'node:net'
import { isWithin, networksOf, toAddress } from '../core/address.ts'
import { limits } from '../core/limits.ts'
import type { Client } from './reply.ts'

export type ForwardedClient = (client: Client, headers: Headers) => Client

/** Takes the socket's client for what he is, unless he is one of these proxies. */
export function forwardedClient(trustedProxies: readonly string[]): ForwardedClient {
  if (trustedProxies.length === 0) return (client) => client
  const proxies = networksOf(trustedProxies)
  return (client, headers) => {
    if (!isWithin(proxies, client.address)) return client
    const secure = client.secure === true || isHttps(headers.get('x-forwarded-proto'))
    // A certificate of the proxy's own says who the proxy is, not who is calling through it. It never
    // counts: a proxy that forgets a header would otherwise lend its name to everybody.
    const proxied = { ...client, secure, certificate: null }
    const hops = headers.get('x-forwarded-for')
    return hops === null ? proxied : { ...proxied, address: addressIn(hops, proxies) }
  }
}

/**
 * The first address from the right that is no trusted proxy's: all that is left of it was written by
 * who is not trusted. What cannot be read makes the address unknown, which lies in no network and
 * which no key that is bound to addresses takes.
 */
function addressIn(hops: string, proxies: BlockList): string | null {
  let address: string | null = null
  for (const hop of hops.split(',').slice(-limits.forwarded_hops_max).reverse()) {
    address = hopAddress(hop.trim())
    if (!isWithin(proxies, address)) return address
  }
  return hops.split(',').length > limits.forwarded_hops_max ? null : address
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`. */
const withPort = /^(?:\[([0-9A-Fa-f:.]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?$/

function hopAddress(hop: string): string | null {
  const [, bracketed, plain] = withPort.exec(hop) ?? []
  const address = toAddress(bracketed ?? plain ?? hop)
  // Brackets are for IPv6 alone.
  return bracketed !== undefined && !bracketed.includes(':') ? null : address
}

function isHttps(proto: string | null): boolean {
  return proto?.toLowerCase() === 'https'
}
