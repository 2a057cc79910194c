import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { contains, parseAddress, parseNetwork, rangeAround, rangeOf } from './addresses.ts'

/** The first and the last address of each range; what lies in it, said or not, is not public. */
const special: readonly (readonly [first: string, last: string, name: string])[] = [
  ['0.0.0.0', '0.255.255.255', 'this network'],
  ['10.0.0.0', '10.255.255.255', 'private use'],
  ['100.64.0.0', '100.127.255.255', 'shared address space'],
  ['127.0.0.0', '127.255.255.255', 'loopback'],
  ['169.254.0.0', '169.254.255.255', 'link-local'],
  ['172.16.0.0', '172.31.255.255', 'private use'],
  ['192.0.0.0', '192.0.0.255', 'IETF protocol assignments'],
  ['192.0.2.0', '192.0.2.255', 'documentation'],
  ['192.31.196.0', '192.31.196.255', 'AS112'],
  ['192.52.193.0', '192.52.193.255', 'AMT'],
  ['192.88.99.0', '192.88.99.255', '6to4 relay'],
  ['192.168.0.0', '192.168.255.255', 'private use'],
  ['192.175.48.0', '192.175.48.255', 'AS112'],
  ['198.18.0.0', '198.19.255.255', 'benchmarking'],
  ['198.51.100.0', '198.51.100.255', 'documentation'],
  ['203.0.113.0', '203.0.113.255', 'documentation'],
  ['224.0.0.0', '239.255.255.255', 'multicast'],
  ['240.0.0.0', '255.255.255.254', 'reserved'],
  ['64:ff9b::', '64:ff9b::ffff:ffff', 'NAT64'],
  ['64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff', 'NAT64'],
  ['::ffff:0.0.0.0', '::ffff:255.255.255.255', 'IPv4-mapped'],
  ['100::', '100::ffff:ffff:ffff:ffff', 'discard'],
  ['100:0:0:1::', '100:0:0:1:ffff:ffff:ffff:ffff', 'dummy prefix'],
  ['2001::', '2001:0:ffff:ffff:ffff:ffff:ffff:ffff', 'Teredo'],
  ['2001:2::', '2001:2:0:ffff:ffff:ffff:ffff:ffff', 'benchmarking'],
  ['2001:10::', '2001:1f:ffff:ffff:ffff:ffff:ffff:ffff', 'ORCHID'],
  ['2001:20::', '2001:2f:ffff:ffff:ffff:ffff:ffff:ffff', 'ORCHID'],
  ['2001:1::', '2001:1:ffff:ffff:ffff:ffff:ffff:ffff', 'IETF protocol assignments'],
  ['2001:30::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', 'IETF protocol assignments'],
  ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', 'documentation'],
  ['2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '6to4'],
  ['2620:4f:8000::', '2620:4f:8000:ffff:ffff:ffff:ffff:ffff', 'AS112'],
  ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', 'documentation'],
  ['5f00::', '5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'segment routing'],
  ['fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'unique local'],
  ['fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'link-local'],
  ['fec0::', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'site-local'],
  ['ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'multicast'],
]

const single: readonly (readonly [address: string, name: string])[] = [
  ['255.255.255.255', 'broadcast'],
  ['169.254.169.254', 'link-local'],
  ['169.254.170.2', 'link-local'],
  ['168.63.129.16', 'metadata of a cloud'],
  ['100.100.100.200', 'metadata of a cloud'],
  ['192.0.0.192', 'IETF protocol assignments'],
  ['fd00:ec2::254', 'metadata of a cloud'],
  ['fd00:ec2::23', 'metadata of a cloud'],
  ['fd20:ce::254', 'metadata of a cloud'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  // IPv4 within IPv6, however it is put in, and whether or not the inner address is public.
  ['::7f00:1', 'not global unicast'],
  ['::8.8.8.8', 'not global unicast'],
  ['::ffff:127.0.0.1', 'IPv4-mapped'],
  ['::ffff:a9fe:a9fe', 'IPv4-mapped'],
  ['::ffff:0:127.0.0.1', 'not global unicast'],
  ['64:ff9b::7f00:1', 'NAT64'],
  ['64:ff9b::8.8.8.8', 'NAT64'],
  ['2002:7f00:1::', '6to4'],
  ['2002:a9fe:a9fe::1', '6to4'],
  ['2001:0:a9fe:a9fe::', 'Teredo'],
  ['4000::1', 'not global unicast'],
  ['8000::1', 'not global unicast'],
]

/** Public ones, most of them right beside a range. */
const open = [
  ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0'],
  ...['126.255.255.255', '128.0.0.0', '169.253.255.255', '169.255.0.0', '172.15.255.255'],
  ...['172.32.0.0', '192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0'],
  ...['223.255.255.255', '168.63.129.15', '168.63.129.17', '192.0.1.0', '192.0.3.0'],
  ...['2606:4700:4700::1111', '2001:4860:4860::8888', '2001:200::1', '2003::1', '2a00::1'],
  ...['2001:db7::1', '2001:db9::1', '3ffe::1', '3fff:1000::1', '2620:4f:8001::1'],
]

function rangeName(text: string): string | null {
  const address = parseAddress(text)
  assert.ok(address, text)
  return rangeOf(address)?.name ?? null
}

describe('which addresses are public [V1.3.6]', () => {
  for (const [first, last, name] of special) {
    test(`not ${first} to ${last}: ${name}`, () => {
      assert.equal(rangeName(first), name)
      assert.equal(rangeName(last), name)
    })
  }

  for (const [address, name] of single) {
    test(`not ${address}: ${name}`, () => assert.equal(rangeName(address), name))
  }

  for (const address of open) {
    test(`${address} is`, () => assert.equal(rangeName(address), null))
  }

  test('of IPv6, nothing outside of 2000::/3 is', () => {
    const outside = fc.uint8Array({ minLength: 16, maxLength: 16 }).filter(([first = 0]) => {
      return first >> 5 !== 1
    })
    fc.assert(fc.property(outside, (address) => rangeOf(address) !== null))
  })

  test('only loopback, private and shared addresses can be opened', () => {
    const names = special.map(([first]) => parseAddress(first)).map((one) => one && rangeOf(one))
    const openable = names.filter((range) => range?.openable).map((range) => range?.name)
    assert.deepEqual(
      [...new Set(openable)].sort(),
      ['loopback', 'private use', 'shared address space', 'unique local'].sort(),
    )
  })
})

describe('addresses and networks', () => {
  test('an address is its bytes', () => {
    assert.deepEqual([...(parseAddress('10.1.2.255') ?? [])], [10, 1, 2, 255])
    const bytes = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 2, 1]
    assert.deepEqual([...(parseAddress('2001:DB8::c000:201') ?? [])], bytes)
    assert.deepEqual([...(parseAddress('2001:db8::192.0.2.1') ?? [])], bytes)
  })

  test('every IPv6 address reads the same however it is written', () => {
    const anyAddress = fc.uint8Array({ minLength: 16, maxLength: 16 })
    const property = fc.property(anyAddress, (bytes) => {
      const long = Array.from({ length: 8 }, (_, at) => {
        return (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16)
      }).join(':')
      const short = new URL(`http://[${long}]`).hostname.slice(1, -1)
      assert.ok(isIPv6(short))
      for (const text of [long, short, long.toUpperCase()]) {
        assert.deepEqual([...(parseAddress(text) ?? [])], [...bytes])
      }
    })
    fc.assert(property)
  })

  test('what is no address is none', () => {
    for (const text of ['', 'a', '1.2.3', '1.2.3.4.5', '0x7f.1', '01.2.3.4', 'fe80::1%eth0', ':']) {
      assert.equal(parseAddress(text), null, text)
    }
  })

  test('a network holds what shares its first bits', () => {
    const network = parseNetwork('172.16.0.0/12')
    assert.ok(network)
    const holds = (text: string) => contains(network, parseAddress(text) ?? new Uint8Array())
    assert.ok(holds('172.16.0.0') && holds('172.31.255.255'))
    assert.ok(!holds('172.15.255.255') && !holds('172.32.0.0') && !holds('::ffff:172.16.0.0'))
    for (const text of [
      '10.0.0.0/33',
      '10.0.0.0/',
      '10.0.0.0/8/8',
      '10.0.0.0/-1',
      '::/129',
      'a/8',
    ]) {
      assert.equal(parseNetwork(text), null, text)
    }
  })

  test('a network lies in a range only as a whole', () => {
    const around = (text: string) => {
      const network = parseNetwork(text)
      return network && rangeAround(network)?.name
    }
    assert.equal(around('10.0.0.0/8'), 'private use')
    assert.equal(around('10.9.0.0/16'), 'private use')
    assert.equal(around('10.0.0.0/7'), undefined)
    assert.equal(around('0.0.0.0/0'), undefined)
    assert.equal(around('8.8.8.0/24'), undefined)
    assert.equal(around('100.100.100.200'), 'metadata of a cloud')
  })
})
