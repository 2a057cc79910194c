import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findWindows } from '../../test/byte-search.ts'
import { cleanableFiles } from '../../test/data-files.ts'
import { onlyOn } from '../../test/engine.ts'
import { failsWith, memoryOf, openStores, type Stores } from '../../test/stores.ts'
import { instanceTenant } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { findPrincipal, insertPrincipal } from '../features/principals/store.ts'
import { ownTenant } from '../features/tenants/store.ts'
import { keysToRotate, listKeys, recordSeals, spacesEverRotated } from './encryption-keys.ts'
import { spaceStore } from './space-store.ts'
import type { KeyScope } from './tables.ts'

const cell = { table: 'roles', row: 'rol_1', column: 'definition' } as const

const versionsIn = async (stores: Stores, scope: KeyScope) => {
  const rows = await stores.sql(
    `select version, state from encryption_keys where tenant_id = ? and scope = ?
     order by version`,
    stores.tenant,
    scope,
  )
  return rows.map((row) => `${row['version']} ${row['state']}`)
}

/** A tenant with a space and a person, and the scopes of all the keys that it then has. */
async function manyKeys(stores: Stores) {
  const space = await stores.space('team:one')
  const person = await stores.write((store) =>
    insertPrincipal(store, { handle: 'user:alice', name: null }, 1),
  )
  const scopes: KeyScope[] = ['tenant', 'lookup', 'pepper', space.id, person.principal_id]
  return { space, person, scopes }
}

test('every scope rotates: old values stay readable, new ones have the new version', async (t) => {
  const stores = await openStores(t)
  const { scopes } = await manyKeys(stores)
  for (const scope of scopes) {
    const old = await stores.write((store) => store.seal(scope, cell, 'old'))
    assert.equal(await stores.write((store) => store.rotateKey(scope)), 2)
    if (scope === 'tenant') await stores.write((store) => store.rewrapKeys())
    const fresh = await stores.write(async (store) => {
      assert.equal(await store.open(scope, cell, old), 'old', scope)
      return store.seal(scope, cell, 'new')
    })
    await stores.reopen()
    await stores.read(async (store) => {
      assert.equal(await store.open(scope, cell, old), 'old', scope)
      assert.equal(await store.open(scope, cell, fresh), 'new', scope)
      assert.deepEqual((await store.keys(scope)).versions, [1, 2])
      assert.equal((await store.keys(scope)).current.version, 2)
    })
    assert.deepEqual(await versionsIn(stores, scope), ['1 retired', '2 current'])
  }
})

test('after the tenant key was rotated all others are wrapped with its new version', async (t) => {
  const stores = await openStores(t)
  const { scopes } = await manyKeys(stores)
  const rewrapped = await stores.write(async (store) => {
    await store.rotateKey('tenant')
    return store.rewrapKeys()
  })
  assert.equal(rewrapped, scopes.length - 1)
  const rows = await stores.sql(
    "select wrapped from encryption_keys where tenant_id = ? and scope != 'tenant'",
    stores.tenant,
  )
  assert.deepEqual(
    rows.map((row) => Buffer.from(row['wrapped'] as Uint8Array).readUInt32BE(1)),
    rows.map(() => 2),
  )
})

test('a node that still remembers the key before its rotation opens what is sealed with it', async (t) => {
  const stores = await openStores(t)
  const { scopes, person } = await manyKeys(stores)
  for (const scope of scopes) await stores.read((store) => store.keys(scope))
  const fresh = await stores.write(async (store) => {
    const sealed = new Map<KeyScope, Uint8Array>()
    for (const scope of scopes) await store.rotateKey(scope)
    await store.rewrapKeys()
    for (const scope of scopes) sealed.set(scope, await store.seal(scope, cell, scope))
    return sealed
  })
  await stores.read(async (store) => {
    for (const [scope, sealed] of fresh) assert.equal(await store.open(scope, cell, sealed), scope)
    assert.ok(await findPrincipal(store, person.principal_id))
  })
})

