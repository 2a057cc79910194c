import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onlyOn } from '../../test/engine.ts'
import { openLocket } from '../../test/harness.ts'
import { failsWith, openStores } from '../../test/stores.ts'
import { insertSpace } from '../features/spaces/store.ts'
import { primaryKeys } from './primary-keys.ts'
import { positionOf } from './space-queries.ts'
import { SqliteConnection } from './sqlite-connection.ts'
import type {} from './tables.ts'
import type { Cell } from './tenant-store.ts'

const cell: Cell = { table: 'roles', row: 'rol_1', column: 'definition' }

test('a value comes back from its own cell, whatever JSON it is', async (t) => {
  const stores = await openStores(t)
  for (const value of [null, '', 'é😀', 0, [1, 'a'], { a: { b: [] } }]) {
    const sealed = await stores.write((store) => store.seal('tenant', cell, value))
    assert.deepEqual(await stores.read((store) => store.open('tenant', cell, sealed)), value)
  }
})

test('the same value is sealed differently each time', async (t) => {
  const stores = await openStores(t)
  const seal = () => stores.write((store) => store.seal('tenant', cell, 'same'))
  assert.notDeepEqual(await seal(), await seal())
})

const moves: readonly (readonly [what: string, to: Partial<Cell>])[] = [
  ['another row', { row: 'rol_2' }],
  ['another table', { table: 'api_keys' }],
  ['another column', { column: 'details' }],
  ['another version of the row', { version: 1 }],
  ['a row whose name runs into the column', { row: 'rol_1d', column: 'efinition' }],
]

for (const [what, to] of moves) {
  test(`a value that was moved to ${what} does not open`, async (t) => {
    const stores = await openStores(t)
    const sealed = await stores.write((store) => store.seal('tenant', cell, 'here'))
    await assert.rejects(
      stores.read((store) => store.open('tenant', { ...cell, ...to }, sealed)),
      failsWith('integrity_failed'),
    )
  })
}

test('a value that was moved to another scope or tenant does not open', async (t) => {
  const stores = await openStores(t)
  const one = await stores.space('team:one')
  const two = await stores.space('team:two')
  const other = await stores.newTenant('other')
  for (const [from, to, tenant] of [
    ['tenant', 'lookup', stores.tenant],
    [one.id, two.id, stores.tenant],
    [one.id, 'tenant', stores.tenant],
    ['tenant', 'tenant', other],
  ] as const) {
    const sealed = await stores.write((store) => store.seal(from, cell, 'here'))
    await assert.rejects(
      stores.read((store) => store.open(to, cell, sealed), tenant),
      failsWith('integrity_failed'),
      `${from} to ${to}`,
    )
  }
})

test('a value with any byte altered does not open', async (t) => {
  const stores = await openStores(t)
  const sealed = await stores.write((store) => store.seal('tenant', cell, 'x'))
  await stores.read(async (store) => {
    for (const at of sealed.keys()) {
      const altered = Uint8Array.from(sealed)
      altered[at] = (altered[at] ?? 0) ^ 1
      await assert.rejects(store.open('tenant', cell, altered), failsWith('integrity_failed'))
    }
    for (const length of [0, 1, 48, sealed.length - 1]) {
      const cut = sealed.subarray(0, length)
      await assert.rejects(store.open('tenant', cell, cut), failsWith('integrity_failed'))
    }
  })
})

test('a blind index meets itself and nothing else', async (t) => {
  const stores = await openStores(t)
  const other = await stores.newTenant('other')
  const index = (kind: string, value: string, tenant = stores.tenant) =>
    stores.read((store) => store.blindIndex(kind, value), tenant)
  const alice = await index('principal.handle', 'user:alice')
  assert.deepEqual(await index('principal.handle', 'user:alice'), alice)
  assert.notDeepEqual(await index('principal.handle', 'user:Alice'), alice)
  assert.notDeepEqual(await index('space.handle', 'user:alice'), alice)
  assert.notDeepEqual(await index('principal.handleuser', ':alice'), alice)
  assert.notDeepEqual(await index('principal.handle', 'user:alice', other), alice)
})

test('all versions of a blind index are there after rotations, the newest first', async (t) => {
  const stores = await openStores(t)
  const first = await stores.read((store) => store.blindIndex('k', 'v'))
  await stores.write((store) => store.rotateKey('lookup'))
  stores.keys.cache.forget(stores.tenant, 'lookup')
  const current = await stores.read((store) => store.blindIndex('k', 'v'))
  const all = await stores.read((store) => store.blindIndexes('k', 'v'))
  assert.deepEqual(all, [current, first])
})

test('the tenant of a query is that of the view, whatever the arguments say', async (t) => {
  const stores = await openStores(t)
  const other = await stores.newTenant('other')
  const space = await stores.space('user:alice')
  const sly = { space: space.id, tenant: stores.tenant }
  assert.ok(await stores.read((store) => store.first(positionOf, sly)))
  assert.equal(await stores.read((store) => store.first(positionOf, sly), other), undefined)
})

test('a savepoint that fails takes back what it wrote, and the work goes on', async (t) => {
  const stores = await openStores(t)
  await stores.write(async (store) => {
    await assert.rejects(
      store.savepoint(async () => {
        await insertSpace(store, 'team:undone', 1)
        throw new Error('undone')
      }),
      /undone/,
    )
    await insertSpace(store, 'team:kept', 1)
  })
  assert.equal((await stores.sql('select * from spaces')).length, 1)
})

