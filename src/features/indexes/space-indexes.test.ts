import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryOf, openStores, type SpaceRef, type Stores } from '../../../test/stores.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { PreparedSpace } from '../../kernel/context.ts'
import { Unprepared } from '../../kernel/operation.ts'
import { dropTombstones } from '../../storage/space-sweep.ts'
import { fieldsOf, seed } from './document-fixture.ts'
import { createSpaceIndexes, type SpaceIndexes } from './space-indexes.ts'

const now = 1

/** Records here are the text itself. */
function indexesOf(bytes_max = 1e9) {
  const read: string[] = []
  const indexes = createSpaceIndexes({
    bytes_max,
    seed,
    toDocument: (id, record) => {
      const text = Buffer.from(record).toString('utf8')
      read.push(text)
      return { fields: { ...fieldsOf(0), id }, text }
    },
  })
  return { indexes, read }
}

const prepared = (stores: Stores, space: SpaceRef): PreparedSpace => ({
  id: space.id,
  read: (work) => stores.look(space, work),
})

async function list(stores: Stores, indexes: SpaceIndexes, space: SpaceRef): Promise<string[]> {
  await indexes.catchUp(prepared(stores, space))
  return stores.look(space, async (view) =>
    (await indexes.current(view)).list({ limit: 9999, now }),
  )
}

async function insert(stores: Stores, space: SpaceRef, texts: string[]): Promise<Id<'mem'>[]> {
  const memories = texts.map((text) => memoryOf(text))
  await stores.change(space, async (view) => {
    for (const memory of memories) await view.insert(memory)
  })
  return memories.map((memory) => memory.id)
}

test('an index follows its space and reads only what is new', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('org')
  const { indexes, read } = indexesOf()
  const [a = 'mem_', b = 'mem_'] = await insert(stores, space, ['a', 'b'])
  assert.deepEqual(await list(stores, indexes, space), [b, a])
  const [c] = await insert(stores, space, ['c'])
  assert.deepEqual(await list(stores, indexes, space), [c, b, a])
  await stores.change(space, (view) => view.remove(b))
  assert.deepEqual(await list(stores, indexes, space), [c, a])
  await stores.change(space, async (view) => {
    const before = await view.get(a)
    assert.ok(before)
    await view.replace(memoryOf('a2', { id: a, version: 2 }), before)
  })
  const hits = await stores.look(space, async (view) =>
    (await indexes.current(view)).search('a2', { limit: 5, now }),
  )
  assert.deepEqual(
    hits.map((hit) => hit.id),
    [a],
  )
  assert.deepEqual(read, ['a', 'b', 'c', 'a2'])
})

test('an index never answers of another space', async (t) => {
  const stores = await openStores(t)
  const { indexes } = indexesOf()
  const [one, two] = [await stores.space('team:one'), await stores.space('team:two')]
  const first = await insert(stores, one, ['tea'])
  const second = await insert(stores, two, ['tea'])
  for (const _ of ['once', 'twice']) {
    assert.deepEqual(await list(stores, indexes, one), first)
    assert.deepEqual(await list(stores, indexes, two), second)
  }
})

test('an index that is far behind has to be prepared, in steps between which others read', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('org')
  const { indexes } = indexesOf()
  const count = 2 * limits.indexCatchUp_rows + 1
  await insert(
    stores,
    space,
    Array.from({ length: count }, (_, at) => `number ${at}`),
  )
  await assert.rejects(
    stores.look(space, (view) => indexes.current(view)),
    Unprepared,
  )
  let reads = 0
  await indexes.catchUp({
    id: space.id,
    read: (work) => {
      reads += 1
      return stores.look(space, work)
    },
  })
  assert.ok(reads >= 2, `${reads} reads`)
  assert.equal((await list(stores, indexes, space)).length, count)
})

