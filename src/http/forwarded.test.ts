/** Who counts as the client behind a proxy, and who stays what his socket says. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openHttpLocket, toRequest } from '../../test/http/locket.ts'
import { limits } from '../core/limits.ts'
import { per, rateBudgets } from '../throttles/budgets.ts'
import { forwardedClient } from './forwarded.ts'

const proxies = ['10.0.0.0/8', '192.0.2.7', '2001:db8:f::/48']
const clientOf = forwardedClient(proxies)

function addressOf(peer: string | null, hops?: string): string | null {
  const headers = new Headers(hops === undefined ? {} : { 'X-Forwarded-For': hops })
  return clientOf({ address: peer }, headers).address
}

describe('behind a trusted proxy the client', () => {
  const client = '203.0.113.9'
  const cases: Readonly<Record<string, readonly [hops: string, address: string | null]>> = {
    'is who the proxy names': [client, client],
    'is the last that no trusted proxy is': [`${client}, 10.0.0.5, 192.0.2.7`, client],
    'is not whom he names himself': [`198.51.100.1, 10.9.9.9, ${client}`, client],
    'is not whom he names himself, be it nonsense': [`<script>, , ${client}`, client],
    'may have a port': [`${client}:4711, 10.0.0.5:80`, client],
    'may have an IPv6 address': ['2001:DB8::1, 2001:db8:f::9', '2001:db8::1'],
    'may have an IPv6 address in brackets': ['[2001:db8::1]', '2001:db8::1'],
    'may have an IPv6 address with a port': ['[2001:db8::1]:4711', '2001:db8::1'],
    'may have an IPv4 address in IPv6': [`::ffff:${client}, ::ffff:10.0.0.5`, client],
    'is the first proxy, when there are only proxies': ['10.0.0.6, 10.0.0.5', '10.0.0.6'],
    'is unknown, when the nearest is no address': [`${client}, unknown`, null],
    'is unknown, when a proxy’s neighbour is no address': ['_hidden, 10.0.0.5', null],
    'is unknown, when the nearest is empty': [`${client},`, null],
    'is unknown, when nobody is named': ['', null],
    'is unknown, when brackets are not closed': ['[2001:db8::1', null],
    'is unknown, when brackets hold IPv4': [`[${client}]`, null],
    'is unknown, when there are too many proxies': [
      `${client}${', 10.0.0.5'.repeat(limits.forwarded_hops_max)}`,
      null,
    ],
    'is known behind as many as are looked at': [
      `${client}${', 10.0.0.5'.repeat(limits.forwarded_hops_max - 1)}`,
      client,
    ],
  }
  for (const [what, [hops, address]] of Object.entries(cases)) {
    test(what, () => assert.equal(addressOf('10.0.0.1', hops), address))
  }

  test('is the proxy itself, when it names nobody', () => {
    assert.equal(addressOf('10.0.0.1'), '10.0.0.1')
  })

  test('is found in several lines of the header as in one', () => {
    const headers = new Headers()
    headers.append('X-Forwarded-For', '198.51.100.1')
    headers.append('X-Forwarded-For', client)
    headers.append('X-Forwarded-For', '10.0.0.5')
    assert.equal(clientOf({ address: '192.0.2.7' }, headers).address, client)
  })

  test('came over TLS, when the proxy says so in one word', () => {
    const secure = (proto: string): boolean | undefined =>
      clientOf({ address: '10.0.0.1' }, new Headers({ 'X-Forwarded-Proto': proto })).secure
    assert.deepEqual(['https', 'HTTPS', 'http', 'https, http', ''].map(secure), [
      true,
      true,
      false,
      false,
      false,
    ])
  })
})

const forged = {
  'X-Forwarded-For': '10.1.1.1',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'evil.test',
  'X-Real-IP': '10.1.1.1',
  Forwarded: 'for=10.1.1.1;proto=https;host=evil.test',
  'X-User-Id': 'usr_admin',
  'X-Forwarded-User': 'admin',
  'X-Client-Cert': 'x',
}

const headerText = fc.stringMatching(/^[ -~]{0,200}$/)

describe('[V4.1.3] [V15.3.4] forged headers', () => {
  test('of any text change nothing, neither before a trusted proxy nor through it', () => {
    const client = '203.0.113.9'
    fc.assert(
      fc.property(headerText, (text) => {
        assert.equal(addressOf(client, text), client)
        assert.equal(addressOf('10.0.0.1', `${text},${client}`), client)
        assert.equal(addressOf('10.0.0.1', `${text}, ${client}, 10.0.0.5`), client)
      }),
    )
  })

  test('change nothing from whom is no trusted proxy', () => {
    for (const address of ['203.0.113.7', '11.0.0.1', '192.0.2.8', '2001:db8:e::1', null]) {
      const client = { address, secure: false }
      assert.deepEqual(clientOf(client, new Headers(forged)), client, String(address))
    }
    const client = { address: '10.0.0.1' }
    assert.equal(forwardedClient([])(client, new Headers(forged)), client, 'no proxy is trusted')
  })

  test('of whatever other name change nothing behind a trusted proxy either', () => {
    const { 'X-Forwarded-For': _, 'X-Forwarded-Proto': __, ...others } = forged
    const client = { address: '10.0.0.1', secure: false, certificate: null }
    assert.deepEqual(clientOf(client, new Headers(others)), client)
  })

  test('do not lift a key’s binding to addresses, nor the limit of failures, nor the audit', async (t) => {
    const strict = { ...rateBudgets, 'failure.address': per(60_000, 2) }
    const options = { trustedProxies: proxies, rateBudgets: strict }
    const { app, call, admin } = await openHttpLocket(t, options)
    const body = { name: 'bound', addresses: ['10.1.0.0/16', '203.0.113.0/24'] }
    const { key } = (await call('POST', '/v1/api-keys', { body })).body
    const status = async (address: string, headers: object, used = key): Promise<number> => {
      const request = toRequest('/v1/whoami', { key: used, headers: { ...headers } })
      const response = await app.fetch(request, { address })
      await response.text()
      return response.status
    }
    assert.equal(await status('198.51.100.1', forged), 401, 'forged by a stranger')
    assert.equal(await status('10.0.0.1', { 'X-Forwarded-For': '198.51.100.1' }), 401)
    assert.equal(await status('10.0.0.1', { 'X-Forwarded-For': '10.1.1.1, 198.51.100.1' }), 429)
    assert.equal(await status('10.0.0.1', { 'X-Forwarded-For': 'unknown' }), 401)
    assert.equal(await status('10.0.0.1', { 'X-Forwarded-For': '203.0.113.9' }), 200)
    for (const hop of ['1', '2', '3']) {
      const answer = await status('198.51.100.2', { 'X-Forwarded-For': `10.1.1.${hop}` }, 'lk_x')
      assert.equal(answer, hop === '3' ? 429 : 401)
    }
    const { body: events } = await call('GET', '/v1/audit-events?action=self.read', { key: admin })
    assert.deepEqual(
      events.items.map((event: { address: string }) => event.address),
      ['203.0.113.9'],
    )
    const { body: refusals } = await call('GET', '/v1/audit-events?log=instance&outcome=denied')
    const seen = refusals.items.map((event: { address: string | null }) => event.address)
    assert.deepEqual(new Set(seen), new Set(['198.51.100.1', '198.51.100.2', null]))
  })

  test('do not turn on HSTS; those of a trusted proxy do', async (t) => {
    const { app } = await openHttpLocket(t, { trustedProxies: proxies })
    const hsts = async (address: string): Promise<string | null> => {
      const request = toRequest('/livez', { headers: { 'X-Forwarded-Proto': 'https' } })
      const { headers } = await app.fetch(request, { address })
      return headers.get('strict-transport-security')
    }
    assert.equal(await hsts('203.0.113.7'), null)
    assert.match((await hsts('10.0.0.1')) ?? '', /^max-age=/)
  })
})
