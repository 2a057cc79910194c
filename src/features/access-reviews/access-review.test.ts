import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import { day_ms, toTimestamp } from '../../core/clock.ts'

type Body = Reply['body']

const start = Date.parse('2026-01-01T00:00:00.000Z')

/** A Locket whose days pass when the test says so. */
async function openAt(t: TestContext): Promise<{ locket: Locket; on: (day: number) => void }> {
  let now = start
  const locket = await openLocket(t, { clock: () => now })
  const on = (day: number): void => {
    now = start + day * day_ms
  }
  return { locket, on }
}

async function done(reply: Promise<Reply>): Promise<Body> {
  const { status, body } = await reply
  assert.ok(status < 300, JSON.stringify(body))
  return body
}

/** A key of the administrator that never dies: his first one does so in a week. */
async function lasting(locket: Locket): Promise<string> {
  const me = await done(locket.call('GET', '/v1/whoami'))
  const body = { principalId: me.principalId, name: 'lasting' }
  return (await done(locket.call('POST', '/v1/api-keys', { body }))).key
}

/** Of everybody by handle; all pages. */
async function reviewed(locket: Locket, key: string, query = ''): Promise<Map<string, Body>> {
  const all = new Map<string, Body>()
  let cursor = ''
  do {
    const path = `/v1/access-review?limit=2${query}${cursor}`
    const { items, nextCursor } = await done(locket.call('GET', path, { key }))
    assert.ok(items.length <= 2)
    for (const item of items) {
      assert.ok(!all.has(item.handle), 'nobody stands on two pages')
      all.set(item.handle, item)
    }
    cursor = nextCursor === null ? '' : `&cursor=${nextCursor}`
  } while (cursor !== '')
  return all
}

test('everybody is there with what he may do, where, by whom and since when', async (t) => {
  const { locket, on } = await openAt(t)
  const key = await lasting(locket)
  const me = await done(locket.call('GET', '/v1/whoami'))
  const call = (path: string, body: object) => done(locket.call('POST', path, { key, body }))
  const space = await call('/v1/spaces', { handle: 'team:x' })
  on(3)
  const alice = await locket.person('user:alice')
  const bot = await locket.person('agent:bot', { role: 'viewer', spaceId: space.id })
  const role = await call('/v1/roles', { name: 'clerk', permissions: ['memory:read', 'audit:*'] })
  on(4)
  await call('/v1/grants', { principalId: bot.id, role: role.id })
  await call('/v1/tenants', { name: 'Elsewhere' })

  const all = await reviewed(locket, key)
  const names = ['service:administrator', 'user:alice', 'agent:bot']
  assert.deepEqual([...all.keys()].sort(), names.sort())
  const [first, second] = all.get('agent:bot').grants
  assert.deepEqual(first, {
    id: first.id,
    principalId: bot.id,
    role: 'viewer',
    spaceId: space.id,
    createdAt: toTimestamp(start + 3 * day_ms),
    createdBy: me.principalId,
    permissions: ['memory:read'],
    reach: space.id,
    lastUsedAt: null,
  })
  assert.deepEqual([second.role, second.reach], [role.id, 'tenant'])
  assert.deepEqual([...second.permissions].sort(), ['audit:read', 'memory:read'])
  assert.equal(second.createdAt, toTimestamp(start + 4 * day_ms))
  assert.equal(all.get('user:alice').grants[0].reach, 'own')

  // What it says of somebody is what he is told himself.
  for (const [handle, person] of [
    ['user:alice', alice],
    ['agent:bot', bot],
  ] as const) {
    const { grants } = await done(locket.call('GET', '/v1/whoami', { key: person.key }))
    const told = all
      .get(handle)
      .grants.map(({ reach, permissions }: Body) => ({ reach, permissions }))
    assert.deepEqual(grants.slice(1), told, handle)
  }
})

