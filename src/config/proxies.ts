/** What trusted proxies may not be: so many that anybody is one, or only ever this machine. */
import { contains, type Network, parseNetwork } from '../egress/addresses.ts'

/** The IPv4 addresses as IPv6 has them; a network around them holds every IPv4 address. */
const mapped: Network = {
  address: Uint8Array.of(...Array(10).fill(0), 255, 255, 0, 0, 0, 0),
  bits: 96,
}
const loopbacks: readonly Network[] = [
  { address: Uint8Array.of(127, 0, 0, 0), bits: 8 },
  { address: Uint8Array.of(...Array(15).fill(0), 1), bits: 128 },
]

const ipv4_bits_min = 8
const ipv6_bits_min = 16

/** An address or a network, each number of it written in the one way that it has. */
export function isProxies(text: string): boolean {
  return /^[0-9A-Fa-f:.]+(\/(0|[1-9]\d*))?$/.test(text) && parseNetwork(text) !== null
}

/** Whether so much of the Internet is in it that it names no proxies. */
export function isTooWide(text: string): boolean {
  const network = parseNetwork(text)
  if (network === null) return true
  const { address, bits } = unmapped(network)
  if (address.length === 4) return bits < ipv4_bits_min
  return bits < ipv6_bits_min || contains(network, mapped.address)
}

/** Whether no other machine can be meant. */
export function isOwnMachine(text: string): boolean {
  const network = parseNetwork(text)
  if (network === null) return false
  return loopbacks.some((one) => isPart(unmapped(network), one))
}

function isPart({ address, bits }: Network, whole: Network): boolean {
  return bits >= whole.bits && contains(whole, address)
}

/** A network of IPv4 that was written as IPv6, as what it is. */
function unmapped(network: Network): Network {
  if (!isPart(network, mapped)) return network
  return { address: network.address.slice(12), bits: network.bits - mapped.bits }
}
