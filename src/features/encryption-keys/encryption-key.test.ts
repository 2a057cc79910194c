import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { limits } from '../../core/limits.ts'

const space = 'user:alice'
const rotate = async (locket: Locket, scope: string, key = locket.admin) =>
  (await locket.call('POST', '/v1/encryption-keys/rotate', { key, body: { scope } })).body

interface Listed {
  scope: string
  version: number
  state: string
  seals: number
}

async function keysOf(locket: Locket, scope: string): Promise<Listed[]> {
  const { body } = await locket.call('GET', '/v1/encryption-keys?limit=100')
  return body.items.filter((item: Listed) => item.scope === scope)
}

/** A tenant with a bit of everything, and a look at all of it. */
async function used(locket: Locket) {
  const alice = await locket.person(space)
  const role = { name: 'own', permissions: ['memory:read'] }
  await locket.call('POST', '/v1/roles', { body: role })
  const body = { text: 'tea', key: 'drink' }
  const { body: memory } = await locket.call('POST', '/v1/memories', { key: alice.key, body })
  await locket.call('PATCH', `/v1/memories/${memory.id}`, { body: { text: 'coffee' } })
  const { body: spaces } = await locket.call('GET', '/v1/spaces')
  const look = async () => {
    const get = async (path: string, key = locket.admin) =>
      (await locket.call('GET', path, { key })).body
    const recalled = await locket.call('POST', '/v1/memories/recall', {
      key: alice.key,
      body: { query: 'coffee', recency: 'none' },
    })
    return {
      me: await get('/v1/whoami', alice.key),
      memory: await get(`/v1/memories/${memory.id}`, alice.key),
      history: await get(`/v1/memories/${memory.id}/history`),
      recalled: recalled.body,
      spaces: await get('/v1/spaces'),
      roles: await get('/v1/roles'),
      grants: await get('/v1/grants'),
      // Its place in the log, which it gets within a second, is no matter of keys.
      events: (await get('/v1/audit-events?action=memory.stored')).items.map(
        ({ leaf: _, ...event }: { leaf: number | null }) => event,
      ),
      people: (await get('/v1/principals')).items.map((one: { handle: string }) => one.handle),
    }
  }
  return { alice, look, scopes: ['tenant', 'lookup', 'pepper', spaces.items[0].id, alice.id] }
}

test('every scope rotates while the server runs, and all is read as before', async (t) => {
  const locket = await openLocket(t)
  const { look, scopes } = await used(locket)
  const before = await look()
  assert.equal(before.memory.text, 'coffee')
  for (const scope of scopes) {
    assert.deepEqual(await rotate(locket, scope), { scope, version: 2 })
    assert.deepEqual(await look(), before, scope)
  }
  for (const scope of scopes) {
    assert.equal((await rotate(locket, scope)).version, 3)
    const states = (await keysOf(locket, scope)).map((one) => `${one.version} ${one.state}`)
    assert.deepEqual(states, ['1 retired', '2 retired', '3 current'])
  }
  await locket.restart()
  assert.deepEqual(await look(), before)
})

test('what is written after a rotation is sealed with the new version', async (t) => {
  const locket = await openLocket(t)
  const { scopes, alice } = await used(locket)
  const spaceId = scopes[3] ?? ''
  await rotate(locket, spaceId)
  await rotate(locket, 'pepper')
  const body = { text: 'water' }
  await locket.call('POST', '/v1/memories', { key: alice.key, body })
  await locket.call('POST', '/v1/api-keys', { body: { principalId: alice.id } })
  const [memory] = await locket.sql('select key_version from memories order by seq desc limit 1')
  const [key] = await locket.sql('select pepper_version from api_keys order by key_id desc limit 1')
  assert.deepEqual([memory?.['key_version'], key?.['pepper_version']], [2, 2])
})

