/** The key that was shown at a terminal is for the first minutes, and does not reach production. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Locket, openLocket } from '../test/harness.ts'
import { bootstrapKeys, refuseBootstrapKeys } from './bootstrap-keys.ts'
import { ConfigError, readServerSettings } from './config/config.ts'
import { limits } from './core/limits.ts'
import { recoverAdministrator } from './instance.ts'

const settings = readServerSettings({}, {})

async function open(t: TestContext): Promise<{ locket: Locket; time: { now: number } }> {
  const time = { now: Date.UTC(2026, 0, 1) }
  return { locket: await openLocket(t, { clock: () => time.now }), time }
}

async function living(locket: Locket): Promise<readonly string[]> {
  return (await bootstrapKeys(locket.instance)).map(({ id }) => id)
}

async function makeKey(locket: Locket, body: object = {}): Promise<{ id: string; key: string }> {
  const made = await locket.call('POST', '/v1/api-keys', { body })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  return made.body
}

test('the first key is one until it is revoked', async (t) => {
  const { locket } = await open(t)
  const [first] = await bootstrapKeys(locket.instance)
  assert.ok(first)
  assert.equal(first.expiresAt, '2026-01-08T00:00:00.000Z')
  await assert.rejects(refuseBootstrapKeys(locket.instance, settings), (error) => {
    assert.ok(error instanceof ConfigError)
    assert.match(error.message, new RegExp(`locket keys revoke ${first.id}`))
    assert.doesNotMatch(error.message, /lk_\w/)
    return true
  })
  const own = await makeKey(locket, { name: 'bootstrap' })
  assert.deepEqual(await living(locket), [first.id])
  const revoked = await locket.call('DELETE', `/v1/api-keys/${first.id}`, { key: own.key })
  assert.ok(revoked.status < 300, JSON.stringify(revoked.body))
  assert.deepEqual(await living(locket), [])
  await refuseBootstrapKeys(locket.instance, settings)
})

test('it ends by itself', async (t) => {
  const { locket, time } = await open(t)
  time.now += limits.bootstrapKey_life_ms - 1
  assert.equal((await living(locket)).length, 1)
  time.now += 1
  assert.deepEqual(await living(locket), [])
})

test('what replaces it is its owner’s own, and it counts while it overlaps', async (t) => {
  const { locket, time } = await open(t)
  const [first = ''] = await living(locket)
  const rotated = await locket.call('POST', `/v1/api-keys/${first}/rotate`, {
    body: { overlapSeconds: 60 },
  })
  assert.equal(rotated.status, 201)
  assert.deepEqual(await living(locket), [first])
  time.now += 60_000
  assert.deepEqual(await living(locket), [])
})

test('a recovered key is another one', async (t) => {
  const { locket } = await open(t)
  await recoverAdministrator(locket.instance)
  assert.equal((await living(locket)).length, 2)
  await assert.rejects(refuseBootstrapKeys(locket.instance, settings), /key_\w+, key_\w+/)
})

test('the keys of an administrator who is disabled do not count: they are not taken', async (t) => {
  const { locket } = await open(t)
  const { id, key } = await locket.person('service:second', { role: 'admin' })
  const grant = { principalId: id, role: 'system' }
  assert.equal((await locket.call('POST', '/v1/grants', { body: grant })).status, 201)
  const { body } = await locket.call('GET', '/v1/whoami')
  const disabled = await locket.call('PATCH', `/v1/principals/${body.principalId}`, {
    key,
    body: { state: 'disabled' },
  })
  assert.equal(disabled.status, 200, JSON.stringify(disabled.body))
  assert.deepEqual(await living(locket), [])
})

test('the administrators of other tenants do not stop the server', async (t) => {
  const { locket } = await open(t)
  const [first] = await living(locket)
  const body = { slug: 'second', name: 'Second' }
  assert.equal((await locket.call('POST', '/v1/tenants', { body })).status, 201)
  assert.deepEqual(await living(locket), [first])
})