test('keys made in a transaction that is undone are never remembered', async (t) => {
  const stores = await openStores(t)
  const { space } = await manyKeys(stores)
  await stores.read((store) => store.keys(space.id))
  const undone = stores.write(async (store) => {
    await store.createKey('spc_new')
    await store.rotateKey(space.id)
    await store.rotateKey('lookup')
    const sealed = await store.seal(space.id, cell, 'x')
    assert.equal(Buffer.from(sealed).readUInt32BE(1), 2, 'the transaction itself uses the new key')
    await store.seal('spc_new', cell, 'x')
    throw new Error('undone')
  })
  await assert.rejects(undone, /undone/)
  await stores.read(async (store) => {
    await assert.rejects(store.keys('spc_new'), failsWith('not_found'))
    assert.deepEqual((await store.keys(space.id)).versions, [1])
    assert.deepEqual((await store.keys('lookup')).versions, [1])
  })
})

test('what a writing transaction loads is not remembered, even when it commits', async (t) => {
  const stores = await openStores(t)
  await stores.write((store) => store.keys('tenant'))
  assert.equal(stores.keys.cache.size, 0)
  await stores.read((store) => store.keys('tenant'))
  assert.equal(stores.keys.cache.size, 0, 'nor what one loads that has not seen the epoch')
  await stores.read(async (store) => {
    await ownTenant(store)
    await store.keys('pepper')
  })
  assert.ok(stores.keys.cache.get(stores.tenant, 'pepper'))
})

test('tenants have keys of their own', async (t) => {
  const stores = await openStores(t)
  const other = await stores.newTenant('other')
  const space = await stores.space('user:alice')
  await assert.rejects(
    stores.read((store) => store.keys(space.id), other),
    failsWith('not_found'),
  )
  for (const scope of ['tenant', 'lookup', 'pepper'] as const) {
    const sealed = await stores.write((store) => store.seal(scope, cell, 'mine'))
    await assert.rejects(
      stores.read((store) => store.open(scope, cell, sealed), other),
      failsWith('integrity_failed'),
    )
  }
})

const wrapOf = async (stores: Stores, space: string) => {
  const [row] = await stores.sql('select wrapped from encryption_keys where scope = ?', space)
  return Uint8Array.from(row?.['wrapped'] as Uint8Array)
}

const setWrap = (stores: Stores, space: string, wrapped: Uint8Array) =>
  stores.sql('update encryption_keys set wrapped = ? where scope = ?', wrapped, space)

type Tampering = (stores: Stores, space: string, other: string) => Promise<unknown>

const tampering: readonly (readonly [what: string, Tampering])[] = [
  [
    'swapped with that of another space',
    async (stores, space, other) => setWrap(stores, space, await wrapOf(stores, other)),
  ],
  [
    'altered in its last byte',
    async (stores, space) => {
      const wrapped = await wrapOf(stores, space)
      wrapped.set([(wrapped.at(-1) ?? 0) ^ 1], wrapped.length - 1)
      return setWrap(stores, space, wrapped)
    },
  ],
  ['cut short', (stores, space) => setWrap(stores, space, Uint8Array.of(1))],
  [
    'given another version',
    ({ sql }, space) => sql('update encryption_keys set version = 7 where scope = ?', space),
  ],
]

for (const [what, tamper] of tampering) {
  test(`a wrapped key that was ${what} does not open`, async (t) => {
    const stores = await openStores(t)
    const space = await stores.space('team:one')
    const other = await stores.space('team:two')
    await stores.reopen(() => tamper(stores, space.id, other.id))
    await assert.rejects(
      stores.read((store) => store.keys(space.id)),
      failsWith('integrity_failed'),
    )
  })
}

test('a key that was given a second current version, or none, does not open', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('team:one')
  await stores.write((store) => store.rotateKey(space.id))
  await stores.sql("update encryption_keys set state = 'current' where scope = ?", space.id)
  await assert.rejects(
    stores.read((store) => store.keys(space.id)),
    failsWith('integrity_failed'),
  )
  await stores.sql("update encryption_keys set state = 'retired' where scope = ?", space.id)
  await assert.rejects(
    stores.read((store) => store.keys(space.id)),
    failsWith('not_found'),
  )
})

