import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { type Locket, openLocket } from '../../../test/harness.ts'
import {
  decoded,
  type Part,
  serverKey,
  signed,
  signerOf,
  tokensOf,
  whoIs,
} from '../../../test/tokens.ts'
import { minute_ms, systemClock } from '../../core/clock.ts'
import { newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { newSigningSeed } from '../../crypto/jwt.ts'

interface Scene extends Locket {
  /** Moves the clock. */
  wait(time_ms: number): void
}

async function open(t: TestContext, publicUrl: string | null = null): Promise<Scene> {
  let ahead_ms = 0
  const locket = await openLocket(t, { publicUrl, clock: () => systemClock() + ahead_ms })
  const wait = (time_ms: number): void => {
    ahead_ms += time_ms
  }
  return Object.assign(locket, { wait })
}

test('a key is exchanged for a token that says who has issued it to whom, and no rights', async (t) => {
  const locket = await open(t, 'https://locket.example')
  const alice = await locket.person('user:alice')
  const tokens = await tokensOf(locket, alice.key)
  assert.equal(tokens.expiresIn, 600)
  const { header, payload } = decoded(tokens.accessToken)
  const { alg, typ } = header
  assert.deepEqual([alg, typ, Object.keys(header).length], ['EdDSA', 'at+jwt', 3])
  const { iat, exp, jti, client_id, ...rest } = payload
  assert.deepEqual(rest, {
    iss: 'https://locket.example',
    aud: 'https://locket.example',
    sub: alice.id,
    tenant: locket.tenant,
    family: tokens.familyId,
  })
  assert.equal(Number(exp) - Number(iat), 600)
  assert.match(`${jti} ${client_id}`, /^tok_\w{26} key_\w{26}$/)
  const { body } = await locket.call('GET', '/v1/whoami', { key: tokens.accessToken })
  assert.deepEqual([body.handle, body.credentialId], ['user:alice', jti])
})

test('a server without a URL has a name of its own, the same after a restart and a new key', async (t) => {
  const locket = await open(t)
  const issuer = async (): Promise<unknown> =>
    decoded((await tokensOf(locket)).accessToken).payload['iss']
  const first = await issuer()
  assert.match(String(first), /^urn:locket:[0-9a-f]{32}$/)
  await locket.restart()
  await locket.call('POST', '/v1/signing-keys/rotate', { body: { revoke: true } })
  assert.equal(await issuer(), first)
  const other = await open(t)
  assert.notEqual(decoded((await tokensOf(other)).accessToken).payload['iss'], first)
})

test('whoever has the public keys can check a token', async (t) => {
  const locket = await open(t, 'https://locket.example')
  const { accessToken } = await tokensOf(locket)
  const reply = await locket.call('GET', '/.well-known/jwks.json', { key: null })
  assert.equal(reply.headers.get('content-type'), 'application/jwk-set+json')
  assert.equal(reply.headers.get('cache-control'), 'public, max-age=300')
  const { payload } = await jwtVerify(accessToken, createLocalJWKSet(reply.body), {
    issuer: 'https://locket.example',
    audience: 'https://locket.example',
    typ: 'at+jwt',
  })
  assert.equal(payload.sub, decoded(accessToken).payload['sub'])
  const text = JSON.stringify(reply.body)
  assert.ok(!/"d":|tenant|ten_/.test(text), text)
})

describe('a token may do what its key may, and no more', () => {
  test('in scopes', async (t) => {
    const locket = await open(t)
    const narrow = { name: 'narrow', scopes: ['memory:read'] }
    const { key } = (await locket.call('POST', '/v1/api-keys', { body: narrow })).body
    const { accessToken } = await tokensOf(locket, key)
    const call = (method: string, path: string, body?: object) =>
      locket.call(method, path, { key: accessToken, ...(body && { body }) })
    const { grants } = (await call('GET', '/v1/whoami')).body
    const held = new Set(grants.flatMap((grant: { permissions: string[] }) => grant.permissions))
    assert.deepEqual([...held].sort(), ['memory:read', 'self:read'])
    const stored = await call('POST', '/v1/memories', { space: 'org', text: 'tea' })
    assert.equal(stored.body.code, 'permission_denied')
  })

  test('in addresses', async (t) => {
    const locket = await open(t)
    const body = { name: 'here', addresses: ['192.0.2.0/24'] }
    const { key } = (await locket.call('POST', '/v1/api-keys', { body })).body
    const asked = { key, body: {}, address: '192.0.2.7' }
    const { accessToken } = (await locket.call('POST', '/v1/tokens', asked)).body
    assert.equal(await whoIs(locket, accessToken, '192.0.2.9'), 'service:administrator')
    assert.equal(await whoIs(locket, accessToken, '198.51.100.1'), 'unauthenticated')
    assert.equal(await whoIs(locket, accessToken, '192.0.2.9'), 'service:administrator')
  })

  test('in time', async (t) => {
    const locket = await open(t)
    const expiresAt = new Date(systemClock() + 5 * minute_ms).toISOString()
    const { key } = (await locket.call('POST', '/v1/api-keys', { body: { expiresAt } })).body
    const tokens = await tokensOf(locket, key)
    assert.ok(tokens.expiresIn <= 300, `${tokens.expiresIn}`)
    locket.wait(5 * minute_ms)
    assert.equal(await whoIs(locket, tokens.accessToken), 'unauthenticated')
  })

  test('and makes no key that would outlive it, nor puts one in the place of another', async (t) => {
    const locket = await open(t)
    const { accessToken } = await tokensOf(locket)
    const { items } = (await locket.call('GET', '/v1/api-keys')).body
    for (const path of ['/v1/api-keys', `/v1/api-keys/${items[0].id}/rotate`]) {
      const { body } = await locket.call('POST', path, { key: accessToken, body: {} })
      assert.equal(body.code, 'above_own_rights', path)
    }
    const after = (await locket.call('GET', '/v1/api-keys')).body.items
    assert.deepEqual(
      after.map(({ id, state }: { id: string; state: string }) => [id, state]),
      [[items[0].id, 'active']],
    )
  })

  test('and no token is got by a token', async (t) => {
    const locket = await open(t)
    const { accessToken } = await tokensOf(locket)
    const { body } = await locket.call('POST', '/v1/tokens', { key: accessToken, body: {} })
    assert.equal(body.code, 'permission_denied')
  })
})

test('an access token ends after ten minutes, checked before or not [V9.2.1] [V7.4.1]', async (t) => {
  const locket = await open(t)
  const [seen, unseen] = [await tokensOf(locket), await tokensOf(locket)]
  assert.equal(await whoIs(locket, seen.accessToken), 'service:administrator')
  locket.wait(limits.accessToken_life_ms)
  for (const { accessToken } of [seen, unseen]) {
    assert.equal(await whoIs(locket, accessToken), 'unauthenticated')
  }
})

describe('what is taken away is gone at the next request [V7.4.1] [V8.3.2]', () => {
  type Ending = (locket: Scene, alice: { id: string; key: string }) => Promise<unknown>
  const patch = (path: string, body: object): Ending => {
    return (locket, { id }) => locket.call('PATCH', path.replace('ID', id), { body })
  }
  const endings: Readonly<Record<string, readonly [Ending, string]>> = {
    'its key is revoked': [
      async (locket, { id }) => {
        const { body } = await locket.call('GET', `/v1/api-keys?principalId=${id}`)
        return locket.call('DELETE', `/v1/api-keys/${body.items[0].id}`)
      },
      'unauthenticated',
    ],
    'its key is rotated, and the old one ends': [
      async (locket, { id }) => {
        const { body } = await locket.call('GET', `/v1/api-keys?principalId=${id}`)
        const path = `/v1/api-keys/${body.items[0].id}/rotate`
        return locket.call('POST', path, { body: { overlapSeconds: 0 } })
      },
      'unauthenticated',
    ],
    'its principal is disabled': [
      patch('/v1/principals/ID', { state: 'disabled' }),
      'unauthenticated',
    ],
    'its principal is deleted': [
      (locket, { id }) => locket.call('DELETE', `/v1/principals/${id}`),
      'unauthenticated',
    ],
    'its family is revoked': [
      (locket, { id }) => locket.call('POST', '/v1/tokens/revoke', { body: { principalId: id } }),
      'unauthenticated',
    ],
    'the signing key is revoked': [
      (locket) => locket.call('POST', '/v1/signing-keys/rotate', { body: { revoke: true } }),
      'unauthenticated',
    ],
  }
  for (const [name, [end, code]] of Object.entries(endings)) {
    test(name, async (t) => {
      const locket = await open(t)
      const alice = await locket.person('user:alice')
      const [seen, unseen] = [await tokensOf(locket, alice.key), await tokensOf(locket, alice.key)]
      assert.equal(await whoIs(locket, seen.accessToken), 'user:alice')
      const done = (await end(locket, alice)) as { status: number }
      assert.ok(done.status < 300, JSON.stringify(done))
      assert.equal(await whoIs(locket, seen.accessToken), code)
      assert.equal(await whoIs(locket, unseen.accessToken), code)
    })
  }

  test('its tenant is disabled', async (t) => {
    const locket = await open(t)
    const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body
    const { accessToken } = await tokensOf(locket, other.apiKey)
    assert.equal(await whoIs(locket, accessToken), 'service:administrator')
    await locket.call('PATCH', `/v1/tenants/${other.id}`, { body: { state: 'disabled' } })
    assert.equal(await whoIs(locket, accessToken), 'tenant_disabled')
  })

  test('a grant', async (t) => {
    const locket = await open(t)
    const alice = await locket.person('user:alice', { role: 'admin' })
    const { accessToken } = await tokensOf(locket, alice.key)
    const list = () => locket.call('GET', '/v1/principals', { key: accessToken })
    assert.equal((await list()).status, 200)
    const { body } = await locket.call('GET', `/v1/grants?principalId=${alice.id}`)
    await locket.call('DELETE', `/v1/grants/${body.items[0].id}`)
    assert.equal((await list()).body.code, 'permission_denied')
  })
})

describe('what the server’s own key has signed is refused unless it is one of our tokens [V9.2.2] [V9.2.3] [V10.3.1]', () => {
  test('claim by claim', async (t) => {
    const locket = await open(t)
    const { accessToken } = await tokensOf(locket)
    const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body
    const theirs = decoded((await tokensOf(locket, other.apiKey)).accessToken).payload
    const alice = await locket.person('user:alice')
    const hers = decoded((await tokensOf(locket, alice.key)).accessToken).payload
    const { header, payload } = decoded(accessToken)
    const sign = await serverKey(locket)
    const iat = Number(payload['iat'])
    const cases: Readonly<Record<string, Part>> = {
      'issued in the future': { iat: iat + 120, exp: iat + 400 },
      'longer than ours': { exp: iat + 601 },
      'over before it began': { exp: iat - 1 },
      'a time that is no number': { iat: String(iat) },
      'a time in fractions': { iat: iat + 0.5 },
      'a not-before that has come': { nbf: iat },
      'a scope': { scope: 'system:admin' },
      roles: { roles: ['admin'] },
      'a subject that is an object': { sub: { id: payload['sub'] } },
      'a subject in a list': { sub: [payload['sub']] },
      'an empty subject': { sub: '' },
      'a subject with a blank': { sub: `${payload['sub']} ` },
      'two audiences, ours among them': { aud: [payload['aud'], 'https://other.example'] },
      'another tenant': { tenant: other.id },
      'the instance as its tenant': { tenant: 'ten_00000000000000000000000000' },
      'a tenant that never was': { tenant: newId('ten', systemClock) },
      'another principal': { sub: alice.id },
      'the family of another': { family: hers['family'] },
      'the family of another tenant': { family: theirs['family'] },
      'a family that never was': { family: newId('fam', systemClock) },
      'another key': { client_id: hers['client_id'] },
      'no id': { jti: 'x' },
    }
    assert.equal(await whoIs(locket, signed(sign, header, payload)), 'service:administrator')
    for (const [name, change] of Object.entries(cases)) {
      const forged = signed(sign, header, { ...payload, ...change })
      assert.equal(await whoIs(locket, forged), 'unauthenticated', name)
    }
    for (const missing of Object.keys(payload)) {
      const { [missing]: _, ...rest } = payload
      assert.equal(await whoIs(locket, signed(sign, header, rest)), 'unauthenticated', missing)
    }
  })

  test('nobody’s key signs for us, whatever its name is [V9.1.3]', async (t) => {
    const locket = await open(t)
    const { header, payload } = decoded((await tokensOf(locket)).accessToken)
    const { seed } = newSigningSeed()
    const sign = signerOf(seed)
    const kids = [
      header['kid'],
      newId('sgk', systemClock),
      '../../../../dev/null',
      "' or 1=1 --",
      '__proto__',
      'constructor',
      'https://evil.example/key',
      '',
    ]
    for (const kid of kids) {
      const forged = signed(sign, { ...header, kid }, payload)
      assert.equal(await whoIs(locket, forged), 'unauthenticated', String(kid))
    }
  })

  test('a token of another Locket is none of ours', async (t) => {
    const [one, other] = [await open(t), await open(t)]
    const { accessToken } = await tokensOf(other)
    assert.equal(await whoIs(one, accessToken), 'unauthenticated')
  })
})

describe('where a token may stand', () => {
  test('in Authorization, and nowhere else', async (t) => {
    const locket = await open(t)
    const { accessToken, refreshToken } = await tokensOf(locket)
    const whoami = (headers: Record<string, string>, path = '/v1/whoami') =>
      locket.call('GET', path, { key: null, headers })
    const bearer = { Authorization: `Bearer ${accessToken}` }
    const both = { ...bearer, 'X-API-Key': accessToken }
    assert.equal((await whoami(bearer)).status, 200)
    assert.equal((await whoami({ 'X-API-Key': accessToken })).body.code, 'unauthenticated')
    assert.equal((await whoami(both)).body.code, 'unauthenticated')
    assert.equal((await whoami({ Cookie: `token=${accessToken}` })).body.code, 'unauthenticated')
    assert.equal(await whoIs(locket, refreshToken), 'unauthenticated')
    for (const secret of [accessToken, refreshToken]) {
      const { body } = await whoami({}, `/v1/whoami?cursor=${secret}`)
      assert.equal(body.code, 'secret_in_url')
      assert.equal((await whoami({}, `/v1/${secret}`)).body.code, 'secret_in_url')
    }
  })
})

test('the audit names the token that was shown, and the family that it is of', async (t) => {
  const locket = await open(t)
  const { accessToken, familyId } = await tokensOf(locket)
  const { jti } = decoded(accessToken).payload
  await locket.call('GET', '/v1/whoami', { key: accessToken })
  const events = async (action: string) =>
    (await locket.call('GET', `/v1/audit-events?action=${action}`)).body.items
  const [read] = await events('self.read')
  assert.deepEqual([read.actor.credentialId, read.actor.method], [jti, 'access-token'])
  const [created] = await events('token.created')
  assert.deepEqual([created.resourceId, created.actor.method], [familyId, 'api-key'])
  assert.deepEqual(created.details.changes, [{ token: jti }])
})

test('a key that is used by its tokens is used', async (t) => {
  const locket = await open(t)
  const alice = await locket.person('user:alice')
  const { accessToken } = await tokensOf(locket, alice.key)
  const lastUse = async (): Promise<string> =>
    (await locket.call('GET', `/v1/api-keys?principalId=${alice.id}`)).body.items[0].lastUsedAt
  const before = await lastUse()
  locket.wait(minute_ms)
  await whoIs(locket, accessToken)
  assert.ok((await lastUse()) > before)
})

test('a principal has so many families, and those that are over are removed', async (t) => {
  const locket = await open(t)
  const count = async (table: string): Promise<number> =>
    Number((await locket.sql(`select count(*) as n from ${table}`))[0]?.['n'])
  const keys = await count('credential_directory')
  const tokens = await tokensOf(locket)
  const { refreshToken } = await tokensOf(locket, locket.admin, { refresh: false })
  assert.equal(refreshToken, null)
  assert.deepEqual(
    [await count('token_families'), await count('credential_directory')],
    [2, keys + 1],
  )
  locket.wait(limits.accessToken_life_ms)
  await locket.app.jobs.runAll()
  assert.equal(await count('token_families'), 1)
  locket.wait(limits.refreshToken_idle_ms)
  await locket.app.jobs.runAll()
  assert.deepEqual([await count('token_families'), await count('credential_directory')], [0, keys])
  assert.equal(await whoIs(locket, tokens.accessToken), 'unauthenticated')
})
