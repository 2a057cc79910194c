/** Who is powerful by a provider's word: whom he is safe from, and what he cannot make of it. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Locket, Reply } from '../../../test/harness.ts'
import { openFederation } from '../../../test/identity-provider.ts'
import { person, signIn, unlimited } from '../../../test/signed-in.ts'

type Request = readonly [method: string, path: string, body?: object]

const rules = [{ claim: ['group'], value: 'bosses', role: 'admin' }]

async function opened(t: TestContext, settings: object = { rules }) {
  const made = await openFederation(t, { ...settings }, { rateBudgets: unlimited })
  const { locket, registered } = made
  const ask = (key: string, [method, path, body]: Request): Promise<Reply> =>
    locket.call(method, path, { key, ...(body && { body }) })
  const done = async (...request: Request): Promise<Reply['body']> => {
    const reply = await ask(locket.admin, request)
    assert.ok(reply.status < 300, JSON.stringify(reply.body))
    return reply.body
  }
  const tie = (principalId: string, subject: string, key = locket.admin) =>
    ask(key, ['POST', '/v1/external-identities', { ...whom(principalId, subject) }])
  const whom = (principalId: string, subject: string) => ({
    providerId: registered.id,
    principalId,
    subject,
  })
  return { ...made, ask, done, tie }
}

/** What takes something from a user, or speaks in his name. */
async function takings(locket: Locket, id: string): Promise<readonly Request[]> {
  const key = (await locket.call('POST', '/v1/api-keys', { body: { principalId: id } })).body
  const tokens = await locket.call('POST', '/v1/tokens', { key: key.key, body: {} })
  assert.equal(tokens.status, 201)
  return [
    ['POST', '/v1/password-resets', { principalId: id }],
    ['DELETE', `/v1/sign-ins/${(await signIn(locket)).id}`],
    ['DELETE', `/v1/sign-ins?principalId=${id}`],
    ['POST', '/v1/tokens/revoke', { principalId: id }],
    ['POST', '/v1/api-keys', { principalId: id }],
    ['DELETE', `/v1/api-keys/${key.id}`],
    ['PATCH', `/v1/principals/${id}`, { state: 'disabled' }],
    ['PATCH', `/v1/principals/${id}`, { state: 'active' }],
    ['DELETE', `/v1/principals/${id}`],
  ]
}

test('who may be powerful by a provider’s rules is not to be stopped from below', async (t) => {
  const { locket, registered, ask, done, tie } = await opened(t)
  const operator = await locket.person('service:operator', { role: 'operator' })
  const alice = await person(locket, 'alice')
  assert.equal((await tie(alice, 'someone')).status, 201)
  for (const request of await takings(locket, alice)) {
    const about = request.slice(0, 2).join(' ')
    const { status, body } = await ask(operator.key, request)
    assert.deepEqual([status, body.code], [403, 'above_own_rights'], about)
  }
  // While its word does not count he is what he is granted.
  await done('PATCH', `/v1/identity-providers/${registered.id}`, { state: 'disabled' })
  for (const request of await takings(locket, alice)) {
    const { status, body } = await ask(operator.key, request)
    assert.ok(status < 300, `${request.slice(0, 2).join(' ')}: ${JSON.stringify(body)}`)
  }
})

test('nobody ties a subject to a provider whose rules could give it more than he has', async (t) => {
  const { locket, ask, done, tie } = await opened(t)
  const { id: role } = await done('POST', '/v1/roles', {
    name: 'federator',
    permissions: ['tenant:admin', 'memory:read'],
  })
  const boss = await locket.person('user:boss', { role })
  const refused = await tie(boss.id, 'himself-at-the-provider', boss.key)
  assert.deepEqual([refused.status, refused.body.code], [403, 'above_own_rights'])
  const provider = { name: 'plain', issuer: 'https://plain.example' }
  const plain = await ask(boss.key, ['POST', '/v1/identity-providers', provider])
  const own = { providerId: plain.body.id, principalId: boss.id, subject: 'himself' }
  assert.equal((await ask(boss.key, ['POST', '/v1/external-identities', own])).status, 201)
})

