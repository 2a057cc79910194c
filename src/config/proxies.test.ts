import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOwnMachine, isProxies, isTooWide } from './proxies.ts'

function assertEach(judge: (text: string) => boolean, answer: boolean, texts: readonly string[]) {
  for (const text of texts) assert.equal(judge(text), answer, text)
}

test('proxies are addresses and networks, each number in its one form', () => {
  assertEach(isProxies, true, ['10.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8', '::ffff:10.0.0.0/104'])
  const none = ['', 'proxy', '*', '0.0.0.0/00', '10.0.0.0/08', '10.0.0.0/33', '::/129', '10.0.0.0/']
  assertEach(isProxies, false, [...none, '010.0.0.1', '10.1', 'fe80::1%eth0', '10.0.0.0/8/8', '/8'])
})

test('a network below /8, or /16 of IPv6, is no list of proxies, however it is written', () => {
  const wide = ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '10.0.0.0/7']
  const wide6 = ['::/0', '::/1', '8000::/1', 'fd00::/8', '2000::/15']
  const mapped = ['::ffff:0:0/96', '::ffff:0.0.0.0/97', '::ffff:10.0.0.0/103', '::/16', '::/80']
  assertEach(isTooWide, true, [...wide, ...wide6, ...mapped, '::ffff:0:0/90'])
  const narrow = ['10.0.0.0/8', '10.0.0.1', '0.0.0.0', '::1', '::', 'fd00::/16', '2001:db8::/32']
  assertEach(isTooWide, false, [...narrow, '::ffff:10.0.0.0/104', '::ffff:10.0.0.1', '::/112'])
})

test('a proxy on this machine is no proxy for other machines', () => {
  assertEach(isOwnMachine, true, ['127.0.0.1', '127.0.0.0/8', '127.3.0.0/16', '::1', '::1/128'])
  assertEach(isOwnMachine, true, ['0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:127.0.0.0/104'])
  assertEach(isOwnMachine, false, [
    '10.0.0.1',
    '126.0.0.0/7',
    '128.0.0.1',
    '::2',
    '::/64',
    '::1/64',
  ])
})
