import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { limits } from '../../core/limits.ts'
import { SpaceHandle } from './space.ts'

const make = async (locket: Locket, handle: string, key = locket.admin) =>
  (await locket.call('POST', '/v1/spaces', { key, body: { handle } })).body
const store = async (locket: Locket, space: string, { key = locket.admin, text = 'tea' } = {}) =>
  (await locket.call('POST', '/v1/memories', { key, body: { space, text } })).body
const handlesFor = async (locket: Locket, key = locket.admin): Promise<string[]> => {
  const { body } = await locket.call('GET', '/v1/spaces', { key })
  return body.items.map((item: { handle: string }) => item.handle)
}

const good = [
  'org',
  'user:alice',
  'agent:bot',
  'team:sales',
  'user:A.b_c@d+e-f',
  `user:${'a'.repeat(100)}`,
]
const bad = [
  '',
  'Org',
  'org:x',
  'user:',
  'service:x',
  'user:é',
  'user: a',
  'user:a ',
  'user:a\0',
  'team:../x',
  `user:${'a'.repeat(101)}`,
]

test('a handle has one of four forms', () => {
  for (const handle of good) assert.ok(SpaceHandle.safeParse(handle).success, handle)
  for (const handle of bad) assert.ok(!SpaceHandle.safeParse(handle).success, handle)
})

test('a space is made once, with its owner where it is a person or an agent', async (t) => {
  const locket = await openLocket(t)
  for (const [handle, owner] of [
    ['user:alice', 'usr_'],
    ['agent:bot', 'agt_'],
    ['team:sales', null],
    ['org', null],
  ] as const) {
    const space = await make(locket, handle)
    assert.deepEqual([space.handle, space.memories], [handle, 0])
    assert.equal(space.ownerId?.slice(0, 4) ?? null, owner)
    assert.equal((await make(locket, handle)).code, 'already_exists')
  }
  const { body } = await locket.call('GET', '/v1/principals?kind=user')
  assert.deepEqual(
    body.items.map((item: { handle: string }) => item.handle),
    ['user:alice'],
  )
  const keys = await locket.call('GET', `/v1/api-keys?principalId=${body.items[0].id}`)
  assert.deepEqual(keys.body.items, [], 'the owner that was made has no credentials')
})

test('a first store makes the space, of the principal that is there already', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person('user:alice')
  await store(locket, 'user:alice')
  const { body } = await locket.call('GET', '/v1/spaces', { key: alice.key })
  assert.equal(body.items[0].ownerId, alice.id)
  assert.equal(body.items[0].memories, 1)
})

test('many first stores at once make one space', async (t) => {
  const locket = await openLocket(t)
  const texts = Array.from({ length: 20 }, (_, at) => `tea ${at}`)
  const stored = await Promise.all(texts.map((text) => store(locket, 'user:alice', { text })))
  assert.ok(stored.every((memory) => memory.space === 'user:alice'))
  const { body } = await locket.call('GET', '/v1/spaces')
  assert.deepEqual(
    body.items.map((item: { memories: number }) => item.memories),
    [20],
  )
})

test('spaces are listed for who may read them', async (t) => {
  const locket = await openLocket(t)
  for (const handle of ['user:alice', 'user:bob', 'team:x']) await make(locket, handle)
  const alice = await locket.person('user:carol')
  assert.deepEqual(await handlesFor(locket), ['user:alice', 'user:bob', 'team:x'])
  assert.deepEqual(await handlesFor(locket, alice.key), [])
  await store(locket, 'user:carol', { key: alice.key })
  assert.deepEqual(await handlesFor(locket, alice.key), ['user:carol'])
})

test('making and deleting spaces is for who manages them', async (t) => {
  const locket = await openLocket(t)
  const { id } = await make(locket, 'team:x')
  for (const role of ['user', 'service', 'operator', 'viewer']) {
    const { key } = await locket.person(`user:${role}`, { role })
    assert.equal((await make(locket, 'team:y', key)).code, 'permission_denied')
    const reply = await locket.call('DELETE', `/v1/spaces/${id}`, { key })
    assert.equal(reply.body.code, 'permission_denied')
  }
})

test('a deleted space takes everything along, and its handle is never given again', async (t) => {
  const locket = await openLocket(t)
  const { call } = locket
  const space = await make(locket, 'user:alice')
  const memory = await store(locket, 'user:alice')
  const alice = await locket.person('agent:a', { role: 'service', spaceId: space.id })
  await call('POST', '/v1/memories/recall', { body: { space: 'user:alice', query: 'tea' } })
  assert.equal((await call('DELETE', `/v1/spaces/${space.id}`)).status, 200)
  assert.equal((await call('DELETE', `/v1/spaces/${space.id}`)).status, 404)
  assert.equal((await call('GET', `/v1/memories/${memory.id}`)).status, 404)
  assert.equal((await call('GET', `/v1/spaces/${space.id}/sessions`)).status, 404)
  assert.deepEqual(await handlesFor(locket), [])
  const body = { space: 'user:alice', query: 'tea' }
  assert.equal((await call('POST', '/v1/memories/recall', { body })).body.code, 'handle_retired')
  const foreign = await call('POST', '/v1/memories/recall', { body, key: alice.key })
  assert.equal(foreign.body.code, 'not_found', 'who could not make it learns nothing')
  assert.equal((await store(locket, 'user:alice')).code, 'handle_retired')
  assert.equal((await make(locket, 'user:alice')).code, 'handle_retired')
  await call('POST', '/v1/encryption-keys/rotate', { body: { scope: 'lookup' } })
  assert.equal((await make(locket, 'user:alice')).code, 'handle_retired')
  await locket.restart()
  assert.equal((await make(locket, 'user:alice')).code, 'handle_retired')
})

