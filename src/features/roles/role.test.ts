import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../../test/harness.ts'
import { expandAll, permissions } from '../../core/permissions.ts'
import { presetOf, presetRoles, presets } from './role.ts'

test('the presets are those that were promised, and none but system reaches the instance', () => {
  const promised = ['admin', 'developer', 'operator', 'user', 'service', 'viewer', 'system']
  assert.deepEqual(Object.keys(presets), promised)
  for (const { name, permissions: patterns } of presetRoles()) {
    const reachesInstance = expandAll(patterns as ['*']).has('system:admin')
    assert.equal(reachesInstance, name === 'system', name)
  }
  const everything = permissions.filter((one) => !one.startsWith('system:'))
  assert.deepEqual([...expandAll(presets.admin.permissions)], everything)
})

test('readonly is another name of viewer; a name of the language is no role', () => {
  assert.equal(presetOf('readonly'), 'viewer')
  assert.equal(presetOf('viewer'), 'viewer')
  for (const name of ['Admin', 'admin ', '', 'constructor', '__proto__', 'toString', 'root']) {
    assert.equal(presetOf(name), undefined)
  }
})

test('a role is made, listed after the presets, changed and deleted', async (t) => {
  const { call } = await openLocket(t)
  const body = { name: 'reader', description: ' reads ', permissions: ['memory:read'] }
  const made = await call('POST', '/v1/roles', { body })
  assert.equal(made.status, 201)
  const { id, createdAt, updatedAt, ...rest } = made.body
  assert.match(id, /^rol_/)
  assert.equal(createdAt, updatedAt)
  assert.deepEqual(rest, { ...body, description: 'reads', reach: 'tenant', preset: false })
  const changed = await call('PATCH', `/v1/roles/${id}`, { body: { reach: 'own' } })
  assert.equal(changed.body.reach, 'own')
  assert.deepEqual(changed.body.permissions, ['memory:read'])
  const { body: listed } = await call('GET', '/v1/roles')
  assert.deepEqual(listed.items.slice(0, -1), presetRoles())
  assert.deepEqual(listed.items.at(-1), changed.body)
  assert.equal((await call('DELETE', `/v1/roles/${id}`)).status, 200)
  assert.equal((await call('DELETE', `/v1/roles/${id}`)).status, 404)
  assert.equal((await call('PATCH', `/v1/roles/${id}`, { body: {} })).status, 404)
})

test('two roles of one name are refused; in another tenant the name is free', async (t) => {
  const { call } = await openLocket(t)
  const body = { name: 'reader', permissions: ['memory:read'] }
  assert.equal((await call('POST', '/v1/roles', { body })).status, 201)
  assert.equal((await call('POST', '/v1/roles', { body })).body.code, 'already_exists')
  const other = await call('POST', '/v1/tenants', { body: { name: 'Other' } })
  const key = other.body.apiKey
  assert.equal((await call('POST', '/v1/roles', { body, key })).status, 201)
})

const good = { name: 'reader', permissions: ['memory:read'] }
const wrong: readonly (readonly [what: string, body: object])[] = [
  ['no permissions', { ...good, permissions: [] }],
  ['a permission there is not', { ...good, permissions: ['memory:fly'] }],
  ['a noun there is not', { ...good, permissions: ['weather:*'] }],
  ['a pattern in the middle', { ...good, permissions: ['mem*'] }],
  ['another case', { ...good, permissions: ['Memory:read'] }],
  ['a space', { ...good, permissions: ['memory:read '] }],
  ['too many', { ...good, permissions: Array.from({ length: 33 }, () => 'memory:read') }],
  ['the name of a preset', { ...good, name: 'admin' }],
  ['an alias', { ...good, name: 'readonly' }],
  ['a name with capitals', { ...good, name: 'Reader' }],
  ['a name like an id', { ...good, name: 'rol_1' }],
  ['another reach', { ...good, reach: 'instance' }],
  ['an unknown key', { ...good, tenant: 'ten_1' }],
  ['an id', { ...good, id: 'admin' }],
]

test('a role that makes no sense is refused', async (t) => {
  const { call } = await openLocket(t)
  for (const [what, body] of wrong) {
    assert.equal((await call('POST', '/v1/roles', { body })).body.code, 'invalid_input', what)
  }
  for (const id of ['admin', 'readonly', 'system']) {
    assert.equal((await call('PATCH', `/v1/roles/${id}`, { body: {} })).status, 400, id)
    assert.equal((await call('DELETE', `/v1/roles/${id}`)).status, 400, id)
  }
})

test('what a role allows changes for all who have it at their next request', async (t) => {
  const { call, person } = await openLocket(t)
  const made = await call('POST', '/v1/roles', { body: good })
  await call('POST', '/v1/memories', { body: { space: 'team:x', text: 'tea' } })
  const { key } = await person('service:s', { role: made.body.id })
  const list = async () =>
    (await call('POST', '/v1/memories/list', { key, body: { space: 'team:x' } })).status
  const allow = (allowed: string[], reach: string) =>
    call('PATCH', `/v1/roles/${made.body.id}`, { body: { permissions: allowed, reach } })
  assert.equal(await list(), 200)
  await allow(['memory:write'], 'tenant')
  assert.equal(await list(), 403)
  await allow(['memory:read'], 'own')
  assert.equal(await list(), 404)
  await allow(['memory:*'], 'tenant')
  assert.equal(await list(), 200)
})