test('a provider is changed and deleted only by who stands above all whom it knows', async (t) => {
  const { locket, registered, ask, done, tie } = await opened(t, {})
  const { id: role } = await done('POST', '/v1/roles', {
    name: 'federator',
    permissions: ['tenant:admin', 'memory:read'],
  })
  const federator = await locket.person('user:federator', { role })
  const admin = await locket.person('user:alice', { role: 'admin' })
  const tied = (await tie(admin.id, 'alice')).body
  const path = `/v1/identity-providers/${registered.id}`
  const changes: readonly Request[] = [
    ['PATCH', path, { state: 'disabled' }],
    ['PATCH', path, { tokenType: 'JWT' }],
    ['PATCH', path, { state: 'active' }],
    ['DELETE', path],
  ]
  for (const change of changes) {
    const { status, body } = await ask(federator.key, change)
    assert.deepEqual([status, body.code], [403, 'above_own_rights'], JSON.stringify(change))
  }
  await done('PATCH', path, { state: 'disabled' })
  const { body } = await ask(federator.key, ['PATCH', path, { state: 'active' }])
  assert.equal(body.code, 'above_own_rights', 'nor is it enabled again')
  await done('DELETE', `/v1/external-identities/${tied.id}`)
  const reader = await locket.person('user:reader', { role: 'viewer' })
  await tie(reader.id, 'reader')
  for (const change of changes) {
    const { status, body } = await ask(federator.key, change)
    assert.equal(status, 200, JSON.stringify([change, body]))
  }
})

test('a token gets its bearer no credential that stays', async (t) => {
  const { locket, registered, ask } = await opened(t)
  const boss = await locket.person('user:boss', { role: 'admin' })
  const { accessToken } = (await ask(boss.key, ['POST', '/v1/tokens', {}])).body
  const attempts: readonly Request[] = [
    ['POST', '/v1/invitations', { principalId: boss.id }],
    ['POST', '/v1/password-resets', { principalId: boss.id }],
    ['POST', '/v1/api-keys', {}],
    [
      'POST',
      '/v1/external-identities',
      { providerId: registered.id, principalId: boss.id, subject: 'me' },
    ],
  ]
  for (const attempt of attempts) {
    const { status, body } = await ask(accessToken, attempt)
    assert.deepEqual([status, body.code], [403, 'above_own_rights'], attempt[1])
  }
  // His key, which stays as it is, may.
  assert.equal((await ask(boss.key, attempts[0] as Request)).status, 201)
})

test('what a provider’s word allows makes nothing that stays, and stops what it may', async (t) => {
  const { locket, forge, ask, done } = await opened(t)
  const word = forge({ claims: { group: ['bosses'] } })
  const me = (await ask(word, ['GET', '/v1/whoami'])).body.principalId
  const friend = await locket.person('user:friend')
  for (const principalId of [me, friend.id]) {
    const { body } = await ask(word, ['POST', '/v1/grants', { principalId, role: 'viewer' }])
    assert.equal(body.code, 'above_own_rights')
    assert.match(body.detail, /provider’s word/)
  }
  const stopped = await ask(word, ['PATCH', `/v1/principals/${friend.id}`, { state: 'disabled' }])
  assert.equal(stopped.status, 200, 'to take away leaves nothing behind')
  // Who is to administer by his tokens is granted it: then the same token does.
  await done('POST', '/v1/grants', { principalId: me, role: 'admin' })
  const given = await ask(word, ['POST', '/v1/grants', { principalId: friend.id, role: 'viewer' }])
  assert.equal(given.status, 201, JSON.stringify(given.body))
  const { items } = await done('GET', '/v1/audit-events?action=grant.created')
  assert.match(items[0].decision, /^grt_/, 'by his grant, not by the provider')
})
