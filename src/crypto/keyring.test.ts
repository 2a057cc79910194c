import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import frozen from '../../test/vectors/sealed-v1.json' with { type: 'json' }
import { type DataKey, dataKey, newKeyMaterial } from './data-key.ts'
import {
  createKeyCache,
  type KeyOwner,
  type KeySet,
  openKeySet,
  unwrapKey,
  type WrappedKey,
  wrapKey,
} from './keyring.ts'

const failed = { name: 'LocketError', code: 'integrity_failed' }
const root = dataKey(newKeyMaterial(), 77)
const owner: KeyOwner = { tenant: 'ten_1', scope: 'spc_1', version: 2 }

function row(version: number, state: WrappedKey['state'], parent: DataKey = root): WrappedKey {
  const wrapped = wrapKey(parent, { ...owner, version }, newKeyMaterial())
  return { scope: owner.scope, version, state, wrapped }
}

const openRows = (rows: readonly WrappedKey[], parent: KeySet | DataKey = root): KeySet =>
  openKeySet(parent, { tenant: owner.tenant, scope: owner.scope }, rows)

describe('a wrapped key', () => {
  test('that was wrapped long ago unwraps forever', () => {
    const parent = dataKey(Buffer.from(frozen.material, 'hex'), frozen.keyVersion)
    const { owner: known, material, wrapped } = frozen.wrap
    assert.equal(unwrapKey(parent, known, Buffer.from(wrapped, 'hex')).toString('hex'), material)
  })

  test('unwraps to the same bytes for its owner', () => {
    const material = newKeyMaterial()
    const wrapped = wrapKey(root, owner, material)
    assert.deepEqual(unwrapKey(root, owner, wrapped), material)
    assert.ok(!Buffer.from(wrapped).includes(material))
  })

  test('unwraps for no other tenant, scope or version', () => {
    const wrapped = wrapKey(root, owner, newKeyMaterial())
    const others = [{ tenant: 'ten_2' }, { scope: 'spc_2' }, { version: 3 }, { scope: 'tenant' }]
    for (const other of others) {
      assert.throws(() => unwrapKey(root, { ...owner, ...other }, wrapped), failed)
    }
  })

  test('unwraps under no other parent', () => {
    const wrapped = wrapKey(root, owner, newKeyMaterial())
    assert.throws(() => unwrapKey(dataKey(newKeyMaterial(), 77), owner, wrapped), failed)
    assert.throws(() => unwrapKey(dataKey(newKeyMaterial(), 78), owner, wrapped), failed)
  })

  test('names the version of the parent that opens it', () => {
    const parent = openRows([row(1, 'retired'), row(2, 'current')])
    const material = newKeyMaterial()
    for (const version of [1, 2]) {
      const wrapped = wrapKey(parent.version(version), owner, material)
      assert.deepEqual(unwrapKey(parent, owner, wrapped), material)
    }
    const unknown = wrapKey(dataKey(newKeyMaterial(), 3), owner, material)
    assert.throws(() => unwrapKey(parent, owner, unknown), failed)
  })

  test('counts as a seal of its parent', () => {
    const parent = dataKey(newKeyMaterial(), 1)
    wrapKey(parent, owner, newKeyMaterial())
    assert.equal(parent.sealing.seals, 1)
  })
})

describe('a key set', () => {
  test('seals with its current version and knows the retired ones', () => {
    const set = openRows([row(1, 'retired'), row(2, 'retired'), row(3, 'current')])
    assert.equal(set.current.version, 3)
    assert.equal(set.version(3), set.current)
    assert.equal(set.version(1).version, 1)
    assert.deepEqual(set.versions, [1, 2, 3])
  })

  test('gives the very key that was wrapped', () => {
    const material = newKeyMaterial()
    const wrapped = wrapKey(root, { ...owner, version: 1 }, material)
    const set = openRows([{ scope: owner.scope, version: 1, state: 'current', wrapped }])
    assert.deepEqual(set.current.mac('row', ['a']), dataKey(material, 1).mac('row', ['a']))
  })

  test('has no version that it was not given', () => {
    const set = openRows([row(1, 'current')])
    for (const version of [0, 2, -1, Number.NaN]) assert.throws(() => set.version(version), failed)
  })

  test('never opens a destroyed version, even where its wrap survived', () => {
    const set = openRows([row(1, 'destroyed'), row(2, 'current')])
    assert.deepEqual(set.versions, [2])
    assert.throws(() => set.version(1), failed)
    const overwritten: WrappedKey = { ...row(1, 'destroyed'), wrapped: new Uint8Array(81) }
    assert.doesNotThrow(() => openRows([overwritten, row(2, 'current')]))
  })

  test('has exactly one current version', () => {
    assert.throws(() => openRows([]), failed)
    assert.throws(() => openRows([row(1, 'retired')]), failed)
    assert.throws(() => openRows([row(1, 'destroyed')]), failed)
    assert.throws(() => openRows([row(1, 'current'), row(2, 'current')]), failed)
  })

  test('seals with its newest version, or not at all', () => {
    assert.throws(() => openRows([row(1, 'current'), row(2, 'retired')]), failed)
    assert.throws(() => openRows([row(1, 'current'), row(2, 'destroyed')]), failed)
    assert.throws(() => openRows([row(1, 'retired'), row(2, 'current'), row(3, 'retired')]), failed)
  })

  test('refuses rows that do not belong together', () => {
    assert.throws(() => openRows([{ ...row(1, 'current'), scope: 'spc_2' }]), failed)
    const twice = row(1, 'current')
    assert.throws(() => openRows([twice, { ...twice, state: 'retired' }]), failed)
    assert.throws(() => openRows([{ ...row(1, 'current'), version: 2 }]), failed)
  })

  test('refuses a wrap that was altered, though another version is whole', () => {
    const bad = row(1, 'retired')
    const wrapped = Uint8Array.from(bad.wrapped)
    wrapped[40] = (wrapped[40] ?? 0) ^ 1
    assert.throws(() => openRows([{ ...bad, wrapped }, row(2, 'current')]), failed)
  })

  test('hangs below another set: root, tenant, space', () => {
    const tenantKeys = openRows([row(1, 'retired'), row(2, 'current')])
    const rows = [row(1, 'retired', tenantKeys.version(1)), row(2, 'current', tenantKeys.current)]
    assert.deepEqual(openRows(rows, tenantKeys).versions, [1, 2])
    assert.throws(() => openRows(rows, openRows([row(1, 'current')])), failed)
  })
})

