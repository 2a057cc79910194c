import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket, type Reply } from '../../../test/harness.ts'
import { person, unlimited } from '../../../test/signed-in.ts'

test('a review names every way in, and what a provider could say of somebody', async (t) => {
  const locket = await openLocket(t, { rateBudgets: unlimited })
  const done = async (method: string, path: string, body?: object): Promise<Reply['body']> => {
    const reply = await locket.call(method, path, body ? { body } : {})
    assert.ok(reply.status < 300, JSON.stringify(reply.body))
    return reply.body
  }
  const reviewed = async (): Promise<Reply['body']> =>
    (await done('GET', '/v1/access-review?kind=user')).items[0]
  const { id: gone } = await done('POST', '/v1/roles', { name: 'x', permissions: ['audit:read'] })
  const rule = (role: string) => ({ claim: ['group'], value: role, role })
  const provider = await done('POST', '/v1/identity-providers', {
    name: 'corp',
    issuer: 'https://idp.example',
    rules: [rule('admin'), rule('viewer'), { ...rule('viewer'), value: 'other' }, rule(gone)],
  })
  await done('DELETE', `/v1/roles/${gone}`)
  const alice = await person(locket, 'alice')
  const before = await reviewed()
  assert.deepEqual([before.externalIdentities, before.byProvider], [[], []])
  assert.match(before.passwordSetAt, /^2/)
  assert.deepEqual([before.factors, before.tokenFamilies], [[], 0])

  const tie = { providerId: provider.id, subject: 'a', principalId: alice }
  const identity = await done('POST', '/v1/external-identities', tie)
  const { key } = await done('POST', '/v1/api-keys', { principalId: alice })
  await locket.call('POST', '/v1/tokens', { key, body: {} })
  const { createdAt } = identity
  const after = await reviewed()
  assert.deepEqual(after.externalIdentities, [
    { id: identity.id, providerId: provider.id, createdAt },
  ])
  assert.equal(after.tokenFamilies, 1)
  assert.deepEqual(
    after.byProvider.map(({ providerId, role, reach }: Reply['body']) => [providerId, role, reach]),
    [
      [provider.id, 'admin', 'tenant'],
      [provider.id, 'viewer', 'own'],
    ],
  )
  assert.deepEqual(after.byProvider[1].permissions, ['memory:read'])
  await done('PATCH', `/v1/identity-providers/${provider.id}`, { state: 'disabled' })
  assert.deepEqual((await reviewed()).byProvider, [], 'its word does not count')
})
