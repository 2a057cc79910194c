/**
 * The allow-list: where outgoing calls may go. An entry is
 *
 *   api.example.com            https, port 443, and only while the name resolves to public addresses
 *   api.example.com:8443       another port
 *   *.example.com              every name below example.com, not example.com itself
 *   idp.example.com=10.1.0.0/16   a name on a private network: only addresses of that network
 *   10.1.2.3:8443              one address, private or public
 *   http://127.0.0.1:11434     without TLS; only to an address or network that is not public
 *
 * Private addresses are opened by naming them, never by naming a host: who answers for a name could
 * otherwise point it at anything behind the firewall. A host is taken only as everybody writes it:
 * `010.0.0.1` is 10.0.0.1 to one reader and 8.0.0.1 to the next.
 */
import { isIPv6 } from 'node:net'
import { domainToUnicode } from 'node:url'
import {
  type Address,
  contains,
  lenders,
  type Network,
  parseAddress,
  parseNetwork,
  type Range,
  rangeAround,
  rangeOf,
} from './addresses.ts'

export interface AllowEntry {
  /** As the operator wrote it. */
  readonly text: string
  readonly protocol: 'https:' | 'http:'
  /** As the URL parser writes it; with `wildcard`, the domain that names must lie below. */
  readonly host: string
  readonly wildcard: boolean
  readonly port: number
  /** Where its addresses must lie; null: at public addresses. */
  readonly network: Network | null
  /** At any address that can be opened at all; no text of the list says this. */
  readonly anywhere?: true
  /** At exactly the address of `network`, which nothing else opens; no text of the list says this. */
  readonly lends?: true
}

/** What is called, as far as the allow-list goes. */
export interface Called {
  readonly protocol: string
  readonly host: string
  readonly port: number
}

/** What an entry should have been: follows "expected". */
export interface Misread {
  readonly expected: string
}

/** Reads one entry. */
export function readAllowEntry(text: string): AllowEntry | Misread {
  const parts =
    /^(https?:\/\/)?(\*\.)?(\[[0-9a-f:.]+\]|[^\s/?#@:[\]=*%,\\]+)(:\d{1,5})?(=\S+)?$/iu.exec(text)
  if (!parts) return { expected: 'host, host:port or *.domain, and =network for a private one' }
  const [, scheme = 'https://', star, name = '', port, network] = parts
  const protocol = scheme.toLowerCase() === 'http://' ? 'http:' : 'https:'
  const url = URL.parse(`${protocol}//${name}${port ?? ''}/`)
  if (!url || portOf(url) === 0) return { expected: 'a host and a port that URLs can have' }
  const host = bareHost(url)
  if (!isPlain(name, host))
    return { expected: 'a host written plainly, such as 10.0.0.1 or a.example' }
  const entry = {
    text,
    protocol,
    host,
    wildcard: star !== undefined,
    port: portOf(url),
    // A host that is an address is the network of that address.
    network: parseNetwork(network === undefined ? host : network.slice(1)),
  } as const
  const expected = mistakeIn(entry, network !== undefined)
  return expected === null ? entry : { expected }
}

/** Reads all entries. The program stops at a mistake: settings are checked before. */
export function readAllowList(texts: readonly string[]): readonly AllowEntry[] {
  return texts.map((text) => {
    const entry = readAllowEntry(text)
    if ('expected' in entry) throw new Error(`the egress allow-list expects ${entry.expected}`)
    return entry
  })
}

/** An entry for exactly the origin of a URL, wherever its name leads. */
export function originEntry(text: string): AllowEntry {
  const url = new URL(text)
  const protocol = url.protocol === 'http:' ? 'http:' : 'https:'
  const host = bareHost(url)
  const entry = { text: url.origin, protocol, host, wildcard: false, port: portOf(url) } as const
  return { ...entry, network: null, anywhere: true }
}

/**
 * An entry for exactly the origin of a URL whose host is written as an address where a cloud lends
 * credentials; null for any other.
 */
export function lenderEntry(text: string): AllowEntry | null {
  const { anywhere: _, ...entry } = originEntry(text)
  const network = lenders.includes(entry.host) ? parseNetwork(entry.host) : null
  return network && { ...entry, network, lends: true }
}

/** Whether an entry names this scheme, host and port. */
export function names(entry: AllowEntry, called: Called): boolean {
  if (entry.protocol !== called.protocol || entry.port !== called.port) return false
  if (!entry.wildcard) return entry.host === called.host
  return called.host.endsWith(`.${entry.host}`)
}

/** Whether a list names where a URL leads; whether its addresses suit, a call finds out. */
export function isNamed(text: string, allow: readonly string[]): boolean {
  const url = new URL(text)
  const called = { protocol: url.protocol, host: bareHost(url), port: portOf(url) }
  return readAllowList(allow).some((entry) => names(entry, called))
}

/**
 * What an operator would add to let a URL pass; without TLS a name needs the network that it is on,
 * which only he knows.
 */
export function entryFor(text: string): string {
  const { protocol, host, hostname } = new URL(text)
  if (protocol === 'https:') return host
  const isAddress = parseAddress(hostname.replace(/^\[|\]$/g, '')) !== null
  return isAddress ? `http://${host}` : `http://${host}=NETWORK`
}

/** Whether an entry lets calls to what it names go to this address. */
export function opens({ network, anywhere, lends }: AllowEntry, address: Address): boolean {
  const range = rangeOf(address)
  if (anywhere) return range === null || range.openable
  if (lends) return network !== null && contains(network, address)
  if (!network) return range === null
  return contains(network, address) && (range === null || range.openable)
}

/** The host without the brackets of IPv6. */
export function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '')
}

export function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port)
  return protocol === 'http:' ? 80 : 443
}

/** Whether the text of a host is the one that `host`, the parser's, is written with. */
function isPlain(text: string, host: string): boolean {
  const written = text.toLowerCase()
  if (isIPv6(host)) return written === `[${host}]`
  const isName = host.length <= 253 && host.split('.').every((label) => plainLabel.test(label))
  return isName && (written === host || written === domainToUnicode(host))
}

/** Of a name as DNS has it, and with `_`, which names of containers have. */
const plainLabel = /^[a-z0-9_-]{1,63}$/

function mistakeIn(entry: AllowEntry, networkGiven: boolean): string | null {
  const isLiteral = parseAddress(entry.host) !== null
  if (entry.wildcard && (isLiteral || !entry.host.includes('.'))) {
    return 'a domain of two or more labels after *.'
  }
  if (networkGiven && isLiteral) return 'a name before =network'
  if (networkGiven && !openRange(entry.network)) {
    return 'a network within one private range after = (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, …)'
  }
  const special = isLiteral && entry.network ? rangeOf(entry.network.address) : null
  if (special && !special.openable)
    return `an address that can be called, not one of ${special.name}`
  if (entry.protocol === 'http:' && !openRange(entry.network)) {
    return 'https, or an address or =network that is not public'
  }
  return null
}

function openRange(network: Network | null): Range | null {
  const range = network && rangeAround(network)
  return range?.openable ? range : null
}
