import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWithin, networkOf, networksOf, siteOf, toAddress } from './address.ts'

test('an address has one text', () => {
  const cases: Readonly<Record<string, string>> = {
    '192.0.2.1': '192.0.2.1',
    '2001:DB8:0:0:0:0:0:1': '2001:db8::1',
    '2001:0db8::0001': '2001:db8::1',
    '::1': '::1',
    '::': '::',
    'fe80::1%eth0': 'fe80::1',
    '::ffff:192.0.2.1': '192.0.2.1',
    '::FFFF:c000:0201': '192.0.2.1',
    '0:0:0:0:0:ffff:192.0.2.1': '192.0.2.1',
  }
  for (const [text, address] of Object.entries(cases)) assert.equal(toAddress(text), address, text)
})

test('what is no address is none', () => {
  const none = ['', ' 192.0.2.1', '192.0.2', '192.0.2.01', '0x7f.1', '1.2.3.4.5', '1.2.3.4:80']
  const neither = [
    '[::1]',
    '::1]',
    ':::1',
    'localhost',
    'unknown',
    '_hidden',
    '1::2::3',
    '::1%',
    'fe80::1%a:b',
  ]
  for (const text of [...none, ...neither]) assert.equal(toAddress(text), null, text)
})

test('IPv6 is counted by /64, IPv4 by address', () => {
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1')
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  assert.equal(networkOf('2001:db8:1:2::6'), '2001:db8:1:2::/64')
  assert.equal(networkOf('2001:db8::6'), '2001:db8:0:0::/64')
  assert.equal(networkOf('::1'), '0:0:0:0::/64')
  assert.equal(networkOf('2001:db8:1::'), '2001:db8:1:0::/64')
  assert.notEqual(networkOf('2001:db8:1:2::6'), networkOf('2001:db8:1:3::6'))
})

test('networks hold what lies in them, and never an address that is not known', () => {
  const list = networksOf(['192.0.2.7', '10.0.0.0/8', '2001:db8::/32'])
  for (const inside of ['192.0.2.7', '10.9.9.9', '2001:db8:1::1']) {
    assert.equal(isWithin(list, inside), true, inside)
  }
  for (const outside of ['192.0.2.8', '11.0.0.1', '2001:db9::1', null]) {
    assert.equal(isWithin(list, outside), false, String(outside))
  }
  assert.equal(isWithin(networksOf([]), '127.0.0.1'), false)
})

test('a place is a /24 of IPv4, a /48 of IPv6', () => {
  const cases: Readonly<Record<string, string>> = {
    '192.0.2.1': '192.0.2.0/24',
    '192.0.2.255': '192.0.2.0/24',
    '2001:db8:1:2::3': '2001:db8:1::/48',
    '2001:db8::1': '2001:db8:0::/48',
    '::1': '0:0:0::/48',
  }
  for (const [address, site] of Object.entries(cases)) assert.equal(siteOf(address), site)
  assert.equal(siteOf(null), 'unknown')
})
