import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryOf, openStores, type Stores } from '../../test/stores.ts'
import { destroySpace, findSpace } from '../features/spaces/store.ts'
import {
  destroyedSpaces,
  dropSpaceRows,
  dropTombstones,
  expiredMemories,
  type SpaceName,
  spacesWithLeftovers,
  spacesWithTombstones,
} from './space-sweep.ts'

const count = async (stores: Stores, table: 'memories' | 'memory_versions'): Promise<number> =>
  (await stores.sql(`select * from ${table}`)).length

async function filledSpace(stores: Stores, handle: string, times: readonly (number | null)[]) {
  const space = await stores.space(handle)
  const memories = times.map((expiresAt_ms) => memoryOf('x', { expiresAt_ms }))
  await stores.change(space, async (view) => {
    for (const memory of memories) await view.insert(memory)
  })
  return { space, memories }
}

test('memories whose hour is over are found over all tenants, the others not', async (t) => {
  const stores = await openStores(t)
  const { memories } = await filledSpace(stores, 'user:alice', [10, 20, 30, null])
  const found = (now: number, limit = 10) =>
    stores.database.read((tx) => expiredMemories(tx, { now, limit }))
  assert.deepEqual(await found(9), [])
  assert.deepEqual(
    (await found(20)).map((row) => row.memory_id).sort(),
    memories
      .slice(0, 2)
      .map((memory) => memory.id)
      .sort(),
  )
  assert.equal((await found(Number.MAX_SAFE_INTEGER)).length, 3)
  assert.equal((await found(Number.MAX_SAFE_INTEGER, 1)).length, 1)
})

test('what is over and was deleted is not found again', async (t) => {
  const stores = await openStores(t)
  const { space, memories } = await filledSpace(stores, 'user:alice', [10])
  const id = memories[0]?.id ?? 'mem_'
  assert.equal(await stores.look(space, (view) => view.isOver(id, 9)), false)
  assert.equal(await stores.look(space, (view) => view.isOver(id, 10)), true)
  await stores.change(space, (view) => view.remove(id))
  assert.deepEqual(
    await stores.database.read((tx) => expiredMemories(tx, { now: 99, limit: 9 })),
    [],
  )
  assert.equal(await stores.look(space, (view) => view.isOver(id, 99)), false)
})

test('the rows of a destroyed space are dropped in steps; those of others stay', async (t) => {
  const stores = await openStores(t)
  const { space } = await filledSpace(stores, 'user:alice', [null, null, null])
  const bob = await filledSpace(stores, 'user:bob', [null])
  const [first] = await stores.look(space, (view) => view.changesAfter(0, 1))
  assert.ok(first)
  await stores.change(space, (view) =>
    view.replace(memoryOf('y', { id: first.id, version: 2 }), first),
  )
  const leftovers = () =>
    stores.database.read((tx) => spacesWithLeftovers(tx, { after: null, limit: 10 }))
  assert.deepEqual(await leftovers(), [])
  await stores.write(async (store) => {
    const row = await findSpace(store, space.id)
    assert.ok(row)
    await destroySpace(store, row)
  })
  assert.deepEqual(await leftovers(), [{ tenant_id: stores.tenant, space_id: space.id }])
  assert.equal(await stores.write((store) => dropSpaceRows(store, space.id, 2)), 2)
  assert.equal(await stores.write((store) => dropSpaceRows(store, space.id, 2)), 1)
  assert.deepEqual(await leftovers(), [])
  assert.equal(await count(stores, 'memories'), 1)
  assert.equal(await count(stores, 'memory_versions'), 0)
  assert.ok(await stores.look(bob.space, (view) => view.get(bob.memories[0]?.id ?? 'mem_')))
})

test('destroyed spaces are told page by page', async (t) => {
  const stores = await openStores(t)
  const ids: string[] = []
  for (const handle of ['team:a', 'team:b', 'team:c']) {
    const { id } = await stores.space(handle)
    ids.push(id)
    await stores.write(async (store) => {
      const row = await findSpace(store, id)
      if (row && handle !== 'team:b') await destroySpace(store, row)
    })
  }
  const found: string[] = []
  let after: SpaceName | null = null
  for (let turn = 0; turn < 3; turn += 1) {
    const page: SpaceName[] = await stores.database.read((tx) =>
      destroyedSpaces(tx, { after, limit: 1 }),
    )
    found.push(...page.map((row) => row.space_id))
    after = page.at(-1) ?? after
  }
  assert.deepEqual(found, [ids[0], ids[2]])
})

test('dropped tombstones raise the floor, so that an index behind it is rebuilt', async (t) => {
  const stores = await openStores(t)
  const { space, memories } = await filledSpace(stores, 'user:alice', [null, null, null, null])
  await stores.change(space, async (view) => {
    for (const { id } of memories.slice(0, 3)) await view.remove(id)
  })
  const buried = (bound: number) =>
    stores.database.read((tx) => spacesWithTombstones(tx, { count: bound, limit: 10 }))
  assert.deepEqual(await buried(3), [])
  assert.equal((await buried(2)).length, 1)
  assert.equal(await stores.write((store) => dropTombstones(store, space.id, 2)), 2)
  await stores.look(space, async (view) => {
    assert.deepEqual(await view.position(), { seq: 7, seqFloor: 6, memories: 1 })
    const rows = await view.changesAfter(0, 10)
    assert.deepEqual(
      rows.map((row) => [row.id, row.seq, row.record === null]),
      [
        [memories[3]?.id, 4, false],
        [memories[2]?.id, 7, true],
      ],
    )
  })
})
