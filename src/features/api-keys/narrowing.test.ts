/** A credential makes none that could do what it cannot. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../../test/harness.ts'

test('a key that works from some addresses makes only keys that do too', async (t) => {
  const { call } = await openLocket(t)
  const from = { address: '10.1.2.3' }
  const made = await call('POST', '/v1/api-keys', {
    body: { addresses: ['10.1.2.3', '10.9.0.0/16'] },
  })
  const { key } = made.body
  const asks = async (addresses?: string[]) =>
    call('POST', '/v1/api-keys', { ...from, key, body: addresses ? { addresses } : {} })

  const inherited = await asks()
  assert.deepEqual(inherited.body.addresses, ['10.1.2.3', '10.9.0.0/16'])
  assert.deepEqual((await asks(['10.1.2.3'])).body.addresses, ['10.1.2.3'])
  assert.equal((await asks(['10.1.2.3', '192.0.2.1'])).body.code, 'above_own_rights')
  assert.equal((await asks(['0.0.0.0/0'])).body.code, 'above_own_rights')
  assert.deepEqual((await asks(['10.9.7.0/24', '10.9.1.1'])).body.addresses, [
    '10.9.7.0/24',
    '10.9.1.1',
  ])
  assert.equal((await asks(['10.0.0.0/8'])).body.code, 'above_own_rights')
  assert.equal((await asks(['::1'])).body.code, 'above_own_rights')

  const free = await call('GET', '/v1/whoami')
  const rotated = await call('POST', `/v1/api-keys/${free.body.credentialId}/rotate`, {
    ...from,
    key,
    body: {},
  })
  assert.equal(rotated.body.code, 'above_own_rights', 'a key without limits is not his to replace')
})

test('a narrowed key can end itself', async (t) => {
  const { call } = await openLocket(t)
  const { body } = await call('POST', '/v1/api-keys', { body: { scopes: ['api-key:manage'] } })
  const ended = await call('DELETE', `/v1/api-keys/${body.id}`, { key: body.key })
  assert.equal(ended.status, 200)
  assert.equal((await call('GET', '/v1/whoami', { key: body.key })).status, 401)
})

test('who may stop an agent may not start it again with rights that he lacks', async (t) => {
  const { call, person } = await openLocket(t)
  const operator = await person('user:ops', { role: 'operator' })
  const agent = await person('agent:bot', { role: 'service' })
  const set = (state: string, key?: string) =>
    call('PATCH', `/v1/principals/${agent.id}`, { ...(key && { key }), body: { state } })
  assert.equal((await set('disabled', operator.key)).status, 200)
  assert.equal((await set('active', operator.key)).body.code, 'above_own_rights')
  assert.equal((await call('GET', '/v1/whoami', { key: agent.key })).status, 401)
  assert.equal((await set('active')).status, 200)
  assert.equal((await call('GET', '/v1/whoami', { key: agent.key })).status, 200)
})

test('the key of a deleted principal is not replaced', async (t) => {
  const { call, person } = await openLocket(t)
  const alice = await person('user:alice')
  const { body } = await call('GET', '/v1/whoami', { key: alice.key })
  await call('DELETE', `/v1/principals/${alice.id}`)
  const rotated = await call('POST', `/v1/api-keys/${body.credentialId}/rotate`, { body: {} })
  assert.equal(rotated.body.code, 'not_found')
})

test('a key made by who may little does not grow with its owner', async (t) => {
  const { call, person } = await openLocket(t)
  const operator = await person('user:ops', { role: 'operator' })
  const made = await call('POST', '/v1/principals', { body: { handle: 'service:later' } })
  const body = { principalId: made.body.id }
  for (const scopes of [undefined, ['*'], ['audit:read', 'memory:*']]) {
    const asked = { key: operator.key, body: { ...body, ...(scopes && { scopes }) } }
    const { key } = (await call('POST', '/v1/api-keys', asked)).body
    const grant = await call('POST', '/v1/grants', { body: { ...body, role: 'admin' } })
    const read = await call('POST', '/v1/memories/list', { key, body: { space: 'org' } })
    assert.equal(read.body.code, 'permission_denied')
    assert.equal((await call('GET', '/v1/audit-events', { key })).status, 200)
    await call('DELETE', `/v1/grants/${grant.body.id}`)
  }
})

test('a narrowed key makes no key that grows beyond it', async (t) => {
  const { call } = await openLocket(t)
  const narrow = await call('POST', '/v1/api-keys', { body: { scopes: ['api-key:manage'] } })
  const { principalId } = narrow.body
  const asked = { key: narrow.body.key, body: { principalId, scopes: ['api-key:manage'] } }
  assert.equal((await call('POST', '/v1/api-keys', asked)).status, 201)
  const wide = await call('POST', '/v1/api-keys', { key: narrow.body.key, body: {} })
  assert.equal(wide.body.code, 'above_own_rights')
})

test('keys of others are made by who manages their kind', async (t) => {
  const { call, person } = await openLocket(t)
  const developer = await person('user:dev', { role: 'developer' })
  const alice = await person('user:alice')
  const agent = await person('agent:bot', { role: 'service' })
  const keyFor = (principalId: string) =>
    call('POST', '/v1/api-keys', { key: developer.key, body: { principalId } })
  assert.equal((await keyFor(alice.id)).body.code, 'permission_denied')
  assert.equal((await keyFor(agent.id)).status, 201)
})

test('a permission asked for by name is given or refused, never silently dropped', async (t) => {
  const { call, person } = await openLocket(t)
  const operator = await person('user:ops', { role: 'operator' })
  const made = await call('POST', '/v1/principals', { body: { handle: 'agent:bot' } })
  const body = { principalId: made.body.id, scopes: ['memory:read', 'memory:write'] }
  const key = await call('POST', '/v1/api-keys', { body })
  assert.deepEqual(key.body.scopes, body.scopes)

  const asked = await call('POST', '/v1/api-keys', { key: operator.key, body })
  assert.equal(asked.body.code, 'above_own_rights')
  const path = `/v1/api-keys/${key.body.id}/rotate`
  const rotated = await call('POST', path, { key: operator.key, body: { overlapSeconds: 0 } })
  assert.equal(rotated.body.code, 'above_own_rights')
  assert.equal((await call('GET', '/v1/whoami', { key: key.body.key })).status, 200, 'not replaced')
})

test('a key of his own without scopes makes one that grows with him too', async (t) => {
  const { call, person } = await openLocket(t)
  const dev = await person('user:dev', { role: 'developer' })
  const { body } = await call('GET', '/v1/whoami', { key: dev.key })
  const rotated = await call('POST', `/v1/api-keys/${body.credentialId}/rotate`, {
    key: dev.key,
    body: {},
  })
  assert.equal(rotated.body.scopes, null)
  await call('POST', '/v1/grants', { body: { principalId: dev.id, role: 'operator' } })
  assert.equal((await call('GET', '/v1/audit-events', { key: rotated.body.key })).status, 200)
})
