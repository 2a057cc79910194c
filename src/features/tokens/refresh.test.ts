import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import { decoded, refresh, type Tokens, tokensOf, whoIs } from '../../../test/tokens.ts'
import { systemClock } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { dataKey, newKeyMaterial } from '../../crypto/data-key.ts'
import { newRefreshToken } from '../../crypto/token-hash.ts'

interface Scene extends Locket {
  /** Moves the clock. */
  wait(time_ms: number): void
}

async function open(t: TestContext): Promise<Scene> {
  let ahead_ms = 0
  const locket = await openLocket(t, { clock: () => systemClock() + ahead_ms })
  const wait = (time_ms: number): void => {
    ahead_ms += time_ms
  }
  return Object.assign(locket, { wait })
}

async function next(locket: Locket, { refreshToken }: Tokens): Promise<Tokens> {
  const { status, body } = await refresh(locket, refreshToken)
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

function assertRefused({ status, body }: Reply, code = 'unauthenticated', about?: string): void {
  assert.deepEqual([body.code, status], [code, code === 'unauthenticated' ? 401 : 403], about)
}

/** Moves of a family, newest first, as the tenant's log tells them. */
async function events(locket: Locket): Promise<Reply['body'][]> {
  return (await locket.call('GET', '/v1/audit-events?action=token.refreshed')).body.items
}

test('a refresh token gives the next tokens of its family, without a credential', async (t) => {
  const locket = await open(t)
  const alice = await locket.person('user:alice')
  const first = await tokensOf(locket, alice.key)
  const second = await next(locket, first)
  assert.equal(second.familyId, first.familyId)
  assert.equal(second.expiresIn, 600)
  assert.notEqual(second.refreshToken, first.refreshToken)
  assert.equal(await whoIs(locket, second.accessToken), 'user:alice')
  assert.equal(await whoIs(locket, first.accessToken), 'user:alice', 'it lives its ten minutes')
  const third = await next(locket, second)
  assert.equal(await whoIs(locket, third.accessToken), 'user:alice')
  const [event] = await events(locket)
  assert.deepEqual([event.actor.id, event.actor.credentialId], [alice.id, first.familyId])
  const { jti } = decoded(third.accessToken).payload
  assert.deepEqual(event.details.changes, [{ family: first.familyId }, { token: jti }])
})

test('one that was spent ends the family when it is shown again [V10.4.5]', async (t) => {
  const locket = await open(t)
  const alice = await locket.person('user:alice')
  const other = await tokensOf(locket, alice.key)
  const first = await tokensOf(locket, alice.key)
  const third = await next(locket, await next(locket, first))
  assert.equal(await whoIs(locket, third.accessToken), 'user:alice')
  assertRefused(await refresh(locket, first.refreshToken))
  assert.equal(await whoIs(locket, third.accessToken), 'unauthenticated')
  assertRefused(await refresh(locket, third.refreshToken))
  assert.equal(await whoIs(locket, other.accessToken), 'user:alice', 'another family goes on')
  const told = (await events(locket)).slice(0, 2)
  const reused = { family: first.familyId }
  assert.deepEqual(
    told.map(({ outcome, code, details }) => [outcome, code, details.changes]),
    [
      ['denied', 'unauthenticated', undefined],
      ['denied', 'unauthenticated', [reused, { reused: true }]],
    ],
  )
  assert.ok(told.every(({ actor }) => actor.id === alice.id))
  await locket.restart()
  assert.equal(await whoIs(locket, third.accessToken), 'unauthenticated')
})

test('of a hundred at once one wins, and the family is over [V10.4.5] [V15.4.2]', async (t) => {
  const locket = await open(t)
  const first = await tokensOf(locket)
  const replies = await Promise.all(
    Array.from({ length: 100 }, () => refresh(locket, first.refreshToken)),
  )
  const won = replies.filter(({ status }) => status === 200)
  assert.equal(won.length, 1)
  for (const reply of replies.filter((one) => one !== won[0])) assertRefused(reply)
  const tokens: Tokens = won[0]?.body
  for (const { accessToken } of [first, tokens]) {
    assert.equal(await whoIs(locket, accessToken), 'unauthenticated')
  }
  assertRefused(await refresh(locket, tokens.refreshToken))
})

test('a refresh token ends when it is not used, and its family however much it is [V10.4.8]', async (t) => {
  const locket = await open(t)
  const alice = await locket.person('user:alice')
  const idle = await tokensOf(locket, alice.key)
  let used = await tokensOf(locket, alice.key)
  const step_ms = limits.refreshToken_idle_ms - 1_000
  for (let spent_ms = 0; spent_ms + step_ms < limits.refreshToken_life_ms; spent_ms += step_ms) {
    locket.wait(step_ms)
    used = await next(locket, used)
  }
  assertRefused(await refresh(locket, idle.refreshToken))
  const left_ms = limits.refreshToken_life_ms % step_ms
  assert.ok(left_ms > limits.accessToken_life_ms)
  locket.wait(left_ms)
  assertRefused(await refresh(locket, used.refreshToken))
})

test('the last access token of a family ends with it', async (t) => {
  const locket = await open(t)
  const expiresAt = new Date(systemClock() + limits.accessToken_life_ms + 60_000).toISOString()
  const { key } = (await locket.call('POST', '/v1/api-keys', { body: { expiresAt } })).body
  const first = await tokensOf(locket, key)
  locket.wait(limits.accessToken_life_ms)
  const last = await next(locket, first)
  assert.ok(last.expiresIn <= 60, `${last.expiresIn}`)
  locket.wait(60_000)
  assert.equal(await whoIs(locket, last.accessToken), 'unauthenticated')
  assertRefused(await refresh(locket, last.refreshToken))
})

describe('a refresh token obeys what its access tokens obey [V7.4.2]', () => {
  type Ending = readonly [(locket: Locket, alice: { id: string }) => Promise<Reply>, string?]
  const endings: Readonly<Record<string, Ending>> = {
    'its key is revoked': [
      async (locket, { id }) => {
        const { body } = await locket.call('GET', `/v1/api-keys?principalId=${id}`)
        return locket.call('DELETE', `/v1/api-keys/${body.items[0].id}`)
      },
    ],
    'its principal is disabled': [
      (locket, { id }) =>
        locket.call('PATCH', `/v1/principals/${id}`, { body: { state: 'disabled' } }),
    ],
    'its principal is deleted': [(locket, { id }) => locket.call('DELETE', `/v1/principals/${id}`)],
    'its family is revoked': [
      (locket, { id }) => locket.call('POST', '/v1/tokens/revoke', { body: { principalId: id } }),
    ],
  }
  for (const [name, [end, code]] of Object.entries(endings)) {
    test(name, async (t) => {
      const locket = await open(t)
      const alice = await locket.person('user:alice')
      const tokens = await next(locket, await tokensOf(locket, alice.key))
      const done = await end(locket, alice)
      assert.ok(done.status < 300, JSON.stringify(done.body))
      assertRefused(await refresh(locket, tokens.refreshToken), code)
    })
  }

  test('its tenant is disabled, and enabled again', async (t) => {
    const locket = await open(t)
    const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body
    const tokens = await tokensOf(locket, other.apiKey)
    const set = (state: string) =>
      locket.call('PATCH', `/v1/tenants/${other.id}`, { body: { state } })
    await set('disabled')
    assertRefused(await refresh(locket, tokens.refreshToken), 'tenant_disabled')
    await set('active')
    await next(locket, tokens)
  })

  test('it comes from an address that its key may not be used from', async (t) => {
    const locket = await open(t)
    const body = { addresses: ['192.0.2.0/24'] }
    const { key } = (await locket.call('POST', '/v1/api-keys', { body })).body
    const inside = { address: '192.0.2.7' }
    const made = await locket.call('POST', '/v1/tokens', { key, body: {}, ...inside })
    const asked = { key: null, body: { refreshToken: made.body.refreshToken } }
    assertRefused(await locket.call('POST', '/v1/tokens/refresh', asked))
    const there = await locket.call('POST', '/v1/tokens/refresh', { ...asked, ...inside })
    assert.equal(there.status, 200, 'a try from elsewhere does not spend it')
  })
})

describe('what is no token of ours is refused, and changes nothing', () => {
  test('shape by shape', async (t) => {
    const locket = await open(t)
    const tokens = await tokensOf(locket)
    const { refreshToken } = tokens
    const publicId = refreshToken.slice(3, 15)
    const forger = dataKey(newKeyMaterial(), 1)
    const wrong = [
      newRefreshToken(forger).text,
      newRefreshToken(forger, publicId).text,
      refreshToken.slice(0, -1),
      `${refreshToken.slice(0, -1)}${refreshToken.endsWith('0') ? '1' : '0'}`,
      ` ${refreshToken}`,
      tokens.accessToken.slice(0, 100),
      locket.admin,
      'lr_',
    ]
    for (const token of wrong) assertRefused(await refresh(locket, token), undefined, token)
    const odd = await locket.call('POST', '/v1/tokens/refresh', {
      key: null,
      body: { refreshToken: 'l'.repeat(101) },
    })
    assert.equal(odd.body.code, 'invalid_input')
    assert.equal(await whoIs(locket, tokens.accessToken), 'service:administrator')
    await next(locket, tokens)
  })

  test('a credential that comes with it is not looked at', async (t) => {
    const locket = await open(t)
    const { refreshToken } = await tokensOf(locket)
    const asked = { key: 'lk_nonsense', body: { refreshToken } }
    assert.equal((await locket.call('POST', '/v1/tokens/refresh', asked)).status, 200)
  })
})

test('tokens go on when the pepper is replaced, and a spent one of the old is known still', async (t) => {
  const locket = await open(t)
  const first = await tokensOf(locket)
  const rotate = (scope: string) =>
    locket.call('POST', '/v1/encryption-keys/rotate', { body: { scope } })
  for (const scope of ['pepper', 'lookup', 'tenant']) {
    assert.equal((await rotate(scope)).status, 200, scope)
  }
  const second = await next(locket, first)
  assert.equal(await whoIs(locket, second.accessToken), 'service:administrator')
  assertRefused(await refresh(locket, first.refreshToken))
  assert.equal(await whoIs(locket, second.accessToken), 'unauthenticated')
})

test('nothing that works is kept of a token', async (t) => {
  const locket = await open(t)
  const { refreshToken, accessToken } = await tokensOf(locket)
  const [row] = await locket.sql('select * from token_families')
  const kept = Buffer.concat(
    Object.values(row ?? {}).map((value) =>
      value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value)),
    ),
  ).toString('latin1')
  assert.ok(kept.includes(refreshToken.slice(3, 15)), 'only what it is found by')
  assert.ok(!kept.includes(refreshToken.slice(16, 30)))
  assert.ok(!kept.includes(accessToken.split('.')[2] ?? ''))
})
