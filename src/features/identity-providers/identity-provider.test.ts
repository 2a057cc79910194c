import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import {
  type Federation,
  type IdentityProvider,
  newJwk,
  openFederation as openWith,
  startIdentityProvider,
} from '../../../test/identity-provider.ts'
import { limits } from '../../core/limits.ts'

const path = '/v1/identity-providers'
const identities = '/v1/external-identities'

let shared: { provider: IdentityProvider; jwk: Awaited<ReturnType<typeof newJwk>> }
before(async () => {
  const jwk = await newJwk('first')
  shared = { jwk, provider: await startIdentityProvider([jwk]) }
})
after(() => shared.provider.down())

function openFederation(t: TestContext, settings: object = {}, options: object = {}) {
  return openWith(t, { ...settings }, { ...options, shared })
}

interface Grant {
  readonly reach: string
  readonly permissions: readonly string[]
}

/** What a token's bearer may, beyond asking who he is. */
async function grantsBy(made: Federation, claims: object): Promise<readonly Grant[]> {
  const { status, body } = await made.who(
    made.forge({ claims: { ...claims, jti: `${Math.random()}` } }),
  )
  assert.equal(status, 200, JSON.stringify(body))
  return body.grants.filter((grant: Grant) => grant.permissions.join() !== 'self:read')
}

