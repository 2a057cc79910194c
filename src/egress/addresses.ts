/**
 * Addresses, and which of them are somebody's own: the special-purpose registries of IANA for IPv4
 * and IPv6, and where clouds keep what only their own machines may ask for. What is in the table is
 * not public. Some of it an operator can name as a target; the rest is never called, whatever he says.
 */
import { isIPv4, isIPv6 } from 'node:net'

/** 4 bytes or 16. */
export type Address = Uint8Array

export interface Network {
  readonly address: Address
  readonly bits: number
}

export interface Range extends Network {
  readonly name: string
  /** Whether the allow-list can open it: real servers stand there, on a host or a private network. */
  readonly openable: boolean
}

const never: readonly (readonly [network: string, name: string])[] = [
  // Before the ranges that they lie in: the first that fits tells.
  ['168.63.129.16/32', 'metadata of a cloud'],
  ['100.100.100.200/32', 'metadata of a cloud'],
  ['fd00:ec2::/32', 'metadata of a cloud'],
  ['fd20:ce::/32', 'metadata of a cloud'],
  ['0.0.0.0/8', 'this network'],
  ['169.254.0.0/16', 'link-local'],
  ['192.0.0.0/24', 'IETF protocol assignments'],
  ['192.0.2.0/24', 'documentation'],
  ['192.31.196.0/24', 'AS112'],
  ['192.52.193.0/24', 'AMT'],
  ['192.88.99.0/24', '6to4 relay'],
  ['192.175.48.0/24', 'AS112'],
  ['198.18.0.0/15', 'benchmarking'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['240.0.0.0/4', 'reserved'],
  ['::/128', 'unspecified'],
  ['::ffff:0:0/96', 'IPv4-mapped'],
  ['64:ff9b::/96', 'NAT64'],
  ['64:ff9b:1::/48', 'NAT64'],
  ['100::/64', 'discard'],
  ['100:0:0:1::/64', 'dummy prefix'],
  ['2001::/32', 'Teredo'],
  ['2001:2::/48', 'benchmarking'],
  ['2001:10::/28', 'ORCHID'],
  ['2001:20::/28', 'ORCHID'],
  ['2001::/23', 'IETF protocol assignments'],
  ['2001:db8::/32', 'documentation'],
  ['2002::/16', '6to4'],
  ['2620:4f:8000::/48', 'AS112'],
  ['3fff::/20', 'documentation'],
  ['5f00::/16', 'segment routing'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
]

/** Where AWS lends credentials to its machines and containers: for the one who comes for these. */
export const lenders: readonly string[] = [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  'fd00:ec2::254',
  'fd00:ec2::23',
]

const openable: readonly (readonly [network: string, name: string])[] = [
  ['10.0.0.0/8', 'private use'],
  ['100.64.0.0/10', 'shared address space'],
  ['127.0.0.0/8', 'loopback'],
  ['172.16.0.0/12', 'private use'],
  ['192.168.0.0/16', 'private use'],
  ['::1/128', 'loopback'],
  ['fc00::/7', 'unique local'],
]

const ranges: readonly Range[] = [
  ...never.map(([network, name]) => ({ ...known(network), name, openable: false })),
  ...openable.map(([network, name]) => ({ ...known(network), name, openable: true })),
]

/** Of IPv6, public addresses are handed out from here alone; the deprecated `::a.b.c.d` is not here. */
const globalUnicast = known('2000::/3')
const notHandedOut: Range = { ...known('::/0'), name: 'not global unicast', openable: false }

/** The special range that an address lies in; null: it is public. */
export function rangeOf(address: Address): Range | null {
  const special = ranges.find((range) => contains(range, address))
  if (special) return special
  return address.length === 4 || contains(globalUnicast, address) ? null : notHandedOut
}

/** The special range that a network lies in as a whole; null when there is none. */
export function rangeAround({ address, bits }: Network): Range | null {
  const range = rangeOf(address)
  return range && range.bits <= bits ? range : null
}

export function contains({ address: base, bits }: Network, address: Address): boolean {
  if (base.length !== address.length) return false
  return base.every((byte, at) => {
    const mask = (0xff00 >> Math.min(8, Math.max(0, bits - 8 * at))) & 0xff
    return (byte & mask) === ((address[at] ?? 0) & mask)
  })
}

/** `10.0.0.0/8`, `fd00::/8`, or one address; null for anything else. */
export function parseNetwork(text: string): Network | null {
  const [base = '', bits, ...rest] = text.split('/')
  const address = parseAddress(base)
  if (!address || rest.length > 0) return null
  const whole = address.length * 8
  if (bits === undefined) return { address, bits: whole }
  return /^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= whole
    ? { address, bits: Number(bits) }
    : null
}

/** The bytes of an address; null for what is none, and for one with a zone (`fe80::1%eth0`). */
export function parseAddress(text: string): Address | null {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  if (!isIPv6(text) || text.includes('%')) return null
  const [head = '', tail] = text.split('::')
  const front = bytesOf(head)
  const back = bytesOf(tail ?? '')
  const address = new Uint8Array(16)
  address.set(front)
  address.set(back, 16 - back.length)
  return address
}

/** One side of `::`, or all of an address without it. */
function bytesOf(groups: string): readonly number[] {
  if (groups === '') return []
  return groups.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

function known(text: string): Network {
  const network = parseNetwork(text)
  if (!network) throw new Error(`${text} is no network`)
  return network
}