test('what a key wraps or names is renewed with it at once', async (t) => {
  const locket = await openLocket(t)
  const { scopes, alice } = await used(locket)
  const versionsOf = async (column: string, from: string): Promise<number[]> => {
    const rows = await locket.sql(`select ${column} as value from ${from}`)
    return rows.map((row) => {
      const value = Buffer.from(row['value'] as Uint8Array)
      return value.readUInt32BE(column === 'mac' ? 0 : 1)
    })
  }
  const renewed: readonly (readonly [scope: string, column: string, from: string])[] = [
    [
      'tenant',
      'wrapped',
      `encryption_keys where tenant_id = '${locket.tenant}' and scope != 'tenant'`,
    ],
    ['lookup', 'mac', `principals where tenant_id = '${locket.tenant}'`],
    ['lookup', 'mac', 'spaces'],
    ['lookup', 'mac', 'roles'],
    [scopes[3] ?? '', 'profile', 'spaces'],
    [alice.id, 'profile', `principals where principal_id = '${alice.id}'`],
  ]
  for (const [scope, column, from] of renewed) {
    const { version } = await rotate(locket, scope)
    const found = await versionsOf(column, from)
    assert.ok(found.length > 0 && found.every((one) => one === version), `${scope} ${from}`)
  }
  const role = { name: 'own', permissions: ['memory:read'] }
  const again = await locket.call('POST', '/v1/roles', { body: role })
  assert.equal(again.body.code, 'already_exists', 'names are still found')
})

test('records are sealed anew in the background, also after a restart', async (t) => {
  const locket = await openLocket(t)
  const { look, scopes } = await used(locket)
  const before = await look()
  const allAre = async (version: number) => {
    const rows = [
      ...(await locket.sql('select key_version from memories')),
      ...(await locket.sql('select key_version from memory_versions')),
    ]
    return rows.every((row) => row['key_version'] === version)
  }
  for (const version of [2, 3]) {
    await rotate(locket, scopes[3] ?? '')
    assert.ok(await allAre(version - 1))
    if (version === 3) await locket.restart()
    else await locket.app.jobs.runAll()
    await locket.app.jobs.runAll()
    assert.ok(await allAre(version))
    assert.deepEqual(await look(), before)
  }
})

test('a space whose records do not open does not keep others from being sealed anew', async (t) => {
  const locket = await openLocket(t)
  const ids: string[] = []
  for (const handle of ['team:broken', 'team:whole']) {
    const body = { space: handle, text: 'tea' }
    await locket.call('POST', '/v1/memories', { body })
  }
  const { body } = await locket.call('GET', '/v1/spaces')
  for (const { id } of body.items) {
    ids.push(id)
    await rotate(locket, id)
  }
  const broken = 'update memories set record = ? where space_id = ?'
  await locket.sql(broken, new Uint8Array(60), ids[0] ?? '')
  for (let run = 0; run < 4; run += 1) await locket.app.jobs.runAll()
  const sql = 'select key_version from memories where space_id = ?'
  assert.equal((await locket.sql(sql, ids[1] ?? ''))[0]?.['key_version'], 2)
})

test('a key that sealed often enough is rotated by itself, with an event', async (t) => {
  const locket = await openLocket(t)
  const { look, scopes } = await used(locket)
  const before = await look()
  await locket.app.jobs.runAll()
  const worn = limits.seals_perKey_max
  await locket.sql('update encryption_keys set seals = ? where tenant_id = ?', worn, locket.tenant)
  await locket.app.jobs.runAll()
  for (const scope of scopes) {
    const [old, current] = await keysOf(locket, scope)
    assert.ok(old && current, scope)
    assert.deepEqual([old.state, current.state], ['retired', 'current'])
    assert.ok(old.seals >= worn && current.seals < worn)
  }
  assert.deepEqual(await look(), before)
  const path = '/v1/audit-events?action=encryption-key.rotated'
  const { items } = (await locket.call('GET', path)).body
  const rotated = items.map((item: { resourceId: string }) => item.resourceId)
  assert.ok(scopes.every((scope) => rotated.includes(scope)))
  assert.ok(items.every((item: { class: string }) => item.class === 'system'))
})