describe('claims give roles', () => {
  const rules = [
    { claim: ['groups'], value: 'readers', role: 'viewer' },
    { claim: ['realm_access', 'roles'], value: 'auditor', role: 'operator' },
    { claim: ['https://app.example/role'], value: 'reader', role: 'viewer' },
  ]

  test('by the rules of the provider, and by nothing else', async (t) => {
    const made = await openFederation(t, { rules })
    const given: readonly (readonly [claims: object, roles: number])[] = [
      [{ groups: ['readers'] }, 1],
      [{ groups: 'readers' }, 1],
      [{ 'https://app.example/role': 'reader' }, 1],
      [{ realm_access: { roles: ['x', 'auditor'] } }, 1],
      [{ groups: ['readers'], realm_access: { roles: ['auditor'] } }, 2],
      [{ groups: ['readers', 'readers'], 'https://app.example/role': 'reader' }, 1],
    ]
    const denied: readonly object[] = [
      {},
      { groups: ['Readers', 'readers ', 'admin', 'readers,x'] },
      { groups: { readers: true } },
      { groups: [['readers']] },
      { roles: ['readers'], group: ['readers'] },
      { 'realm_access.roles': ['auditor'] },
      { realm_access: ['auditor'] },
      { realm_access: 'auditor' },
      { role: 'admin', scope: 'admin', permissions: ['*'], tenant: 'x' },
    ]
    for (const [claims, roles] of given) {
      assert.equal((await grantsBy(made, claims)).length, roles, JSON.stringify(claims))
    }
    for (const claims of denied) {
      assert.deepEqual(await grantsBy(made, claims), [], JSON.stringify(claims))
    }
    assert.deepEqual(await grantsBy(made, { groups: ['readers'] }), [
      { reach: 'own', permissions: ['memory:read'] },
    ])
  })

  test('that reach as the decision point says, and the audit names the provider', async (t) => {
    const made = await openFederation(t, { rules: [{ claim: ['g'], value: 'a', role: 'admin' }] })
    const admin = made.forge({ claims: { g: 'a' } })
    const plain = made.forge({ claims: { g: 'b' } })
    const list = (key: string) => made.locket.call('GET', '/v1/principals', { key })
    assert.equal((await list(plain)).status, 403)
    assert.equal((await list(admin)).status, 200)
    const asked = '/v1/audit-events?action=principal.listed'
    const { items } = (await made.locket.call('GET', asked)).body
    const { decision, actor } = items[0]
    assert.equal(decision, made.registered.id)
    assert.match(actor.credentialId, /^xid_/)
  })

  test('to store and recall by, in small bodies and large ones', async (t) => {
    const made = await openFederation(t, { rules: [{ claim: ['g'], value: 'a', role: 'user' }] })
    const { locket, forge } = made
    const items = Array.from({ length: 40 }, (_, n) => ({ text: `tea ${n} ${'x'.repeat(900)}` }))
    // A large body is read only for who is known, so the token is proven before.
    const first = await locket.call('POST', '/v1/memories/batch', {
      key: forge({ claims: { g: 'a' } }),
      body: { items },
      headers: { 'Content-Length': '50000' },
    })
    assert.equal(first.status, 200, JSON.stringify(first.body))
    const key = forge({ claims: { g: 'a', jti: 'another' } })
    const stored = await locket.call('POST', '/v1/memories', { key, body: { text: 'likes tea' } })
    assert.equal(stored.body.space, 'user:corp.alice')
    const recall = { key, body: { query: 'likes tea' } }
    const { body } = await locket.call('POST', '/v1/memories/recall', recall)
    assert.equal(body.items[0].id, stored.body.id)
    const without = { key: forge({}), body: { query: 'likes tea' } }
    assert.equal((await locket.call('POST', '/v1/memories/recall', without)).status, 403)
  })

  test('no more than who wrote the rule holds himself', async (t) => {
    const made = await openFederation(t)
    const { locket } = made
    const role = await locket.call('POST', '/v1/roles', {
      body: { name: 'federator', permissions: ['tenant:admin', 'memory:read'] },
    })
    const { key } = await locket.person('user:boss', { role: role.body.id })
    const body = (given: string, at = 'https://idp.example') => ({
      name: 'mine',
      issuer: at,
      rules: [{ claim: ['g'], value: 'a', role: given }],
    })
    const refused = await locket.call('POST', path, { key, body: body('admin') })
    assert.deepEqual([refused.status, refused.body.code], [403, 'above_own_rights'])
    const own = await locket.call('POST', path, { key, body: body('viewer') })
    assert.equal(own.status, 201, JSON.stringify(own.body))
    const change = (id: string, changes: object) =>
      locket.call('PATCH', `${path}/${id}`, { key, body: changes })
    assert.equal((await change(own.body.id, { rules: body('developer').rules })).status, 403)
    // What another has registered with more than he holds, he neither changes nor removes.
    const above = await locket.call('POST', path, {
      body: { ...body('admin', 'https://b.example'), name: 'b' },
    })
    assert.equal((await change(above.body.id, { createUsers: true })).status, 403)
    assert.equal((await locket.call('DELETE', `${path}/${above.body.id}`, { key })).status, 403)
    const unknown = await locket.call('POST', path, {
      body: body('rol_01M7XQQBJME009NWF7NCTQ30SM'),
    })
    assert.equal(unknown.status, 404)
  })

  test('and a rule whose role is gone gives nothing', async (t) => {
    const made = await openFederation(t)
    const { locket, registered } = made
    const role = await locket.call('POST', '/v1/roles', {
      body: { name: 'gone', permissions: ['memory:read'] },
    })
    const rules = [{ claim: ['g'], value: 'a', role: role.body.id }]
    await locket.call('PATCH', `${path}/${registered.id}`, { body: { rules } })
    assert.equal((await grantsBy(made, { g: 'a' })).length, 1)
    await locket.call('DELETE', `/v1/roles/${role.body.id}`)
    assert.deepEqual(await grantsBy(made, { g: 'a' }), [])
  })
})

