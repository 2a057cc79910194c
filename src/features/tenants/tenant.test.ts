import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { openStores } from '../../../test/stores.ts'
import { instanceTenant } from '../../core/ids.ts'
import { instanceStore } from '../../storage/tenant-store.ts'
import { slugTaken } from './store.ts'
import { slugOf } from './tenant.ts'

const create = async (locket: Locket, body: object, key = locket.admin) =>
  (await locket.call('POST', '/v1/tenants', { key, body })).body
const patch = async (locket: Locket, id: string, body: object) =>
  (await locket.call('PATCH', `/v1/tenants/${id}`, { body })).body

test('a tenant comes with an administrator who rules there and nowhere else', async (t) => {
  const locket = await openLocket(t)
  const { apiKey: key, ...tenant } = await create(locket, { name: 'Acme & Söhne' })
  assert.equal(tenant.slug, 'acme-so-hne')
  assert.equal(tenant.state, 'active')
  const me = await locket.call('GET', '/v1/whoami', { key })
  assert.equal(me.body.tenant, tenant.id)
  assert.ok(!JSON.stringify(me.body.grants).includes('system:'))
  for (const [method, path, body] of [
    ['GET', '/v1/tenants', undefined],
    ['POST', '/v1/tenants', { name: 'Mine' }],
    ['PATCH', `/v1/tenants/${tenant.id}`, { name: 'Mine' }],
    ['PATCH', `/v1/tenants/${locket.tenant}`, { state: 'disabled' }],
    ['GET', '/v1/audit-events?log=instance', undefined],
  ] as const) {
    const reply = await locket.call(method, path, { key, ...(body && { body }) })
    assert.equal(reply.body.code, 'permission_denied', path)
  }
  const grant = { principalId: me.body.principalId, role: 'system' }
  const reply = await locket.call('POST', '/v1/grants', { key, body: grant })
  assert.equal(reply.body.code, 'above_own_rights')
})

test('the rule over the instance opens no tenant: not its spaces, people or events', async (t) => {
  const locket = await openLocket(t)
  const { apiKey: key } = await create(locket, { name: 'Other' })
  const body = { space: 'user:alice', text: 'tea' }
  const stored = await locket.call('POST', '/v1/memories', { key, body })
  assert.equal((await locket.call('GET', `/v1/memories/${stored.body.id}`)).status, 404)
  const { body: spaces } = await locket.call('GET', '/v1/spaces')
  assert.deepEqual(spaces.items, [])
  const { body: events } = await locket.call('GET', '/v1/audit-events?action=memory.stored')
  assert.deepEqual(events.items, [])
})

test('slugs are unique, however the tenant is called', async (t) => {
  const locket = await openLocket(t)
  assert.equal((await create(locket, { name: 'Acme' })).slug, 'acme')
  assert.equal((await create(locket, { name: 'ACME' })).code, 'already_exists')
  assert.equal((await create(locket, { name: 'ACME', slug: 'acme-2' })).slug, 'acme-2')
  assert.equal((await create(locket, { name: 'x', slug: 'instance' })).code, 'already_exists')
  assert.equal((await create(locket, { name: '株式会社' })).code, 'invalid_input')
  for (const slug of ['-a', 'a-', 'A', 'a b', 'a'.repeat(64), '']) {
    assert.equal((await create(locket, { name: 'x', slug })).code, 'invalid_input', slug)
  }
})

test("a slug stays taken after the instance's look-up key was rotated", async (t) => {
  const stores = await openStores(t)
  await stores.write((store) => store.rotateKey('lookup'), instanceTenant)
  const taken = (slug: string) =>
    stores.database.read((tx) => slugTaken(instanceStore(tx, stores.keys), slug))
  assert.equal(await taken('first'), true)
  assert.equal(await taken('second'), false)
})