test('of a destroyed key no byte is left in any file, and nothing it sealed opens', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('team:one')
  await stores.write((store) => store.rotateKey(space.id))
  const sealed = await stores.write((store) => store.seal(space.id, cell, 'secret'))
  const rows = await stores.sql('select wrapped from encryption_keys where scope = ?', space.id)
  const wraps = rows.map((row) => row['wrapped'] as Uint8Array)
  assert.equal(wraps.length, 2)
  // The planner of PostgreSQL keeps samples of what it has seen.
  await stores.sql('ANALYZE')
  const before = await cleanableFiles(t, stores)
  assert.ok(wraps.every((wrap) => findWindows(before, [wrap], wrap.length).length > 0))
  await stores.write((store) => store.destroyKey(space.id))
  await stores.keyDestroyed(space.id)
  assert.deepEqual(await versionsIn(stores, space.id), ['1 destroyed', '2 destroyed'])
  const after = await cleanableFiles(t, stores)
  for (const wrap of wraps) assert.deepEqual(findWindows(after, [wrap], wrap.length), [])
  await assert.rejects(
    stores.read((store) => store.open(space.id, cell, sealed)),
    failsWith('not_found'),
  )
})

test(
  'what a change that began before keeps of a destroyed key is said to be there, and goes later',
  onlyOn('postgres', 'SQLite has one writer'),
  async (t) => {
    const stores = await openStores(t)
    const space = await stores.space('team:one')
    const [row] = await stores.sql('select wrapped from encryption_keys where scope = ?', space.id)
    const wrap = row?.['wrapped'] as Uint8Array
    const filesWithIt = async () =>
      findWindows(await cleanableFiles(t, stores), [wrap], wrap.length)
    // Of a database that has nothing to do with ours, but on the same server.
    const neighbour = await openStores(t)
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    const { promise: begun, resolve: began } = Promise.withResolvers<void>()
    const change = neighbour.change(await neighbour.space('team:two'), async (view) => {
      await view.insert(memoryOf('slow'))
      began()
      await held
    })
    await begun
    await stores.write((store) => store.destroyKey(space.id))
    await assert.rejects(stores.database.scrub(), failsWith('unavailable'))
    assert.notDeepEqual(await filesWithIt(), [])
    release()
    await change
    await stores.keyDestroyed(space.id)
    assert.deepEqual(await filesWithIt(), [])
  },
)

test('a space stays dead when the database from before its end is put back', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('team:one')
  const memory = memoryOf('secret')
  await stores.change(space, (view) => view.insert(memory))
  const putBack = await stores.data.backup()
  await stores.write((store) => store.destroyKey(space.id))
  await stores.keyDestroyed(space.id)
  await stores.reopen(putBack)
  assert.deepEqual(
    await versionsIn(stores, space.id),
    ['1 current'],
    'its key is back in the database',
  )
  await assert.rejects(
    stores.look(space, (view) => view.get(memory.id)),
    failsWith('not_found'),
  )
  await assert.rejects(
    stores.change(space, (view) => view.insert(memoryOf('more'))),
    failsWith('not_found'),
  )
})

test('a key that somebody remembers is not used once its tombstone is written', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('team:one')
  const known = await stores.read((store) => store.keys(space.id))
  await stores.write((store) => store.destroyKey(space.id))
  await stores.keyDestroyed(space.id)
  // A read that began before may put what it loaded back.
  stores.keys.cache.set(stores.tenant, space.id, known)
  await assert.rejects(
    stores.read((store) => store.keys(space.id)),
    failsWith('not_found'),
  )
})

test('a key that is destroyed in a transaction is gone for what follows in it', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('team:one')
  await stores.read((store) => store.keys(space.id))
  await stores.write(async (store) => {
    await store.destroyKey(space.id)
    await assert.rejects(store.keys(space.id), failsWith('not_found'))
  })
})

