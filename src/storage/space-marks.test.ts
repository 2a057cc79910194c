import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { keepRows } from '../../test/put-back.ts'
import { memoryOf, openStores, type SpaceRef, type Stores } from '../../test/stores.ts'
import type { Id } from '../core/ids.ts'
import { resealSpace } from './space-reseal.ts'
import { dropTombstones } from './space-sweep.ts'

type MemoryId = Id<'mem'>

interface History {
  readonly stores: Stores
  readonly space: SpaceRef
  insert(count: number): Promise<MemoryId[]>
  replace(id: MemoryId): Promise<void>
  remove(id: MemoryId): Promise<void>
  marks(seq: number): ReturnType<typeof marksOf>
  holds(marks: Awaited<ReturnType<typeof marksOf>>, seq: number): Promise<boolean>
}

const marksOf = (stores: Stores, space: SpaceRef, seq: number) =>
  stores.look(space, (view) => view.marksUpTo(seq))

async function newHistory(t: TestContext): Promise<History> {
  const stores = await openStores(t)
  const space = await stores.space('org')
  let made = 0
  return {
    stores,
    space,
    insert: async (count) => {
      const memories = Array.from({ length: count }, () => memoryOf(`number ${made++}`))
      await stores.change(space, async (view) => {
        for (const memory of memories) await view.insert(memory)
      })
      return memories.map((memory) => memory.id)
    },
    replace: (id) =>
      stores.change(space, async (view) => {
        const before = await view.get(id)
        assert.ok(before)
        await view.replace(memoryOf(`changed ${made++}`, { id, version: 2 }), before)
      }),
    remove: (id) => stores.change(space, (view) => view.remove(id)),
    marks: (seq) => marksOf(stores, space, seq),
    holds: (marks, seq) => stores.look(space, (view) => view.marksHold(marks, seq)),
  }
}

test('marks are the last changes, deletions among them, and never more than sixteen', async (t) => {
  const history = await newHistory(t)
  const ids = await history.insert(20)
  await history.remove(ids[19] as MemoryId)
  const marks = await history.marks(21)
  assert.deepEqual(
    marks.map(({ id, seq, digest }) => [id, seq, digest === null]),
    [
      [ids[19], 21, true],
      ...ids
        .slice(4, 19)
        .reverse()
        .map((id) => [id, ids.indexOf(id) + 1, false]),
    ],
  )
  const earlier = await history.marks(3)
  assert.deepEqual(
    earlier.map(({ seq }) => seq),
    [3, 2, 1],
  )
})

describe('marks hold', () => {
  test('while nothing changed, whatever is added, and after some of them changed', async (t) => {
    const history = await newHistory(t)
    const ids = await history.insert(20)
    const marks = await history.marks(20)
    assert.equal(await history.holds(marks, 20), true)
    await history.insert(3)
    await history.replace(ids[19] as MemoryId)
    await history.remove(ids[18] as MemoryId)
    assert.equal(await history.holds(marks, 20), true)
  })

  test('after the key was rotated and the records sealed anew', async (t) => {
    const history = await newHistory(t)
    await history.insert(3)
    const marks = await history.marks(3)
    const { stores, space } = history
    await stores.write((store) => store.rotateKey(space.id))
    stores.keys.cache.forget(stores.tenant, space.id)
    assert.ok((await stores.write((store) => resealSpace(store, space.id, 10))) > 0)
    assert.equal(await history.holds(marks, 3), true)
  })

  test('when a tombstone among them was swept', async (t) => {
    const history = await newHistory(t)
    const ids = await history.insert(3)
    await history.remove(ids[0] as MemoryId)
    const marks = await history.marks(4)
    await history.stores.write((store) => dropTombstones(store, history.space.id, 10))
    assert.equal(await history.holds(marks, 4), true)
  })
})

describe('marks do not hold', () => {
  test('when there are none, or all of them changed: nobody can tell', async (t) => {
    const history = await newHistory(t)
    const ids = await history.insert(2)
    const marks = await history.marks(2)
    for (const id of ids) await history.replace(id)
    assert.equal(await history.holds(marks, 2), false)
    assert.equal(await history.holds([], 2), false)
  })

  test('of another space', async (t) => {
    const history = await newHistory(t)
    await history.insert(3)
    const marks = await history.marks(3)
    const other = await history.stores.space('team:other')
    await history.stores.change(other, (view) => view.insert(memoryOf('x')))
    assert.equal(await history.stores.look(other, (view) => view.marksHold(marks, 3)), false)
  })

  /** What happens before a copy is put back, and what happens in its place afterwards. */
  const branches: Readonly<Record<string, (history: History, ids: MemoryId[]) => Promise<void>>> = {
    'a new memory': async (history) => void (await history.insert(1)),
    'a change': (history, ids) => history.replace(ids[2] as MemoryId),
    'a change of another': (history, ids) => history.replace(ids[3] as MemoryId),
    'a deletion': (history, ids) => history.remove(ids[2] as MemoryId),
  }
  for (const [before, lost] of Object.entries(branches)) {
    for (const [after, other] of Object.entries(branches)) {
      test(`when ${before} was lost to an older copy and ${after} came in its place`, async (t) => {
        const history = await newHistory(t)
        const ids = await history.insert(5)
        const restore = await keepRows(history.stores.sql)
        await lost(history, ids)
        const marks = await history.marks(6)
        assert.equal(await history.holds(marks, 6), true)
        await restore()
        await other(history, ids)
        await history.insert(2)
        // A deletion says nothing but which memory and when: the same one is the same history.
        const isSame = before === after && before === 'a deletion'
        assert.equal(await history.holds(marks, 6), isSame)
      })
    }
  }
})

test('a deletion is seen by whoever stands before it', async (t) => {
  const history = await newHistory(t)
  const ids = await history.insert(3)
  const seen = (seq: number) => history.stores.look(history.space, (view) => view.deletedAfter(seq))
  assert.equal(await seen(0), false)
  await history.remove(ids[1] as MemoryId)
  assert.deepEqual([await seen(3), await seen(4)], [true, false])
})

test('files of a space are sealed with its own key, and their seals are counted', async (t) => {
  const { stores, space } = await newHistory(t)
  await stores.read(async (store) => void store.countSeal(space.id, 1))
  stores.keys.seals.drain()
  await stores.look(space, async (view) => {
    const { owner, keys, countSeals } = await view.fileKeys()
    assert.deepEqual(owner, { tenant: stores.tenant, space: space.id })
    assert.equal(keys.current.version, 1)
    countSeals(7)
  })
  assert.deepEqual(stores.keys.seals.drain(), [
    { owner: { tenant: stores.tenant, scope: space.id, version: 1 }, seals: 7 },
  ])
})