describe('who somebody is', () => {
  test('is told by issuer and subject, never by an e-mail or a name [V6.8.1] [V10.3.3]', async (t) => {
    const made = await openFederation(t)
    const { who, forge, locket } = made
    const same = { email: 'alice@example.com', email_verified: true, preferred_username: 'alice' }
    const ids: string[] = []
    for (const sub of ['1', '2', 'Ünï|code', 'a'.repeat(255), 'alice', 'Alice']) {
      const { body } = await who(forge({ claims: { ...same, sub } }))
      ids.push(body.principalId)
      assert.match(body.handle, /^user:corp(?:\.(?:1|2|alice|Alice)|\+[0-9A-Z]{26})$/)
    }
    assert.equal(new Set(ids).size, 6)
    const changed = await who(forge({ claims: { email: 'other@example.com', sub: '1' } }))
    assert.equal(changed.body.principalId, ids[0])
    const { body } = await locket.call('GET', `${identities}?principalId=${ids[0]}`)
    assert.deepEqual(
      body.items.map(({ subject }: { subject: string }) => subject),
      ['1'],
    )
  })

  test('never takes over a handle that is there', async (t) => {
    const made = await openFederation(t)
    const { who, forge, locket } = made
    const taken = await locket.person('user:corp.alice')
    assert.equal((await who(forge({}))).status, 401)
    await locket.call('POST', identities, {
      body: { providerId: made.registered.id, subject: 'alice', principalId: taken.id },
    })
    const { status, body } = await who(forge({}))
    assert.deepEqual([status, body.principalId, body.handle], [200, taken.id, 'user:corp.alice'])
    // Nor one that was deleted: who came by it does not come back as somebody new.
    await who(forge({ claims: { sub: 'bob' } }))
    const list = (await locket.call('GET', identities)).body.items
    const bob = list.find(({ subject }: { subject: string }) => subject === 'bob')
    await locket.call('DELETE', `/v1/principals/${bob.principalId}`)
    assert.equal((await who(forge({ claims: { sub: 'bob' } }))).status, 401)
    await locket.call('DELETE', `${identities}/${bob.id}`)
    assert.equal((await who(forge({ claims: { sub: 'bob', jti: '2' } }))).status, 401)
  })

  test('is nobody, unless tied or let in; a program is let in by nobody', async (t) => {
    const made = await openFederation(t, { createUsers: false })
    const { who, forge, locket, registered } = made
    assert.equal((await who(forge({}))).status, 401)
    await locket.call('PATCH', `${path}/${registered.id}`, { body: { createUsers: true } })
    assert.equal((await who(forge({}))).status, 200, 'the same token, a moment later')
    for (const claims of [{ sub: 'app' }, { sub: 'x', azp: 'x' }, { sub: 'app@clients' }]) {
      assert.equal((await who(forge({ claims }))).status, 401, JSON.stringify(claims))
    }
    const service = await locket.person('service:app', { role: 'service' })
    const tie = { providerId: registered.id, subject: 'app', principalId: service.id }
    assert.equal((await locket.call('POST', identities, { body: tie })).status, 201)
    assert.equal((await who(forge({ claims: { sub: 'app' } }))).body.handle, 'service:app')
    const again = await locket.call('POST', identities, {
      body: { ...tie, principalId: service.id },
    })
    assert.deepEqual([again.status, again.body.code], [409, 'already_exists'])
  })

  test('a hundred at once make one user [V15.4.2]', async (t) => {
    const { who, forge, locket } = await openFederation(t)
    const tokens = Array.from({ length: 100 }, (_, n) => forge({ claims: { jti: `${n}` } }))
    const replies = await Promise.all(tokens.map(who))
    assert.deepEqual([...new Set(replies.map(({ status }) => status))], [200])
    assert.equal(new Set(replies.map(({ body }) => body.principalId)).size, 1)
    const asked = '/v1/audit-events?action=external-identity.created'
    const { items } = (await locket.call('GET', asked)).body
    assert.equal(items.length, 1)
    const [{ actor, details, resourceId }] = items
    assert.equal(actor.id, resourceId)
    assert.deepEqual(Object.keys(details), ['provider', 'identity', 'firstUse'])
  })

  test('is not for who stands below him to say', async (t) => {
    const { locket, registered } = await openFederation(t)
    const role = await locket.call('POST', '/v1/roles', {
      body: { name: 'federator', permissions: ['tenant:admin'] },
    })
    const { key } = await locket.person('user:boss', { role: role.body.id })
    const admin = (await locket.call('GET', '/v1/whoami')).body.principalId
    const body = { providerId: registered.id, subject: 'mallory', principalId: admin }
    const refused = await locket.call('POST', identities, { key, body })
    assert.deepEqual([refused.status, refused.body.code], [403, 'above_own_rights'])
  })
})