/** Looks at rows of many tenants, or before a tenant is known; each says why it may. */
const acrossTenants: readonly (readonly [RegExp, why: string])[] = [
  [/"credential_directory"/, 'finds the tenant of a credential'],
  [/from "instance"|into "instance"/, "the instance's own row"],
  [/from "tenants" where "slug_index" = \?/, 'slugs are told apart over the instance'],
  [/from "tenants" where "tenant_id" > \?/, 'tenants.list, for system:admin'],
  [/from "memories" where "expires_at" <= \?/, 'the job that sweeps what expired'],
  [/from "spaces" where "state" = \?/, 'the job that sweeps destroyed spaces'],
  [/from "memories" where "state" = \? group by/, 'the job that sweeps tombstones'],
  [/from "encryption_keys" where "state" = \?/, 'the jobs that rotate and reseal'],
  [/from "idempotency_keys" where "key_hash" in/, 'the job that sweeps idempotency keys'],
  [/from "password_links" where "link_id" in/, 'the job that sweeps password links'],
  [/from "sign_ins" where "sign_in_id" in/, 'the job that sweeps sign-ins'],
  [/from "factors" where "factor_id" in/, 'the job that sweeps factors nobody proved'],
  [/from "passkey_challenges" where "hash" in/, 'the job that sweeps answered challenges'],
  [/from "provider_sign_ins" where "hash" in/, 'the job that sweeps sign-ins by a provider'],
  [/from "principal_emails" where "email_id" in/, 'the job that sweeps unproven addresses'],
  [/from "audit_events" where "leaf" is null/, 'the job that makes leaves of events'],
  [/"mail_id" from "mails" where "due_at" <= \?/, 'the job that sends mails'],
  [/from "token_families" where "family_id" in/, 'the job that sweeps families of tokens'],
]

const why = 'both get the same statements, and this looks where SQLite does'
test(
  'every other statement on a table of tenants names the tenant',
  onlyOn('sqlite', why),
  async (t) => {
    const seen = new Set<string>()
    for (const method of ['all', 'first', 'run'] as const) {
      const original = SqliteConnection.prototype[method] as (...args: unknown[]) => unknown
      t.mock.method(
        SqliteConnection.prototype,
        method,
        function (this: unknown, ...args: unknown[]) {
          seen.add(String(args[0]))
          return original.apply(this, args)
        },
      )
    }
    await useEverything(t)
    const tenantTables = Object.keys(primaryKeys).map((name) => `"${name}"`)
    const about = [...seen].filter((sql) => tenantTables.some((name) => sql.includes(name)))
    const naming = /"tenant_id" = \?|insert into "\w+" \("tenant_id"/
    const others = about.filter((sql) => !naming.test(sql))
    const unexplained = others.filter(
      (sql) => !acrossTenants.some(([pattern]) => pattern.test(sql)),
    )
    assert.deepEqual(unexplained, [])
    assert.ok(about.length > 60, `${about.length} different statements were seen`)
  },
)

async function useEverything(t: Parameters<typeof openLocket>[0]): Promise<void> {
  const locket = await openLocket(t)
  const { call } = locket
  const alice = await locket.person('user:alice')
  const headers = { 'Idempotency-Key': 'one' }
  const body = { space: 'user:alice', text: 'tea', key: 'k', sessionId: 's' }
  const { body: memory } = await call('POST', '/v1/memories', { body, headers })
  await call('POST', '/v1/memories', { body: { ...body, text: 'coffee' } })
  await call('POST', '/v1/memories/batch', { body: { space: 'user:alice', items: [body] } })
  await call('PATCH', `/v1/memories/${memory.id}`, { body: { text: 'milk' } })
  for (const path of ['', '/history']) await call('GET', `/v1/memories/${memory.id}${path}`)
  for (const verb of ['list', 'recall']) {
    await call('POST', `/v1/memories/${verb}`, {
      body: { space: 'user:alice', ...(verb === 'recall' && { query: 'milk' }) },
    })
  }
  const { body: spaces } = await call('GET', '/v1/spaces')
  const spaceId = spaces.items[0].id
  await call('GET', `/v1/spaces/${spaceId}/sessions`)
  const fields = { name: 'own', permissions: ['memory:read'] }
  const { body: role } = await call('POST', '/v1/roles', { body: fields })
  await call('PATCH', `/v1/roles/${role.id}`, { body: { description: 'changed' } })
  const given = { principalId: alice.id, role: role.id, spaceId }
  const { body: grant } = await call('POST', '/v1/grants', { body: given })
  const { body: key } = await call('POST', '/v1/api-keys', { body: { principalId: alice.id } })
  await call('POST', `/v1/api-keys/${key.id}/rotate`, { body: {} })
  for (const noun of ['principals', 'roles', 'grants', 'api-keys', 'tenants', 'audit-events']) {
    await call('GET', `/v1/${noun}`)
  }
  await call('GET', `/v1/grants?principalId=${alice.id}`)
  await call('GET', '/v1/encryption-keys')
  for (const scope of ['tenant', 'lookup', 'pepper', spaceId, alice.id]) {
    await call('POST', '/v1/encryption-keys/rotate', { body: { scope } })
  }
  await call('PATCH', `/v1/principals/${alice.id}`, { body: { name: 'Alice' } })
  await locket.app.jobs.runAll()
  const { body: tenant } = await call('POST', '/v1/tenants', { body: { name: 'Other' } })
  await call('PATCH', `/v1/tenants/${tenant.id}`, { body: { name: 'Another' } })
  await call('POST', '/v1/memories/delete', { body: { space: 'user:alice', sessionId: 's' } })
  for (const path of [`grants/${grant.id}`, `roles/${role.id}`, `api-keys/${key.id}`]) {
    await call('DELETE', `/v1/${path}`)
  }
  await call('POST', '/v1/memories', { body })
  await call('DELETE', `/v1/spaces/${spaceId}`)
  await call('DELETE', `/v1/principals/${alice.id}`)
  await locket.app.jobs.runAll()
}
