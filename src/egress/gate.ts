/**
 * The decision: whether a URL may be called, and at which addresses. The URL is read by the parser
 * that also makes the request, so there is no spelling of a host that the two take differently; and
 * the addresses that were judged are the ones that are connected to, so a name that changes its mind
 * in between gains nothing.
 */
import { lookup } from 'node:dns/promises'
import { limits } from '../core/limits.ts'
import { type Address, parseAddress, rangeOf } from './addresses.ts'
import { type AllowEntry, bareHost, type Called, names, opens, portOf } from './allow-list.ts'
import { asEgressError, EgressError } from './egress-error.ts'

/** A URL that the allow-list names. */
export interface Target extends Called {
  readonly url: URL
  /** Those that name it. */
  readonly entries: readonly AllowEntry[]
}

/** An address that a host resolves to. */
export interface Resolved {
  readonly address: string
  /** The special range that it lies in; null: it is public. */
  readonly range: string | null
  readonly allowed: boolean
}

/** All addresses of a name, by the operating system. */
export type Resolve = (host: string) => Promise<readonly string[]>

/**
 * As every other program on the machine resolves it, the hosts file and private zones included:
 * what comes out is judged, wherever it comes from.
 */
export const resolveBySystem: Resolve = async (host) => {
  const found = await lookup(host, { all: true, order: 'verbatim' })
  return found.map(({ address }) => address)
}

/** Reads a URL and finds the entries that name it. Throws `EgressError`. */
export function admit(text: string, allow: readonly AllowEntry[]): Target {
  const { url, called } = readUrl(text)
  const entries = allow.filter((entry) => names(entry, called))
  if (entries.length === 0) throw new EgressError('not_allowed')
  return { ...called, url, entries }
}

/** Takes a URL apart; the sort of it is judged, not yet where it leads. Throws `EgressError`. */
export function readUrl(text: string): { readonly url: URL; readonly called: Called } {
  if (text.length > limits.egressUrl_characters_max) throw new EgressError('url_too_long')
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) throw new EgressError('url_invalid')
  if (url.username !== '' || url.password !== '') throw new EgressError('credentials_in_url')
  const host = bareHost(url)
  // With a dot at its end a name is the same to DNS and another one to certificates and the list.
  if (host.length > 253 || host.endsWith('.')) throw new EgressError('url_invalid')
  return { url, called: { protocol: url.protocol, host, port: portOf(url) } }
}

export interface Resolving {
  readonly resolve: Resolve
  readonly timeout_ms: number
}

/** Resolves a target once, and judges every address. Throws `EgressError` when there is none. */
export async function resolveTarget(
  { host, entries }: Target,
  { resolve, timeout_ms }: Resolving,
): Promise<readonly Resolved[]> {
  const addresses = parseAddress(host)
    ? [host]
    : await within(timeout_ms, resolveName(host, resolve))
  return addresses.map((address) => judge(address, entries))
}

/** The addresses of a target. One that is not allowed spoils all: an attacker mixes them. */
export function requireAllowed(resolved: readonly Resolved[]): readonly string[] {
  const refused = resolved.find(({ allowed }) => !allowed)
  if (refused) throw new EgressError('address_refused', refused.range ?? 'public')
  return resolved.map(({ address }) => address)
}

async function resolveName(host: string, resolve: Resolve): Promise<readonly string[]> {
  try {
    const addresses = await resolve(host)
    if (addresses.length > 0) return addresses
  } catch (thrown) {
    throw asEgressError(thrown, 'unresolved')
  }
  throw new EgressError('unresolved')
}

function judge(text: string, entries: readonly AllowEntry[]): Resolved {
  const address: Address | null = parseAddress(text)
  // What cannot be read has a zone: it is link-local.
  if (!address) return { address: text, range: 'link-local', allowed: false }
  return {
    address: text,
    range: rangeOf(address)?.name ?? null,
    allowed: entries.some((entry) => opens(entry, address)),
  }
}

/** The promise, or `timeout` after a while; then its end is nobody's matter any more. */
async function within<Result>(timeout_ms: number, promise: Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new EgressError('timeout')), timeout_ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
