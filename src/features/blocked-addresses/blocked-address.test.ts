import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import { person, signIn, timed, unlimited } from '../../../test/signed-in.ts'
import { minute_ms, toTimestamp } from '../../core/clock.ts'
import { holdsLoopback, toNetwork } from './blocked-address.ts'
import { learnBlockedAddresses } from './learn.ts'

const path = '/v1/blocked-addresses'

const block = (locket: Locket, body: object, address = '127.0.0.1'): Promise<Reply> =>
  locket.call('POST', path, { body, address })

async function from(locket: Locket, address: string, key: string | null = null): Promise<number> {
  const at = key === null ? '/livez' : '/v1/whoami'
  return (await locket.call('GET', at, { key, address })).status
}

test('what is blocked is not answered from the next request on, whatever it shows [V6.3.1]', async (t) => {
  const locket = await openLocket(t)
  assert.equal(await from(locket, '192.0.2.9', locket.admin), 200)
  const made = await block(locket, { network: '192.0.2.0/24', reason: 'guesses passwords' })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  assert.deepEqual(
    [made.body.network, made.body.reason, made.body.until],
    ['192.0.2.0/24', 'guesses passwords', null],
  )
  const refused = await locket.call('GET', '/v1/whoami', { address: '192.0.2.9' })
  assert.deepEqual([refused.status, refused.body.code], [403, 'address_blocked'])
  assert.equal(await from(locket, '192.0.2.9'), 403, 'also what needs no credential')
  assert.equal(await from(locket, '192.0.3.9', locket.admin), 200)
  await locket.restart()
  assert.equal(await from(locket, '192.0.2.9'), 403, 'and after a restart')

  const { items } = (await locket.call('GET', path)).body
  assert.deepEqual(items, [made.body])
  const ended = await locket.call('DELETE', `${path}/${made.body.id}`)
  assert.equal(ended.status, 200, JSON.stringify(ended.body))
  assert.equal(await from(locket, '192.0.2.9', locket.admin), 200)
  assert.equal((await locket.call('DELETE', `${path}/${made.body.id}`)).status, 404)
})

test('on another node within a second', async (t) => {
  const locket = await openLocket(t)
  const { services } = locket.app.pipeline
  const other = await nodeBeside(t, locket)
  const { id } = (await block(locket, { network: '2001:db8::/32' })).body
  assert.equal(services.addressBlocks.blocks('2001:db8::1'), true)
  assert.equal(other.blocks('2001:db8::1'), false, 'it has not looked yet')
  await other.learn()
  assert.equal(other.blocks('2001:db8::1'), true)
  await locket.call('DELETE', `${path}/${id}`)
  await other.learn()
  assert.equal(other.blocks('2001:db8::1'), false)
  assert.ok(learnBlockedAddresses.every_ms <= 1_000)
})

/** What a second server on the same data would know. */
async function nodeBeside(_: TestContext, { app, instance }: Locket) {
  const { createAddressBlocks } = await import('./address-blocks.ts')
  const { log, clock } = app.pipeline
  return createAddressBlocks({ database: instance.database, keys: instance.keys, log, clock })
}

test('it is over when it was said to be, and then goes', async (t) => {
  const { locket, pass } = await timed(t)
  const until = toTimestamp(Date.parse('2026-01-01T00:00:00.000Z') + minute_ms)
  await block(locket, { network: '192.0.2.1', until })
  await block(locket, { network: '192.0.2.2' })
  assert.deepEqual([await from(locket, '192.0.2.1'), await from(locket, '192.0.2.2')], [403, 403])
  pass(minute_ms)
  assert.deepEqual([await from(locket, '192.0.2.1'), await from(locket, '192.0.2.2')], [200, 403])
  assert.equal((await block(locket, { network: '192.0.2.1', until })).status, 400, 'in the past')
  assert.equal((await block(locket, { network: '192.0.2.1' })).status, 201, 'again')
  assert.equal((await locket.sql('select block_id from blocked_addresses')).length, 2)
})

test('nobody shuts himself out unless he insists, and the machine never', async (t) => {
  const locket = await openLocket(t)
  for (const network of ['192.0.2.7', '192.0.2.0/24', '0.0.0.0/0']) {
    const { status, body } = await block(locket, { network }, '192.0.2.7')
    assert.deepEqual([status, body.code], [400, 'invalid_input'], network)
  }
  for (const network of [
    '127.0.0.1',
    '127.1.0.0/16',
    '::1',
    '::/0',
    '0.0.0.0/1',
    '::ffff:127.0.0.1',
  ]) {
    assert.equal((await block(locket, { network }, '192.0.2.7')).status, 400, network)
  }
  assert.equal(
    (await block(locket, { network: '192.0.2.7', force: true }, '192.0.2.7')).status,
    201,
  )
  assert.equal(await from(locket, '192.0.2.7', locket.admin), 403)
  assert.equal((await block(locket, { network: '0.0.0.0/0', force: true })).status, 201)
  assert.equal(await from(locket, '203.0.113.1', locket.admin), 403)
  assert.equal(await from(locket, '127.0.0.1', locket.admin), 200, 'so that it can be undone')
})

test('it is for who administers the instance, with a fresh sign-in, and each is an event', async (t) => {
  const locket = await openLocket(t, { rateBudgets: unlimited })
  const { key } = await locket.person('service:admin', { role: 'admin' })
  const network = '192.0.2.1'
  for (const method of ['POST', 'GET']) {
    const body = method === 'POST' ? { body: { network } } : {}
    assert.equal((await locket.call(method, path, { key, ...body })).status, 403)
  }
  await person(locket, 'alice', 'system')
  const browser = await signIn(locket)
  assert.equal((await browser.send('POST', path, { network })).status, 201)
  const { items } = (await locket.call('GET', '/v1/audit-events?action=blocked-address.created'))
    .body
  assert.deepEqual([items[0].class, items[0].details], ['admin', { network, force: false }])
  assert.deepEqual((await block(locket, { network: '192.0.2.1/32' })).status, 201)
  const again = await block(locket, { network: '::ffff:192.0.2.1' })
  assert.deepEqual([again.status, again.body.code], [409, 'already_exists'])
})

test('a row that was meddled with blocks nothing, and stops nothing else', async (t) => {
  const locket = await openLocket(t)
  const first = (await block(locket, { network: '192.0.2.1' })).body
  await block(locket, { network: '192.0.2.2' })
  await locket.restart(() =>
    locket.sql('update blocked_addresses set expires_at = 1e12 where block_id = ?', first.id),
  )
  assert.deepEqual([await from(locket, '192.0.2.1'), await from(locket, '192.0.2.2')], [200, 403])
  assert.equal((await locket.call('DELETE', `${path}/${first.id}`)).status, 200)
})

test('a network has one text', () => {
  const cases: readonly (readonly [text: string, network: string | null])[] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0::1', '2001:db8::1'],
    ['2001:db8::/032', '2001:db8::/32'],
    ['::ffff:192.0.2.0/120', null],
    ['192.0.2.0/33', null],
    ['192.0.2.0/', null],
    ['192.0.2.0/1/2', null],
    ['192.0.2', null],
    ['example.com', null],
    ['', null],
  ]
  for (const [text, network] of cases) assert.equal(toNetwork(text), network, text)
  assert.ok(holdsLoopback('127.0.0.0/30') && holdsLoopback('::/1') && !holdsLoopback('128.0.0.0/1'))
})