test('a key counts as unused when it was neither made nor used for so long', async (t) => {
  const { locket, on } = await openAt(t)
  const key = await lasting(locket)
  const people = new Map<string, string>()
  for (const name of ['used', 'never', 'later']) {
    people.set(name, (await locket.person(`user:${name}`)).key)
  }
  const use = (name: string): Promise<Body> =>
    done(locket.call('GET', '/v1/whoami', { key: people.get(name) ?? '' }))
  await use('used')
  await use('later')
  on(50)
  await use('later')
  await locket.app.jobs.runAll()
  on(100)
  await done(
    locket.call('POST', '/v1/api-keys', { key, body: { principalId: await idOf('user:never') } }),
  )

  const unused = await reviewed(locket, key, '&only=unused')
  assert.deepEqual([...unused.keys()].sort(), ['user:never', 'user:used'])
  const { apiKeys, unusedKeys } = unused.get('user:never')
  assert.deepEqual(
    apiKeys.map((one: Body) => [one.lastUsedAt, one.unused]),
    [
      [null, true],
      [null, false],
    ],
  )
  assert.deepEqual(unusedKeys, [apiKeys[0].id])
  assert.equal(unused.get('user:used').apiKeys[0].lastUsedAt, toTimestamp(start))

  assert.equal((await reviewed(locket, key, '&only=unused&unusedDays=101')).size, 0)
  const shorter = await reviewed(locket, key, '&only=unused&unusedDays=49')
  assert.ok(shorter.has('user:later'))
  await use('used')
  const after = await reviewed(locket, key, '&only=unused')
  assert.deepEqual([...after.keys()], ['user:never'], 'a use counts before it is written down')

  async function idOf(handle: string): Promise<string> {
    return (await reviewed(locket, key)).get(handle).id
  }
})

test('ninety days to the millisecond are not yet more than ninety', async (t) => {
  const time = { now: start }
  const locket = await openLocket(t, { clock: () => time.now })
  const key = await lasting(locket)
  await locket.person('service:made')
  const used = await locket.person('agent:used')
  time.now += 1
  await done(locket.call('GET', '/v1/whoami', { key: used.key }))
  const unusedAt = async (now: number): Promise<readonly string[]> => {
    time.now = now
    // Whoever asks uses his own key by it.
    return [...(await reviewed(locket, key, '&only=unused')).keys()].filter(
      (handle) => handle !== 'service:administrator',
    )
  }
  assert.deepEqual(await unusedAt(start + 90 * day_ms), [])
  assert.deepEqual(await unusedAt(start + 90 * day_ms + 1), ['service:made'])
  const both = ['agent:used', 'service:made']
  assert.deepEqual([...(await unusedAt(start + 90 * day_ms + 2))].sort(), both)
})

test('keys that are over are left out, disabled principals are told', async (t) => {
  const { locket, on } = await openAt(t)
  const key = await lasting(locket)
  const alice = await locket.person('user:alice')
  const bot = await locket.person('agent:bot', { role: 'viewer' })
  const body = { principalId: alice.id, expiresAt: toTimestamp(start + day_ms) }
  const dying = await done(locket.call('POST', '/v1/api-keys', { body }))
  const revoked = await done(
    locket.call('POST', '/v1/api-keys', { body: { principalId: alice.id } }),
  )
  await done(locket.call('DELETE', `/v1/api-keys/${revoked.id}`))
  const keysOf = async (): Promise<readonly string[]> =>
    (await reviewed(locket, key)).get('user:alice').apiKeys.map(({ id }: Body) => id)
  const before = await keysOf()
  assert.ok(before.includes(dying.id) && !before.includes(revoked.id))
  on(2)
  assert.equal((await keysOf()).length, before.length - 1, 'the one that expired')

  await done(locket.call('PATCH', `/v1/principals/${bot.id}`, { key, body: { state: 'disabled' } }))
  const disabled = await reviewed(locket, key, '&only=disabled')
  assert.deepEqual([...disabled.keys()], ['agent:bot'])
  assert.equal(disabled.get('agent:bot').state, 'disabled')
  assert.deepEqual([...(await reviewed(locket, key, '&kind=user')).keys()], ['user:alice'])
})

test('it is for who reads the audit over the whole tenant', async (t) => {
  const locket = await openLocket(t)
  const space = await done(locket.call('POST', '/v1/spaces', { body: { handle: 'team:x' } }))
  const cases = [
    ['operator', undefined, 200],
    ['operator', space.id, 403],
    ['developer', undefined, 403],
    ['service', undefined, 403],
  ] as const
  for (const [at, [role, spaceId, status]] of cases.entries()) {
    const { key } = await locket.person(`service:s${at}`, { role, spaceId })
    assert.equal((await locket.call('GET', '/v1/access-review', { key })).status, status, role)
  }
  for (const query of ['unusedDays=0', 'unusedDays=x', 'only=some', 'kind=team', 'limit=51']) {
    const { status, body } = await locket.call('GET', `/v1/access-review?${query}`)
    assert.deepEqual([status, body.code], [400, 'invalid_input'], query)
  }
  const { body } = await locket.call('GET', '/v1/access-review?cursor=x')
  assert.equal(body.code, 'invalid_cursor')
})
