/** Addresses from which nothing is answered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../test/harness.ts'

interface Event {
  readonly action: string
  readonly code: string | null
  readonly address: string | null
  readonly details: Readonly<Record<string, unknown>>
}

const blockedAddresses = ['192.0.2.0/24', '2001:db8:1::/48', '198.51.100.7']

test('a blocked address gets no answer on any path, whatever it shows', async (t) => {
  const locket = await openLocket(t, { blockedAddresses })
  const ask = async (address: string, path: string, key: string | null = locket.admin) =>
    (await locket.call('GET', path, { key, address })).status
  for (const address of ['192.0.2.200', '2001:db8:1:2::3', '198.51.100.7']) {
    for (const path of ['/v1/whoami', '/livez', '/docs', '/nothing', '/v1/whoami?api_key=lk_x']) {
      assert.equal(await ask(address, path), 403, `${address} ${path}`)
    }
    assert.equal(await ask(address, '/v1/whoami', null), 403)
  }
  for (const address of ['192.0.3.1', '2001:db8:2::3', '198.51.100.8', '127.0.0.1']) {
    assert.equal(await ask(address, '/v1/whoami'), 200, address)
    assert.equal(await ask(address, '/v1/whoami', 'lk_x'), 401, address)
  }
})

test('behind a trusted proxy the client’s address counts', async (t) => {
  const options = { blockedAddresses, trustedProxies: ['10.0.0.1'] }
  const locket = await openLocket(t, options)
  const ask = async (address: string, client: string) => {
    const headers = { 'X-Forwarded-For': client }
    return (await locket.call('GET', '/v1/whoami', { address, headers })).body
  }
  assert.equal((await ask('10.0.0.1', '192.0.2.9')).code, 'address_blocked')
  assert.equal((await ask('10.0.0.1', '203.0.113.9')).code, undefined)
  assert.equal((await ask('203.0.113.1', '192.0.2.9')).code, undefined, 'said by no proxy')
})

test('it is written down once, and counted', async (t) => {
  const locket = await openLocket(t, { blockedAddresses })
  for (let at = 0; at < 20; at += 1) {
    await locket.call('GET', '/livez', { address: '192.0.2.1', key: null })
  }
  await locket.app.jobs.runAll()
  const path = '/v1/audit-events?log=instance&action=requests.refused'
  const { body } = await locket.call('GET', path)
  assert.deepEqual(
    body.items.map(({ code, address, details }: Event) => [code, address, details]),
    [
      ['address_blocked', '192.0.2.1', { count: 19 }],
      ['address_blocked', '192.0.2.1', { count: 1 }],
    ],
  )
})
