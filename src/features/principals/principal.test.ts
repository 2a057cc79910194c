import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { findPrincipal } from './store.ts'

const create = async (locket: Locket, body: object, key = locket.admin) =>
  (await locket.call('POST', '/v1/principals', { key, body })).body
const status = async (locket: Locket, key: string) =>
  (await locket.call('GET', '/v1/whoami', { key })).status
const patch = (locket: Locket, id: string, body: object) =>
  locket.call('PATCH', `/v1/principals/${id}`, { body })

for (const [handle, prefix] of [
  ['user:alice', 'usr'],
  ['agent:support-bot', 'agt'],
  ['service:a.b_c@d+e-f', 'svc'],
] as const) {
  test(`${handle} is made without rights, read, renamed and deleted`, async (t) => {
    const locket = await openLocket(t)
    const { id, createdAt, updatedAt, ...rest } = await create(locket, { handle, name: ' A ' })
    assert.match(id, new RegExp(`^${prefix}_`))
    assert.equal(createdAt, updatedAt)
    const kind = handle.split(':')[0]
    const undeclared = { description: null, allowedUsers: [], maxMemories: null, memories: null }
    assert.deepEqual(rest, { kind, handle, name: 'A', state: 'active', ...undeclared })
    const { body: key } = await locket.call('POST', '/v1/api-keys', { body: { principalId: id } })
    const me = await locket.call('GET', '/v1/whoami', { key: key.key })
    assert.equal(me.body.handle, handle)
    assert.deepEqual(me.body.grants, [{ reach: 'own', permissions: ['self:read'] }])
    assert.equal((await patch(locket, id, { name: 'B' })).body.name, 'B')
    assert.equal((await patch(locket, id, { name: null })).body.name, null)
    assert.equal((await patch(locket, id, {})).body.name, null)
    assert.equal((await locket.call('GET', `/v1/principals/${id}`)).body.handle, handle)
    assert.equal((await locket.call('DELETE', `/v1/principals/${id}`)).status, 200)
    assert.equal((await locket.call('GET', `/v1/principals/${id}`)).status, 404)
    assert.equal((await locket.call('DELETE', `/v1/principals/${id}`)).status, 404)
    assert.equal((await patch(locket, id, { state: 'active' })).status, 404)
    assert.equal(await status(locket, key.key), 401)
  })
}

const handles: readonly string[] = [
  '',
  'alice',
  'user:',
  'USER:alice',
  'team:x',
  'org',
  'user:-a',
  'user:a b',
  'user:a\n',
  'user:é',
  'user:a/b',
  `user:${'a'.repeat(101)}`,
  'user:user:a',
]

test('what is no handle is refused', async (t) => {
  const locket = await openLocket(t)
  for (const handle of handles) {
    assert.equal((await create(locket, { handle })).code, 'invalid_input', handle)
  }
  assert.equal((await create(locket, { handle: `user:${'a'.repeat(100)}` })).state, 'active')
  assert.equal((await create(locket, { handle: 'user:b', kind: 'user' })).code, 'invalid_input')
  assert.equal((await create(locket, { handle: 'user:b', id: 'usr_1' })).code, 'invalid_input')
})

test('a handle is given once: case matters, and deleting does not free it', async (t) => {
  const locket = await openLocket(t)
  const { id } = await create(locket, { handle: 'user:alice' })
  assert.equal((await create(locket, { handle: 'user:alice' })).code, 'already_exists')
  assert.equal((await create(locket, { handle: 'user:Alice' })).state, 'active')
  assert.equal((await create(locket, { handle: 'agent:alice' })).state, 'active')
  await locket.call('DELETE', `/v1/principals/${id}`)
  assert.equal((await create(locket, { handle: 'user:alice' })).code, 'handle_retired')
  const store = { space: 'user:alice', text: 'tea' }
  const stored = await locket.call('POST', '/v1/memories', { body: store })
  assert.equal(stored.body.code, 'handle_retired')
})

test('a deleted handle stays taken after the look-up key was rotated', async (t) => {
  const locket = await openLocket(t)
  const { id } = await create(locket, { handle: 'user:alice' })
  await create(locket, { handle: 'user:bob' })
  await locket.call('DELETE', `/v1/principals/${id}`)
  for (const _ of ['once', 'twice']) {
    const body = { scope: 'lookup' }
    assert.equal((await locket.call('POST', '/v1/encryption-keys/rotate', { body })).status, 200)
  }
  assert.equal((await create(locket, { handle: 'user:alice' })).code, 'handle_retired')
  assert.equal((await create(locket, { handle: 'user:bob' })).code, 'already_exists')
})

test('disabling stops every credential at the next request; enabling lets them in again', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person('user:alice')
  const { body: second } = await locket.call('POST', '/v1/api-keys', {
    body: { principalId: alice.id },
  })
  const both = async () => [await status(locket, alice.key), await status(locket, second.key)]
  assert.deepEqual(await both(), [200, 200])
  assert.equal((await patch(locket, alice.id, { state: 'disabled' })).body.state, 'disabled')
  assert.deepEqual(await both(), [401, 401])
  await patch(locket, alice.id, { name: 'Alice' })
  assert.deepEqual(await both(), [401, 401], 'renaming does not enable')
  await patch(locket, alice.id, { state: 'active' })
  assert.deepEqual(await both(), [200, 200])
})