test('two tenants with one provider: no token of the one is taken in the other', async (t) => {
  const made = await openFederation(t)
  const { locket, provider, forge, who, registered } = made
  const tenant = await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })
  const key = tenant.body.apiKey
  const theirs = await locket.call('POST', path, {
    key,
    body: {
      name: 'corp',
      issuer: provider.issuer,
      createUsers: true,
      rules: [{ claim: ['g'], value: 'a', role: 'admin' }],
    },
  })
  assert.equal(theirs.status, 201, JSON.stringify(theirs.body))
  assert.notEqual(theirs.body.audience, registered.audience)
  const ours = await who(forge({ claims: { g: 'a' } }))
  assert.equal(ours.body.tenant, locket.tenant)
  assert.equal(ours.body.grants.length, 1, 'what the other says of groups is nothing here')
  const other = await who(forge({ claims: { g: 'a', aud: theirs.body.audience } }))
  assert.equal(other.body.tenant, tenant.body.id)
  assert.notEqual(other.body.principalId, ours.body.principalId)
  // The other’s own issuer says nothing of who somebody is here.
  const jwk = await newJwk('first')
  assert.equal((await who(forge({ key: jwk, claims: { iss: 'https://idp.example' } }))).status, 401)
  const hidden = { providerId: registered.id, subject: 'x', principalId: ours.body.principalId }
  assert.equal((await locket.call('POST', identities, { key, body: hidden })).status, 404)
})

test('what is changed holds at the next request [V8.3.2]', async (t) => {
  const made = await openFederation(t, { rules: [{ claim: ['g'], value: 'a', role: 'viewer' }] })
  const { locket, forge, registered } = made
  const token = forge({ claims: { g: 'a' } })
  const who = () => made.who(token)
  const first = await who()
  const { principalId } = first.body
  const change = (changes: object) =>
    locket.call('PATCH', `${path}/${registered.id}`, { body: changes })
  const expect = async (status: number, about: string) => {
    assert.equal((await who()).status, status, about)
  }
  await change({ rules: [] })
  assert.equal((await who()).body.grants.length, 1)
  await change({ state: 'disabled' })
  await expect(401, 'the provider is disabled')
  await change({ state: 'active' })
  await expect(200, 'and enabled')
  await change({ algorithms: ['ES256'] })
  assert.equal(
    (await made.who(forge({ claims: { jti: 'n' } }))).status,
    401,
    'its algorithm is not',
  )
  await change({ algorithms: ['RS256'] })
  await locket.call('PATCH', `/v1/principals/${principalId}`, { body: { state: 'disabled' } })
  await expect(401, 'the principal is disabled')
  await locket.call('PATCH', `/v1/principals/${principalId}`, { body: { state: 'active' } })
  await expect(200, 'and enabled')
  for (const scope of ['lookup', 'tenant', principalId]) {
    const rotated = await locket.call('POST', '/v1/encryption-keys/rotate', { body: { scope } })
    assert.equal(rotated.status, 200, JSON.stringify(rotated.body))
    await expect(200, `the key of ${scope} is new`)
  }
  await locket.restart()
  await expect(200, 'after a restart')
  await locket.call('DELETE', `${path}/${registered.id}`)
  await expect(401, 'the provider is deleted')
  const left = await locket.call('GET', identities)
  assert.deepEqual(left.body.items, [])
})

