import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket, type Person } from '../../../test/harness.ts'

const store = (locket: Locket, { key }: { key: string }, space: string) =>
  locket.call('POST', '/v1/memories', { key, body: { space, text: 'tea' } })
const list = (locket: Locket, { key }: { key: string }, space: string) =>
  locket.call('POST', '/v1/memories/list', { key, body: { space } })

async function spaceId(locket: Locket, handle: string): Promise<string> {
  return (await locket.call('POST', '/v1/spaces', { body: { handle } })).body.id
}

/** What each role may in his own space and in another's: store, then list. */
const reaches: readonly (readonly [role: string, own: number[], other: number[]])[] = [
  ['user', [201, 200], [404, 404]],
  ['viewer', [403, 200], [403, 404]],
  ['readonly', [403, 200], [403, 404]],
  ['service', [201, 200], [201, 200]],
  ['developer', [201, 200], [201, 200]],
  ['admin', [201, 200], [201, 200]],
  ['operator', [403, 403], [403, 403]],
  ['system', [403, 403], [403, 403]],
]

for (const [role, own, other] of reaches) {
  test(`a ${role} in his own space and in another's`, async (t) => {
    const locket = await openLocket(t)
    await spaceId(locket, 'user:other')
    const person = await locket.person('user:alice', { role })
    await spaceId(locket, 'user:alice')
    for (const [handle, expected] of [
      ['user:alice', own],
      ['user:other', other],
    ] as const) {
      const stored = await store(locket, person, handle)
      const listed = await list(locket, person, handle)
      assert.deepEqual([stored.status, listed.status], expected, handle)
    }
  })
}

test('a user makes his own space by storing, and no other', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person('user:alice')
  for (const handle of ['user:bob', 'org', 'team:x', 'agent:alice', 'user:Alice']) {
    assert.equal((await store(locket, alice, handle)).status, 404, handle)
  }
  assert.equal((await store(locket, alice, 'user:alice')).status, 201)
  const { body } = await locket.call('GET', '/v1/spaces', { key: alice.key })
  assert.deepEqual(
    body.items.map((item: { handle: string }) => item.handle),
    ['user:alice'],
  )
})

test('a role in one space reaches that space and no other', async (t) => {
  const locket = await openLocket(t)
  const [one] = [await spaceId(locket, 'team:one'), await spaceId(locket, 'team:two')]
  const bot = await locket.person('agent:bot', { role: 'service', spaceId: one })
  assert.equal((await store(locket, bot, 'team:one')).status, 201)
  assert.equal((await store(locket, bot, 'team:two')).status, 404)
  assert.equal((await store(locket, bot, 'team:three')).status, 404, 'one that is not there')
  const me = await locket.call('GET', '/v1/whoami', { key: bot.key })
  assert.deepEqual(
    me.body.grants.map((grant: { reach: string }) => grant.reach),
    ['own', one],
  )
})

test('an administrator of one space administers nothing of the tenant', async (t) => {
  const locket = await openLocket(t)
  const one = await spaceId(locket, 'team:one')
  const { key, id } = await locket.person('service:s', { role: 'admin', spaceId: one })
  for (const [method, path, body] of [
    ['GET', '/v1/audit-events', undefined],
    ['GET', '/v1/principals', undefined],
    ['POST', '/v1/api-keys', { principalId: id }],
    ['POST', '/v1/grants', { principalId: id, role: 'admin' }],
    ['DELETE', `/v1/spaces/${one}`, undefined],
    ['POST', '/v1/encryption-keys/rotate', { scope: one }],
  ] as const) {
    const reply = await locket.call(method, path, { key, ...(body && { body }) })
    assert.equal(reply.body.code, 'permission_denied', path)
  }
})

test('a grant is made, listed and taken away; each takes effect at the next request', async (t) => {
  const locket = await openLocket(t)
  const { call } = locket
  const bot = await locket.person('agent:bot', { role: 'operator' })
  assert.equal((await store(locket, bot, 'team:x')).status, 403)
  const given = await call('POST', '/v1/grants', {
    body: { principalId: bot.id, role: 'service' },
  })
  assert.equal(given.status, 201)
  assert.deepEqual(
    [given.body.principalId, given.body.role, given.body.spaceId],
    [bot.id, 'service', null],
  )
  assert.equal((await store(locket, bot, 'team:x')).status, 201)
  const listed = await call('GET', `/v1/grants?principalId=${bot.id}`)
  assert.deepEqual(listed.body.items.at(-1), given.body)
  assert.equal((await call('DELETE', `/v1/grants/${given.body.id}`)).status, 200)
  assert.equal((await store(locket, bot, 'team:x')).status, 403)
  assert.equal((await call('DELETE', `/v1/grants/${given.body.id}`)).status, 404)
})

test('the same grant does not stand twice; the alias is the same role', async (t) => {
  const locket = await openLocket(t)
  const vera = await locket.person('user:vera', { role: 'viewer' })
  const space = await spaceId(locket, 'team:x')
  const give = (body: object) =>
    locket.call('POST', '/v1/grants', { body: { principalId: vera.id, ...body } })
  assert.equal((await give({ role: 'viewer' })).body.code, 'already_exists')
  assert.equal((await give({ role: 'readonly' })).body.code, 'already_exists')
  assert.equal((await give({ role: 'readonly', spaceId: space })).body.role, 'viewer')
  assert.equal((await give({ role: 'viewer', spaceId: space })).body.code, 'already_exists')
})

test('what is not in the tenant can neither be granted nor be granted to', async (t) => {
  const locket = await openLocket(t)
  const { call } = locket
  const made = await call('POST', '/v1/tenants', { body: { name: 'Other' } })
  const key = made.body.apiKey
  const theirs = await call('POST', '/v1/principals', { key, body: { handle: 'user:a' } })
  const role = await call('POST', '/v1/roles', {
    key,
    body: { name: 'reader', permissions: ['memory:read'] },
  })
  const space = await call('POST', '/v1/spaces', { key, body: { handle: 'team:x' } })
  const alice = await locket.person('user:alice')
  for (const body of [
    { principalId: theirs.body.id, role: 'user' },
    { principalId: alice.id, role: role.body.id },
    { principalId: alice.id, role: 'viewer', spaceId: space.body.id },
  ]) {
    assert.equal((await call('POST', '/v1/grants', { body })).body.code, 'not_found')
  }
  for (const bad of ['Admin', 'constructor', 'root', '']) {
    const body = { principalId: alice.id, role: bad }
    assert.equal((await call('POST', '/v1/grants', { body })).body.code, 'invalid_input', bad)
  }
})

test('all grants are listed page by page', async (t) => {
  const locket = await openLocket(t)
  const people: Person[] = []
  for (const name of ['a', 'b', 'c']) people.push(await locket.person(`user:${name}`))
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const { body } = await locket.call('GET', `/v1/grants?limit=2${query}`)
    seen.push(...body.items.map((item: { principalId: string }) => item.principalId))
    cursor = body.nextCursor
  }
  assert.equal(seen.length, 5)
  assert.deepEqual(
    seen.slice(2),
    people.map((person) => person.id),
  )
  const foreign = await locket.call('GET', '/v1/grants?cursor=abc')
  assert.equal(foreign.body.code, 'invalid_cursor')
})