describe('the cache', () => {
  const set = openRows([row(1, 'current')])
  const cacheAt = (
    max = 3,
  ): { time: { now_ms: number }; cache: ReturnType<typeof createKeyCache> } => {
    const time = { now_ms: 1_000 }
    return { time, cache: createKeyCache({ clock: () => time.now_ms, life_ms: 100, max }) }
  }

  test('gives back what was put there, under both its names', () => {
    const { cache } = cacheAt()
    cache.set('ten_1', 'spc_1', set)
    assert.equal(cache.get('ten_1', 'spc_1'), set)
    assert.equal(cache.get('ten_2', 'spc_1'), undefined)
    assert.equal(cache.get('ten_1', 'spc_2'), undefined)
  })

  test('the least recently used leaves when it is full', () => {
    const { cache } = cacheAt()
    for (const scope of ['a', 'b', 'c']) cache.set('t', scope, set)
    cache.get('t', 'a')
    cache.set('t', 'd', set)
    assert.equal(cache.size, 3)
    assert.equal(cache.get('t', 'b'), undefined)
    for (const scope of ['a', 'c', 'd']) assert.equal(cache.get('t', scope), set, scope)
  })

  test('putting a set there again takes no second place', () => {
    const { cache } = cacheAt()
    for (const scope of ['a', 'b', 'c', 'c', 'a']) cache.set('t', scope, set)
    assert.equal(cache.size, 3)
    cache.set('t', 'd', set)
    assert.equal(cache.get('t', 'b'), undefined)
  })

  test('nothing outlives its time, however much it is used', () => {
    const { time, cache } = cacheAt()
    cache.set('t', 'a', set)
    for (time.now_ms = 1_000; time.now_ms < 1_100; time.now_ms += 9) {
      assert.equal(cache.get('t', 'a'), set)
    }
    time.now_ms = 1_100
    assert.equal(cache.get('t', 'a'), undefined)
    assert.equal(cache.size, 0)
  })

  test('a clock that steps back does not lengthen a life', () => {
    const { time, cache } = cacheAt()
    cache.set('t', 'a', set)
    time.now_ms = 999
    assert.equal(cache.get('t', 'a'), undefined)
  })

  test('sweeping drops what is too old from an idle node, and nothing else', () => {
    const { time, cache } = cacheAt()
    cache.set('t', 'a', set)
    time.now_ms += 60
    cache.set('t', 'b', set)
    cache.get('t', 'a')
    time.now_ms += 60
    cache.sweep()
    assert.equal(cache.size, 1)
    assert.equal(cache.get('t', 'b'), set)
  })

  test('a new set has room even where all others are in use', () => {
    const { cache } = cacheAt()
    for (const scope of ['a', 'b', 'c']) cache.set('t', scope, set)
    for (const scope of ['a', 'b', 'c']) cache.get('t', scope)
    cache.set('t', 'd', set)
    assert.equal(cache.size, 3)
    assert.equal(cache.get('t', 'd'), set)
    assert.equal(cache.get('t', 'a'), undefined)
  })

  test('forgets one scope, or all of a tenant, and not its neighbours', () => {
    const { cache } = cacheAt(10)
    for (const tenant of ['ten_1', 'ten_10']) {
      for (const scope of ['a', 'b']) cache.set(tenant, scope, set)
    }
    cache.forget('ten_1', 'a')
    cache.forget('ten_9', 'a')
    assert.equal(cache.get('ten_1', 'a'), undefined)
    assert.equal(cache.size, 3)
    cache.forgetTenant('ten_1')
    assert.equal(cache.get('ten_1', 'b'), undefined)
    assert.equal(cache.size, 2)
    assert.equal(cache.get('ten_10', 'b'), set)
  })
})