test('a disabled tenant is told so', async (t) => {
  const made = await openFederation(t)
  const { locket, provider, forge, who } = made
  const { body: tenant } = await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })
  const { body } = await locket.call('POST', path, {
    key: tenant.apiKey,
    body: { name: 'corp', issuer: provider.issuer, createUsers: true },
  })
  const token = forge({ claims: { aud: body.audience } })
  assert.equal((await who(token)).status, 200)
  await locket.call('PATCH', `/v1/tenants/${tenant.id}`, { body: { state: 'disabled' } })
  const refused = await who(token)
  assert.deepEqual([refused.status, refused.body.code], [403, 'tenant_disabled'])
  const late = await who(forge({ claims: { aud: body.audience, sub: 'late' } }))
  assert.equal(late.status, 401, 'nobody new is let in')
})

describe('registering', () => {
  test('takes an issuer only as it is written in tokens, and algorithms of one kind', async (t) => {
    const { locket } = await openFederation(t)
    const send = (changes: object) =>
      locket.call('POST', path, {
        body: { name: 'idp', issuer: 'https://idp.example', ...changes },
      })
    const wrong: readonly object[] = [
      { issuer: 'idp.example' },
      { issuer: 'ftp://idp.example' },
      { issuer: 'https://IDP.example' },
      { issuer: 'https://idp.example:443' },
      { issuer: 'https://idp.example/a/../b' },
      { issuer: 'https://idp.example/?x' },
      { issuer: 'https://idp.example/#x' },
      { issuer: 'https://user@idp.example' },
      { algorithms: ['HS256'] },
      { algorithms: ['none'] },
      { algorithms: [] },
      { algorithms: ['RS256', 'ES256'] },
      { tokenType: 'id_token' },
      { name: 'a.b' },
      { rules: [{ claim: [], value: 'a', role: 'viewer' }] },
      { audience: 'mine' },
    ]
    for (const changes of wrong) {
      const { status, body } = await send(changes)
      assert.deepEqual([status, body.code], [400, 'invalid_input'], JSON.stringify(changes))
    }
    assert.equal((await send({ issuer: 'https://idp.example/realms/a/' })).status, 201)
    const again = await send({ name: 'idp', issuer: 'https://other.example' })
    assert.deepEqual([again.status, again.body.detail], [409, 'name'])
    const same = await send({ name: 'x', issuer: 'https://idp.example/realms/a/' })
    assert.deepEqual([same.status, same.body.detail], [409, 'issuer'])
    for (let n = 3; n <= limits.identityProviders_perTenant_max; n++) {
      await send({ name: `n${n}`, issuer: `https://idp.example/${n}` })
    }
    const more = await send({ name: 'more', issuer: 'https://idp.example/more' })
    assert.deepEqual([more.status, more.body.code], [409, 'quota_exceeded'])
  })

  test('does not open the way out: a host that the operator has not named is not asked', async (t) => {
    const made = await openFederation(t, {}, { egressAllow: [] })
    assert.equal((await made.who(made.forge({}))).status, 401)
    const { body } = await made.locket.call('GET', path)
    assert.equal(body.items[0].keys.problem, 'not_allowed')
  })

  test('tokens of type JWT, where the provider makes such', async (t) => {
    const { who, forge } = await openFederation(t, { tokenType: 'JWT' })
    for (const typ of ['JWT', 'jwt', 'at+jwt', undefined]) {
      assert.equal((await who(forge({ header: { typ } }))).status, 200, typ)
    }
    for (const header of [{ typ: 'id_token' }, { typ: 'logout+jwt' }, { typ: 'dpop+jwt' }]) {
      assert.equal((await who(forge({ header }))).status, 401, header.typ)
    }
    assert.equal((await who(forge({ header: { typ: 'JWT' }, claims: { typ: 'ID' } }))).status, 401)
  })
})