test('many that follow at once agree', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('org')
  const { indexes, read } = indexesOf()
  const ids = await insert(stores, space, ['a', 'b', 'c'])
  const lists = await Promise.all(Array.from({ length: 8 }, () => list(stores, indexes, space)))
  for (const found of lists) assert.deepEqual(found, ids.toReversed())
  assert.equal(read.length, 3)
  await insert(stores, space, ['d'])
  await stores.look(space, (view) => Promise.all([indexes.current(view), indexes.current(view)]))
  assert.equal(read.length, 4)
})

test('an index that missed tombstones which were swept is rebuilt', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('org')
  const { indexes, read } = indexesOf()
  const ids = await insert(stores, space, ['a', 'b', 'c'])
  await list(stores, indexes, space)
  await stores.change(space, async (view) => {
    for (const id of ids.slice(0, 2)) await view.remove(id)
  })
  await stores.write((store) => dropTombstones(store, space.id, 10))
  assert.deepEqual(await list(stores, indexes, space), ids.slice(2))
  assert.deepEqual(read, ['a', 'b', 'c', 'c'])
})

test('rows that were read for an index before it was begun anew are not put into the new one', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('org')
  const { indexes } = indexesOf()
  /** The space as one sees it now, who gets the rows above `seq` only later. */
  const viewAt = async (seq: number) => {
    const read = Promise.withResolvers<void>()
    const view = await stores.look(space, async (store) => {
      const position = await store.position()
      const rows = await store.changesAfter(seq, limits.indexCatchUp_rows)
      return Object.assign(store, {
        position: async () => position,
        changesAfter: async () => {
          await read.promise
          return rows
        },
      })
    })
    return { view, read: read.resolve }
  }
  const ids = await insert(stores, space, ['a', 'b', 'c'])
  await list(stores, indexes, space)
  ids.push(...(await insert(stores, space, ['d'])))
  const late = await viewAt(3)
  const before = indexes.current(late.view).catch((thrown) => thrown)
  await stores.change(space, async (view) => {
    for (const id of ids.slice(0, 2)) await view.remove(id)
  })
  await stores.write((store) => dropTombstones(store, space.id, 10))
  const anew = await viewAt(0)
  const after = indexes.current(anew.view)
  await new Promise(setImmediate)
  late.read()
  assert.ok((await before) instanceof Unprepared)
  anew.read()
  const found = (await after).list({ limit: 10, now })
  assert.deepEqual(found, ids.slice(2).toReversed())
  assert.deepEqual(await list(stores, indexes, space), found)
})

test('the least recently used indexes leave when memory runs out, and come back', async (t) => {
  const stores = await openStores(t)
  const { indexes: free } = indexesOf()
  const spaces: SpaceRef[] = []
  for (const name of ['a', 'b', 'c']) {
    const space = await stores.space(`team:${name}`)
    spaces.push(space)
    await insert(stores, space, [name])
    await list(stores, free, space)
  }
  const [a, b, c] = spaces
  assert.ok(a && b && c)
  const { indexes, read } = indexesOf(Math.ceil((free.bytes * 2) / 3) + 10)
  for (const space of [a, b, a, c, a, b]) await list(stores, indexes, space)
  assert.deepEqual(read, ['a', 'b', 'c', 'b'])
  const { indexes: tiny } = indexesOf(1)
  for (const space of spaces) assert.equal((await list(stores, tiny, space)).length, 1)
  assert.ok(tiny.bytes <= free.bytes / 2, 'one at least is kept, and no more')
})

test('a dropped index gives its memory back and is built again when asked', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('org')
  const { indexes, read } = indexesOf()
  const ids = await insert(stores, space, ['a'])
  await list(stores, indexes, space)
  assert.ok(indexes.bytes > 0)
  for (const _ of ['once', 'twice']) {
    await indexes.erase({ tenant: stores.tenant, space: space.id })
  }
  assert.equal(indexes.bytes, 0)
  assert.deepEqual(await list(stores, indexes, space), ids)
  assert.deepEqual(read, ['a', 'a'])
})
