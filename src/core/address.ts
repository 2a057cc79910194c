/** Internet addresses as they are compared: each has one text, and an IPv4 address one family. */
import { BlockList, isIP, isIPv6 } from 'node:net'

const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/

/**
 * The one text of an address (RFC 5952), without a zone; null for what is none. An IPv4 address that
 * came as IPv6 (`::ffff:192.0.2.1`) is an IPv4 address.
 */
export function toAddress(text: string): string | null {
  const address = text.includes('%') ? text.replace(/%[\w.-]+$/, '') : text
  // What is left of a zone is in no address, whatever Node takes for one.
  const family = address.includes('%') ? 0 : isIP(address)
  if (family !== 6) return family === 4 ? address : null
  const plain = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [, high, low] = mapped.exec(plain) ?? []
  if (high === undefined || low === undefined) return plain
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [a >> 8, a & 255, b >> 8, b & 255].join('.')
}

/**
 * Whom to count when an address is counted: one IPv4 address, or the /64 of an IPv6 address, since
 * whoever has one address of a /64 has all of them. Takes the text that `toAddress` gives.
 */
export function networkOf(address: string): string {
  return isIPv6(address) ? `${groupsOf(address).slice(0, 4).join(':')}::/64` : address
}

/**
 * About where an address is, for telling one place from another: the /24 of IPv4, the /48 of IPv6, which is
 * what a site has. Takes the text that `toAddress` gives; null: not known.
 */
export function siteOf(address: string | null): string {
  if (address === null) return 'unknown'
  if (isIPv6(address)) return `${groupsOf(address).slice(0, 3).join(':')}::/48`
  return `${address.split('.').slice(0, 3).join('.')}.0/24`
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): readonly string[] {
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail === undefined) return groups
  const last = tail === '' ? [] : tail.split(':')
  while (groups.length + last.length < 8) groups.push('0')
  return [...groups, ...last]
}

/** A check of addresses against addresses and networks such as `10.0.0.0/8`. */
export function networksOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of networks) {
    const [address = '', bits] = text.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

/** Whether the address lies in one of the networks; one that is not known lies in none. */
export function isWithin(networks: BlockList, address: string | null): boolean {
  return address !== null && networks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
