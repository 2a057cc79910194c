import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseAddress } from './addresses.ts'
import { type AllowEntry, names, opens, readAllowEntry, readAllowList } from './allow-list.ts'

function entryOf(text: string): AllowEntry {
  const entry = readAllowEntry(text)
  assert.ok(!('expected' in entry), `${text}: ${JSON.stringify(entry)}`)
  return entry
}

function matches(text: string, url: string): boolean {
  const { protocol, hostname, port } = new URL(url)
  const number = port === '' ? { 'https:': 443, 'http:': 80 }[protocol] : Number(port)
  const host = hostname.replace(/^\[|\]$/g, '')
  return names(entryOf(text), { protocol, host, port: number ?? 0 })
}

function opensAddress(text: string, address: string): boolean {
  return opens(entryOf(text), parseAddress(address) ?? new Uint8Array())
}

describe('an entry of the allow-list [V13.2.4]', () => {
  const named: readonly (readonly [entry: string, url: string])[] = [
    ['api.example.com', 'https://api.example.com/v1?q'],
    ['API.Example.com', 'https://api.eXample.COM'],
    ['https://api.example.com', 'https://api.example.com:443'],
    ['api.example.com:8443', 'https://api.example.com:8443'],
    ['*.example.com', 'https://api.example.com'],
    ['*.example.com', 'https://a.b.example.com'],
    ['*.example.com:8443', 'https://a.example.com:8443'],
    ['bücher.example', 'https://xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'https://BÜCHER.example'],
    ['example.com', 'https://ｅxample。com'],
    ['10.0.0.5:8443', 'https://10.5:8443'],
    ['[fd12::5]:8443', 'https://[fd12:0:0::5]:8443'],
    ['[FD12::5]', 'https://[fd12::5]'],
    ['my_idp.example', 'https://my_idp.example'],
    ['BÜCHER.example', 'https://xn--bcher-kva.example'],
    ['http://127.0.0.1:11434', 'http://127.0.0.1:11434/api/embed'],
    ['http://127.0.0.1', 'http://127.0.0.1:80'],
    ['http://ollama:11434=172.16.0.0/12', 'http://ollama:11434'],
  ]
  for (const [entry, url] of named) {
    test(`${entry} names ${url}`, () => assert.ok(matches(entry, url)))
  }

  const notNamed: readonly (readonly [entry: string, url: string])[] = [
    ['api.example.com', 'http://api.example.com'],
    ['api.example.com', 'http://api.example.com:443'],
    ['api.example.com', 'https://api.example.com:8443'],
    ['api.example.com', 'https://example.com'],
    ['api.example.com', 'https://x.api.example.com'],
    ['api.example.com', 'https://api.example.com.evil.test'],
    ['api.example.com', 'https://api-example.com'],
    // Cyrillic а, and a name that only begins alike.
    ['api.example.com', 'https://аpi.example.com'],
    ['*.example.com', 'https://example.com'],
    ['*.example.com', 'https://evilexample.com'],
    ['*.example.com', 'https://example.com.evil.test'],
    ['*.example.com', 'https://a.example.com:8443'],
    ['http://127.0.0.1:11434', 'https://127.0.0.1:11434'],
    ['http://127.0.0.1:11434', 'http://127.0.0.1:11435'],
    ['http://127.0.0.1:11434', 'http://localhost:11434'],
    ['10.0.0.5', 'https://[::ffff:10.0.0.5]'],
  ]
  for (const [entry, url] of notNamed) {
    test(`${entry} does not name ${url}`, () => assert.ok(!matches(entry, url)))
  }

  const mistaken = [
    ...['', '*', '*.', '*.com', '*.localhost', '**.example.com', 'a.*.com', 'api*.example.com'],
    ...['*.10.0.0.5', '*.[::1]', 'example.com.', 'example.com/', 'example.com/path', 'a b.com'],
    ...['user@example.com', 'user:secret@example.com', 'ftp://example.com', 'example.com:0'],
    ...['example.com:65536', 'example.com:', 'example.com?x', 'example.com#x', 'example.com,b.com'],
    ...['exa\u0000mple.com', 'example.com%00', '[::1', '[fe80::1%eth0]:80', 'a:b:c'],
    ...['example.com:00', 'a..b', '.example.com', '*..example.com', '*.a..b', 'a.b;c', "a'b.c"],
    ...[`${'a'.repeat(64)}.example`, `${'a.'.repeat(126)}ab`, '(a).example', '$.example'],
    // Others read these as another host, or mean another one by them.
    ...['010.0.0.1', '10.0.0.010', '10.5', '167772165', '0xa.0.0.5', '0x0a000005', '8.010.8.8'],
    ...[
      '[fd12:0:0::5]',
      '[fd12::0:5]',
      '[fd12::0005]',
      'ｅxample.com',
      'example。com',
      'ex\u00adample.com',
    ],
    ...['a.test=010.0.0.0/8', 'a.test=10.0.0.0/08', 'a.test=10.0.0.0/0x8', 'a.test=10.0/16'],
    // Never public targets without TLS, and never these ranges, whoever asks.
    ...['http://example.com', 'http://8.8.8.8', 'http://*.example.com', '169.254.169.254'],
    ...['http://169.254.169.254', '0.0.0.0', '[::]', '[fe80::1]', '224.0.0.1', '255.255.255.255'],
    ...['http://[fd00:ec2::254]', '100.100.100.200', '168.63.129.16', '[::ffff:10.0.0.5]'],
    ...['[64:ff9b::a00:5]', '[2002:a00:5::]', '0xa9.0xfe.0xa9.0xfe', '2852039166'],
    // A network is a private one, and belongs to a name.
    ...['a.test=', 'a.test=0.0.0.0/0', 'a.test=::/0', 'a.test=10.0.0.0/7', 'a.test=8.8.8.0/24'],
    ...['a.test=169.254.169.254', 'a.test=169.254.0.0/16', 'a.test=100.100.100.200/32'],
    ...['a.test=fd00:ec2::/32', 'a.test=10.0.0.0/8,11.0.0.0/8', '10.0.0.5=10.0.0.0/8'],
    ...['=10.0.0.0/8', 'a.test=10.0.0.0/8=10.0.0.0/8', 'a.test=localhost'],
  ]
  for (const text of mistaken) {
    test(`${JSON.stringify(text)} is none`, () => {
      assert.ok('expected' in readAllowEntry(text), JSON.stringify(readAllowEntry(text)))
      assert.throws(() => readAllowList(['good.example', text]), /allow-list expects/)
    })
  }

  test('what is said of a mistake does not repeat it', () => {
    const misread = readAllowEntry('https://user:hunter2@example.com')
    assert.ok('expected' in misread && !misread.expected.includes('hunter2'))
  })
})

describe('the addresses that an entry opens [V1.3.6]', () => {
  test('a name opens public ones only', () => {
    assert.ok(opensAddress('a.example', '8.8.8.8'))
    assert.ok(opensAddress('a.example', '2606:4700::1'))
    for (const address of ['127.0.0.1', '10.0.0.5', '169.254.169.254', '::1', 'fd12::1']) {
      assert.ok(!opensAddress('a.example', address), address)
      assert.ok(!opensAddress('*.a.example', address), address)
    }
  })

  test('a name with a network opens that network only, public addresses no more', () => {
    const entry = 'idp.example=10.1.0.0/16'
    assert.ok(opensAddress(entry, '10.1.255.1'))
    for (const address of ['10.2.0.1', '8.8.8.8', '127.0.0.1', '::ffff:10.1.0.1']) {
      assert.ok(!opensAddress(entry, address), address)
    }
  })

  test('an address opens itself', () => {
    assert.ok(opensAddress('http://10.0.0.5:11434', '10.0.0.5'))
    assert.ok(!opensAddress('http://10.0.0.5:11434', '10.0.0.6'))
    assert.ok(!opensAddress('http://10.0.0.5:11434', '8.8.8.8'))
    assert.ok(opensAddress('8.8.8.8', '8.8.8.8'))
  })

  test('metadata stays closed within an open network', () => {
    assert.ok(opensAddress('a.test=fc00::/7', 'fd12::1'))
    assert.ok(!opensAddress('a.test=fc00::/7', 'fd00:ec2::254'))
    assert.ok(opensAddress('a.test=100.64.0.0/10', '100.64.0.1'))
    assert.ok(!opensAddress('a.test=100.64.0.0/10', '100.100.100.200'))
  })
})