test('how often keys sealed is told once it was written down', async (t) => {
  const locket = await openLocket(t)
  const { scopes } = await used(locket)
  const seals = async () => (await keysOf(locket, scopes[3] ?? ''))[0]?.seals ?? 0
  await locket.app.jobs.runAll()
  const before = await seals()
  assert.ok(before > 0)
  const body = { space, text: 'more' }
  await locket.call('POST', '/v1/memories', { body })
  assert.equal(await seals(), before)
  await locket.app.jobs.runAll()
  // The handle of the space, the memory and its event were sealed; here the last two.
  assert.equal(await seals(), before + 2)
})

test('the bytes of keys are not shown', async (t) => {
  const locket = await openLocket(t)
  const { body } = await locket.call('GET', '/v1/encryption-keys')
  assert.deepEqual(Object.keys(body.items[0]), ['scope', 'version', 'state', 'seals', 'createdAt'])
})

test('a key has a bounded number of versions', async (t) => {
  const locket = await openLocket(t)
  for (let version = 2; version <= limits.keyVersions_max; version += 1) {
    assert.equal((await rotate(locket, 'pepper')).version, version)
  }
  assert.equal((await rotate(locket, 'pepper')).code, 'quota_exceeded')
  const [row] = await locket.sql(
    "select count(*) as n from encryption_keys where scope = 'pepper' and tenant_id = ?",
    locket.tenant,
  )
  assert.equal(row?.['n'], limits.keyVersions_max)
})

test('a look-up key over more rows than other writes should wait for is not rotated', async (t) => {
  const locket = await openLocket(t)
  const columns = Object.keys((await locket.sql('select * from principals limit 1'))[0] ?? {})
  const copied = columns.map((name) => {
    if (name === 'principal_id') return "'usr_' || value"
    return name === 'handle_index' ? locket.data.bytesOf('value') : name
  })
  const rows = `from principals, generate where tenant_id = '${locket.tenant}'`
  await locket.sql(
    `with recursive generate(value) as (select 1 union all select value + 1 from generate
      where value < ${limits.reindex_rows_max})
    insert into principals (${columns}) select ${copied} ${rows} limit ${limits.reindex_rows_max}`,
  )
  assert.equal((await rotate(locket, 'lookup')).code, 'quota_exceeded')
  assert.deepEqual(
    (await keysOf(locket, 'lookup')).map((one) => one.version),
    [1],
  )
})

test('keys of others, and ones that are not there, are not rotated', async (t) => {
  const locket = await openLocket(t)
  const { scopes, alice } = await used(locket)
  const { body } = await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })
  for (const scope of scopes.slice(3)) {
    assert.equal((await rotate(locket, scope, body.apiKey)).code, 'not_found')
  }
  assert.equal((await rotate(locket, 'spc_00000000000000000000000000')).code, 'not_found')
  for (const scope of ['', 'root', 'Tenant', 'mem_00000000000000000000000000']) {
    assert.equal((await rotate(locket, scope)).code, 'invalid_input', scope)
  }
  assert.equal((await rotate(locket, 'tenant', alice.key)).code, 'permission_denied')
  await locket.call('DELETE', `/v1/spaces/${scopes[3]}`)
  assert.equal((await rotate(locket, scopes[3] ?? '')).code, 'not_found')
})

test('what is sent together with a rotation finds handles under the new look-up key', async (t) => {
  const locket = await openLocket(t)
  const make = (handle: string) => locket.call('POST', '/v1/principals', { body: { handle } })
  assert.equal((await make('user:bob')).status, 201)
  for (let round = 0; round < 5; round += 1) {
    await locket.call('GET', '/v1/principals')
    const [, rotated, ...again] = await Promise.all([
      make(`user:new-${round}`),
      locket.call('POST', '/v1/encryption-keys/rotate', { body: { scope: 'lookup' } }),
      make('user:bob'),
      make('user:bob'),
    ])
    assert.equal(rotated.status, 200)
    assert.deepEqual(
      again.map((reply) => reply.status),
      [409, 409],
    )
  }
})