test('of a deleted principal neither handle nor name is kept', async (t) => {
  const locket = await openLocket(t)
  const { id } = await create(locket, { handle: 'user:alice', name: 'Alice' })
  await locket.call('DELETE', `/v1/principals/${id}`)
  const { database, keys } = locket.instance
  const tenant = locket.tenant as Id<'ten'>
  const found = await database.read((tx) => findPrincipal(tenantStore(tx, keys, tenant), id))
  assert.equal(found, undefined)
  const { body } = await locket.call('GET', '/v1/principals')
  assert.deepEqual(
    body.items.map((item: { handle: string }) => item.handle),
    ['service:administrator'],
  )
})

test('each kind is listed for who manages it', async (t) => {
  const locket = await openLocket(t)
  for (const handle of ['user:a', 'agent:a', 'user:b']) await create(locket, { handle })
  const dev = await locket.person('service:dev', { role: 'developer' })
  const list = async (query: string, key = locket.admin) => {
    const { body } = await locket.call('GET', `/v1/principals${query}`, { key })
    return body.code ?? body.items.map((item: { handle: string }) => item.handle)
  }
  assert.deepEqual(await list('?kind=user'), ['user:a', 'user:b'])
  assert.deepEqual(await list('?kind=agent'), ['agent:a'])
  assert.equal((await list('')).length, 5)
  assert.deepEqual(await list('?kind=agent', dev.key), ['agent:a'])
  assert.equal(await list('?kind=user', dev.key), 'permission_denied')
  const first = await locket.call('GET', '/v1/principals?kind=user&limit=1')
  const second = await list(`?kind=user&limit=1&cursor=${first.body.nextCursor}`)
  assert.deepEqual(second, ['user:b'])
})

test("another tenant's principal is as if it were not there", async (t) => {
  const locket = await openLocket(t)
  const { id } = await create(locket, { handle: 'user:alice' })
  const { body } = await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })
  const key = body.apiKey
  const absent = 'usr_00000000000000000000000000'
  for (const method of ['GET', 'PATCH', 'DELETE']) {
    const reply = (one: string) =>
      locket.call(method, `/v1/principals/${one}`, { key, ...(method === 'PATCH' && { body: {} }) })
    const [theirs, none] = [await reply(id), await reply(absent)]
    assert.equal(theirs.status, 404)
    const { requestId: _a, ...shown } = theirs.body
    const { requestId: _b, ...expected } = none.body
    assert.deepEqual(shown, expected)
  }
  assert.equal((await create(locket, { handle: 'user:alice' }, key)).state, 'active')
})

test('a principal that was enabled in the database is noticed', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person('user:alice')
  await patch(locket, alice.id, { state: 'disabled' })
  await locket.sql("update principals set state = 'active' where principal_id = ?", alice.id)
  await locket.restart()
  const reply = await locket.call('GET', '/v1/whoami', { key: alice.key })
  assert.equal(reply.body.code, 'integrity_failed')
})

test('no cursor names a principal of a kind that the caller may not see', async (t) => {
  const locket = await openLocket(t)
  const { call } = locket
  for (const handle of ['user:a', 'user:b', 'agent:a', 'service:a', 'agent:b']) {
    await create(locket, { handle })
  }
  const dev = await locket.person('user:dev', { role: 'developer' })
  const seen: string[][] = []
  const named: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const { body } = await call('GET', `/v1/principals?limit=1${query}`, { key: dev.key })
    seen.push(body.items.map((item: { handle: string }) => item.handle))
    cursor = body.nextCursor
    if (cursor) named.push(Buffer.from(cursor, 'base64url').toString().split(' ')[2] ?? '')
  }
  const all = await call('GET', '/v1/principals', { key: dev.key })
  assert.deepEqual(
    seen,
    all.body.items.map((item: { handle: string }) => [item.handle]),
  )
  assert.ok(seen.length > 0 && seen.every((page) => page.length === 1))
  assert.ok(!seen.flat().some((handle) => handle.startsWith('user:')))
  assert.ok(!named.some((id) => id.startsWith('usr_')))
})

test('a tenant has so many principals and no more', async (t) => {
  const locket = await openLocket(t)
  const { id } = await create(locket, { handle: 'user:a' })
  await locket.sql(
    `with recursive series (value) as
       (select 3 union all select value + 1 from series where value < ?)
     insert into principals (tenant_id, principal_id, kind, state, handle_index, created_at,
       updated_at, mac)
     select tenant_id, 'usr_' || value, 'user', 'deleted', ${locket.data.bytesOf('value')}, 0,
       0, mac from principals, series where principal_id = ?`,
    limits.principals_perTenant_max - 1,
    id,
  )
  assert.equal((await create(locket, { handle: 'user:last' })).handle, 'user:last')
  assert.equal((await create(locket, { handle: 'user:b' })).code, 'quota_exceeded')
  const body = { space: 'user:b', text: 'tea' }
  assert.equal((await locket.call('POST', '/v1/memories', { body })).body.code, 'quota_exceeded')
  assert.equal((await create(locket, { handle: 'user:a' })).code, 'already_exists')
})