test('what a deleted space leaves behind is swept', async (t) => {
  const locket = await openLocket(t)
  const space = await make(locket, 'team:x')
  await store(locket, 'team:x')
  await locket.call('DELETE', `/v1/spaces/${space.id}`)
  await locket.app.jobs.runAll()
  assert.deepEqual(await locket.sql('select * from memories'), [])
  const { body } = await locket.call('GET', '/v1/encryption-keys')
  const states = body.items.filter((item: { scope: string }) => item.scope === space.id)
  assert.deepEqual(
    states.map((item: { state: string }) => item.state),
    ['destroyed'],
  )
})

test('a tombstone that a crash kept from being written is written at the next start', async (t) => {
  const locket = await openLocket(t)
  const empty = await make(locket, 'team:empty')
  const full = await make(locket, 'team:full')
  await store(locket, 'team:full')
  Object.assign(locket.app.pipeline.services, { keyDestroyed: async () => undefined })
  for (const { id } of [empty, full]) await locket.call('DELETE', `/v1/spaces/${id}`)
  const tombstones = () =>
    [empty, full].map(({ id }) => locket.instance.keys.tombstones.has(locket.tenant, id))
  assert.deepEqual(tombstones(), [false, false])
  await locket.restart()
  assert.deepEqual(tombstones(), [true, true])
})

test('a space that an old copy of the database brings back is ended again', async (t) => {
  const locket = await openLocket(t)
  const space = await make(locket, 'team:x')
  const memory = await store(locket, 'team:x')
  const putBack = await locket.data.backup()
  await locket.call('DELETE', `/v1/spaces/${space.id}`)
  await locket.restart(putBack)
  assert.equal((await locket.call('GET', `/v1/memories/${memory.id}`)).status, 404)
  assert.deepEqual(await handlesFor(locket), [])
  assert.equal((await store(locket, 'team:x')).code, 'handle_retired')
  const sql = 'select state from encryption_keys where scope = ?'
  const states = await locket.sql(sql, space.id)
  assert.equal(states[0]?.['state'], 'destroyed')
  const { body } = await locket.call('GET', '/v1/audit-events?action=space.deleted-again')
  assert.deepEqual(
    body.items.map((event: { resourceId: string }) => event.resourceId),
    [space.id],
  )
})

/** All pages of a list, one item each, and the ids that the cursors on the way name. */
async function walk(locket: Locket, path: string, key: string) {
  const pages: string[][] = []
  const named: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const { body } = await locket.call('GET', `${path}?limit=1${query}`, { key })
    pages.push(body.items.map((item: { handle: string }) => item.handle))
    cursor = body.nextCursor
    if (cursor) named.push(Buffer.from(cursor, 'base64url').toString().split(' ')[2] ?? '')
  }
  return { pages, named }
}

test('no cursor names a space that the caller may not read', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person('user:alice')
  const ids = new Map<string, string>()
  for (const handle of ['team:a', 'user:alice', 'user:bob', 'team:b', 'team:c', 'team:d']) {
    ids.set(handle, (await make(locket, handle)).id)
  }
  for (const spaceId of [ids.get('team:c'), ids.get('team:b')]) {
    const body = { principalId: alice.id, role: 'viewer', spaceId }
    assert.equal((await locket.call('POST', '/v1/grants', { body })).status, 201)
  }
  const his = ['user:alice', 'team:b', 'team:c']
  const { pages, named } = await walk(locket, '/v1/spaces', alice.key)
  assert.deepEqual(pages, [['user:alice'], ['team:b'], ['team:c']])
  assert.deepEqual(
    named,
    his.slice(0, 2).map((handle) => ids.get(handle)),
  )
  assert.equal((await walk(locket, '/v1/spaces', locket.admin)).pages.length, 6)
  const dora = await locket.person('user:dora')
  assert.deepEqual(await walk(locket, '/v1/spaces', dora.key), { pages: [[]], named: [] })
  await locket.call('DELETE', `/v1/spaces/${ids.get('team:b')}`)
  assert.deepEqual((await walk(locket, '/v1/spaces', alice.key)).pages, [
    ['user:alice'],
    ['team:c'],
  ])
})

test('a tenant has so many spaces and no more', async (t) => {
  const locket = await openLocket(t)
  const space = await make(locket, 'team:x')
  await locket.sql(
    `with recursive series (value) as
       (select 2 union all select value + 1 from series where value < ?)
     insert into spaces (tenant_id, space_id, state, handle_index, seq, seq_floor, memories,
       created_at, mac)
     select tenant_id, 'spc_' || value,
       case when value % 1000 = 0 then 'destroyed' else 'active' end, ${locket.data.bytesOf('value')}, 0, 0, 0,
       0, mac from spaces, series`,
    limits.spaces_perTenant_max - 1,
  )
  assert.equal((await make(locket, 'team:last')).handle, 'team:last')
  for (const refused of [await make(locket, 'team:y'), await store(locket, 'team:y')]) {
    assert.equal(refused.code, 'quota_exceeded')
  }
  assert.equal((await make(locket, 'team:x')).code, 'already_exists')
  assert.equal((await store(locket, 'team:x')).space, space.handle)
})

test('a space that was given to another in the database is not in his list', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person('user:alice')
  const bobs = await make(locket, 'user:bob')
  await locket.sql('update spaces set owner_id = ? where space_id = ?', alice.id, bobs.id)
  assert.deepEqual(await handlesFor(locket, alice.key), [])
})