test('a slug is made of a name', () => {
  const cases = {
    'Ünï Çode': 'u-ni-c-ode',
    ' --a--b-- ': 'a-b',
    '!!!': '',
    [`${'a'.repeat(62)} b`]: 'a'.repeat(62),
  }
  for (const [name, slug] of Object.entries(cases)) assert.equal(slugOf(name), slug)
})

test('a disabled tenant stops at its next request, and goes on when enabled', async (t) => {
  const locket = await openLocket(t)
  const { apiKey: key, id } = await create(locket, { name: 'Other' })
  const stored = await locket.call('POST', '/v1/memories', {
    key,
    body: { space: 'team:x', text: 'tea' },
  })
  const get = () => locket.call('GET', `/v1/memories/${stored.body.id}`, { key })
  assert.equal((await get()).status, 200)
  assert.equal((await patch(locket, id, { state: 'disabled' })).state, 'disabled')
  assert.equal((await get()).body.code, 'tenant_disabled')
  assert.equal((await locket.call('GET', '/v1/whoami', { key: `${key}x` })).status, 401)
  const bad = `${key.slice(0, 20)}${'0'.repeat(43)}`
  const guess = await locket.call('GET', '/v1/whoami', { key: bad })
  assert.equal(guess.body.code, 'unauthenticated', 'a wrong key does not learn that it is disabled')
  await locket.restart()
  assert.equal((await get()).body.code, 'tenant_disabled')
  assert.equal((await patch(locket, id, { state: 'active' })).state, 'active')
  assert.equal((await get()).status, 200)
})

test('nobody disables the tenant that he is of; a tenant that is not there is not found', async (t) => {
  const locket = await openLocket(t)
  const own = await patch(locket, locket.tenant, { state: 'disabled' })
  assert.equal(own.code, 'in_use')
  assert.equal((await patch(locket, locket.tenant, { name: 'Ours' })).name, 'Ours')
  const absent = 'ten_01ARZ3NDEKTSV4RRFFQ69G5FAV'
  assert.equal((await patch(locket, absent, { name: 'x' })).code, 'not_found')
})

test('the instance itself is no tenant to rename or disable', async (t) => {
  const locket = await openLocket(t)
  const reply = await patch(locket, instanceTenant, { state: 'disabled' })
  assert.equal(reply.code, 'not_found')
})

test('tenants are listed in the order of their making, page by page', async (t) => {
  const locket = await openLocket(t)
  for (const name of ['A', 'B', 'C']) await create(locket, { name })
  const names: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const { body } = await locket.call('GET', `/v1/tenants?limit=2${query}`)
    names.push(...body.items.map((item: { name: string }) => item.name))
    cursor = body.nextCursor
  }
  assert.deepEqual(names, ['Default', 'A', 'B', 'C'])
})

test('what is done to a tenant stands in its own log and in the instance’s', async (t) => {
  const locket = await openLocket(t)
  const made = await create(locket, { name: 'Acme' })
  for (const state of ['disabled', 'active']) await patch(locket, made.id, { state })
  const told = async (path: string, key: string) => {
    const { body } = await locket.call('GET', `/v1/audit-events?resource=${made.id}${path}`, {
      key,
    })
    return body.items.map((event: Record<string, unknown> & { details: { state: string } }) => [
      event['action'],
      event['class'],
      event.details.state,
      event['actor'],
    ])
  }
  const three = [
    ['tenant.updated', 'system', 'active', null],
    ['tenant.updated', 'system', 'disabled', null],
    ['tenant.created', 'system', 'active', null],
  ]
  assert.deepEqual(await told('', made.apiKey), three)
  assert.deepEqual(await told('&log=instance', locket.admin), three)
  const own = await told('', locket.admin)
  assert.deepEqual(
    own.map(([action, group]: string[]) => [action, group]),
    three.map(([action]) => [action, 'admin']),
  )
  await patch(locket, locket.tenant, { name: 'Ours' })
  const { body } = await locket.call('GET', `/v1/audit-events?resource=${locket.tenant}`)
  assert.equal(body.items.length, 1, 'his own tenant’s log has it from himself')
})
