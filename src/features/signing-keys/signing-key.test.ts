import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { decoded, tokensOf, whoIs } from '../../../test/tokens.ts'
import { hour_ms, minute_ms, systemClock } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'

interface Scene extends Locket {
  /** Moves the clock, and lets the jobs run. */
  wait(time_ms: number): Promise<void>
}

async function open(t: TestContext): Promise<Scene> {
  let ahead_ms = 0
  const locket = await openLocket(t, { clock: () => systemClock() + ahead_ms })
  const wait = async (time_ms: number): Promise<void> => {
    ahead_ms += time_ms
    await locket.app.jobs.runAll()
  }
  return Object.assign(locket, { wait })
}

async function published(locket: Locket): Promise<string[]> {
  const { keys } = (await locket.call('GET', '/.well-known/jwks.json', { key: null })).body
  return keys.map(({ kid }: { kid: string }) => kid)
}

const kidOf = (token: string): unknown => decoded(token).header['kid']

const rotate = async (locket: Locket, body: object = {}) =>
  (await locket.call('POST', '/v1/signing-keys/rotate', { body })).body

const me = 'service:administrator'

test('there is one key, and it stays over a restart', async (t) => {
  const locket = await open(t)
  const before = await published(locket)
  assert.equal(before.length, 1)
  const { accessToken } = await tokensOf(locket)
  await locket.restart()
  assert.deepEqual(await published(locket), before)
  assert.equal(await whoIs(locket, accessToken), me)
})

test('the next key is published an hour before it signs; the last one counts until its tokens end', async (t) => {
  const locket = await open(t)
  const [first] = await published(locket)
  const { id: second, signsFrom } = await rotate(locket)
  assert.ok(Date.parse(signsFrom) - systemClock() > 59 * minute_ms)
  assert.deepEqual(await published(locket), [first, second])
  assert.equal((await rotate(locket)).id, second, 'it is the next, however often it is asked for')
  assert.equal(kidOf((await tokensOf(locket)).accessToken), first)
  await locket.wait(hour_ms - minute_ms)
  const last = await tokensOf(locket)
  assert.equal(kidOf(last.accessToken), first)
  await locket.wait(2 * minute_ms)
  assert.equal(kidOf((await tokensOf(locket)).accessToken), second)
  assert.equal(await whoIs(locket, last.accessToken), me)
  await locket.wait(limits.accessToken_life_ms + 2 * limits.clockSkew_ms_max)
  assert.deepEqual(await published(locket), [second])
  assert.equal((await locket.sql('select 1 from signing_keys')).length, 1)
})

test('a key that has signed for 90 days is replaced by itself, and the log says so', async (t) => {
  const locket = await open(t)
  const [first] = await published(locket)
  const boss = await locket.person('service:boss', { role: 'system' })
  await locket.wait(limits.signingKey_period_ms - 2 * hour_ms)
  assert.deepEqual(await published(locket), [first])
  await locket.wait(hour_ms)
  const both = await published(locket)
  assert.deepEqual([both.length, both[0]], [2, first])
  await locket.wait(hour_ms)
  assert.equal(kidOf((await tokensOf(locket, boss.key)).accessToken), both[1])
  const path = '/v1/audit-events?log=instance&action=signing-key.rotated'
  const { items } = (await locket.call('GET', path, { key: boss.key })).body
  assert.deepEqual(
    items.map(({ resourceId }: { resourceId: string }) => resourceId),
    [both[1], first],
  )
})

test('one that somebody else may have is revoked, and all that it has signed', async (t) => {
  const locket = await open(t)
  const { accessToken, refreshToken } = await tokensOf(locket)
  assert.equal(await whoIs(locket, accessToken), me)
  await rotate(locket)
  const { id, revoked } = await rotate(locket, { revoke: true })
  assert.equal(revoked, 2)
  assert.deepEqual(await published(locket), [id])
  assert.equal(await whoIs(locket, accessToken), 'unauthenticated')
  const { body } = await locket.call('POST', '/v1/tokens/refresh', {
    key: null,
    body: { refreshToken },
  })
  assert.equal(kidOf(body.accessToken), id, 'the families go on')
  assert.equal(await whoIs(locket, body.accessToken), me)
})

test('who administers a tenant does not replace the key of all', async (t) => {
  const locket = await open(t)
  const boss = await locket.person('user:boss', { role: 'admin' })
  const asked = { key: boss.key, body: { revoke: true } }
  const { body } = await locket.call('POST', '/v1/signing-keys/rotate', asked)
  assert.equal(body.code, 'permission_denied')
})

test('a key that another node has made is found, and one that it revoked is dropped', async (t) => {
  const locket = await open(t)
  const { accessToken } = await tokensOf(locket)
  assert.equal(await whoIs(locket, accessToken), me)
  await locket.sql('delete from signing_keys')
  await locket.wait(limits.signingKeysCached_life_ms)
  assert.equal(await whoIs(locket, accessToken), 'unauthenticated')
  assert.equal(await whoIs(locket, (await tokensOf(locket)).accessToken), me)
})

test('a row that was meddled with is not believed, and a new key mends it', async (t) => {
  const locket = await open(t)
  const { accessToken } = await tokensOf(locket)
  const { iss } = decoded(accessToken).payload
  await rotate(locket)
  await locket.sql(
    'update signing_keys set public_key = ? where signs_from > ?',
    new Uint8Array(32),
    systemClock(),
  )
  await locket.restart()
  const { body } = await locket.call('GET', '/v1/whoami', { key: accessToken })
  assert.equal(body.code, 'integrity_failed')
  assert.equal((await locket.call('POST', '/v1/tokens', { body: {} })).status, 500)
  assert.equal(await whoIs(locket, locket.admin), me, 'keys go on')
  assert.equal((await rotate(locket, { revoke: true })).revoked, 2)
  const tokens = await tokensOf(locket)
  assert.equal(decoded(tokens.accessToken).payload['iss'], iss)
  assert.equal(await whoIs(locket, tokens.accessToken), me)
})