test('seals are counted for each key version and written down', async (t) => {
  const stores = await openStores(t)
  const { space } = await manyKeys(stores)
  stores.keys.seals.drain()
  await stores.write(async (store) => {
    await store.seal('tenant', cell, 1)
    await store.seal(space.id, cell, 1)
    await spaceStore(store, space).insert(memoryOf('counted'))
    await store.rotateKey(space.id)
    await store.seal(space.id, cell, 2)
  })
  const counts = stores.keys.seals.drain()
  assert.deepEqual(
    counts.map(({ owner, seals }) => [owner.scope, owner.version, seals]),
    [
      [space.id, 1, 2],
      [space.id, 2, 1],
      ['tenant', 1, 1],
    ],
  )
  assert.deepEqual(stores.keys.seals.drain(), [], 'they are taken out once')
  for (const _ of ['once', 'twice']) {
    await stores.database.write((tx) => recordSeals(tx, counts), 'full')
  }
  const listed = await stores.read((store) => store.all(listKeys, { after: '', limit: 100 }))
  const found = listed.filter((row) => row.scope === space.id)
  assert.deepEqual(
    found.map((row) => [row.version, row.state, row.seals]),
    [
      [1, 'retired', 4],
      [2, 'current', 2],
    ],
  )
})

test('keys that sealed often enough are named for rotation, retired ones not', async (t) => {
  const stores = await openStores(t)
  const { space } = await manyKeys(stores)
  const worn = (after = '') => stores.database.read((tx) => keysToRotate(tx, { after, limit: 10 }))
  const setSeals = (seals: number) =>
    stores.sql('update encryption_keys set seals = ? where scope = ?', seals, space.id)
  await setSeals(limits.seals_perKey_max - 1)
  assert.deepEqual(await worn(), [])
  await setSeals(limits.seals_perKey_max)
  const place = `${stores.tenant} ${space.id}`
  assert.deepEqual(await worn(), [{ tenant: stores.tenant, scope: space.id, place }])
  assert.deepEqual(await worn(place), [])
  await stores.write((store) => store.rotateKey(space.id))
  assert.deepEqual(await worn(), [])
})

test('keys are listed in an order that pages can follow, of one tenant', async (t) => {
  const stores = await openStores(t)
  const { scopes, space } = await manyKeys(stores)
  for (let version = 2; version <= 11; version += 1) {
    await stores.write((store) => store.rotateKey(space.id))
  }
  const names: string[] = []
  for (let after = ''; ; ) {
    const page = await stores.read((store) => store.all(listKeys, { after, limit: 4 }))
    names.push(...page.map((row) => `${row.scope} ${row.version}`))
    const last = page.at(-1)
    if (!last) break
    after = last.place
  }
  assert.equal(new Set(names).size, names.length)
  assert.equal(names.length, scopes.length + 10)
  const own = names.filter((name) => name.startsWith('spc_'))
  assert.deepEqual(
    own,
    own.map((_, index) => `${space.id} ${index + 1}`),
  )
})

test('the spaces that were ever rotated are known after a restart', async (t) => {
  const stores = await openStores(t)
  const { space } = await manyKeys(stores)
  const rotated = () => stores.database.read(spacesEverRotated)
  assert.deepEqual(await rotated(), [])
  await stores.write((store) => store.rotateKey(space.id))
  await stores.write((store) => store.rotateKey('lookup'))
  await stores.reopen()
  assert.deepEqual(await rotated(), [{ tenant: stores.tenant, space: space.id }])
})

test("the instance's keys are under the root key alone", async (t) => {
  const stores = await openStores(t)
  const sealed = await stores.write((store) => store.seal('tenant', cell, 'own'), instanceTenant)
  await stores.reopen()
  const opened = await stores.read((store) => store.open('tenant', cell, sealed), instanceTenant)
  assert.equal(opened, 'own')
})
