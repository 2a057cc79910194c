import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failsWith, memoryOf, openStores, type Stores } from '../../test/stores.ts'
import type { Id } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { type StoredMemory, spaceOfMemory, spaceStore } from './space-store.ts'

const textOf = (stored: StoredMemory | undefined): string | undefined =>
  stored?.record?.toString('utf8')

const dump = async (stores: Stores) => ({
  spaces: await stores.sql('select * from spaces order by space_id'),
  memories: await stores.sql('select * from memories order by memory_id'),
  versions: await stores.sql('select * from memory_versions order by memory_id, seq'),
})

async function storedIn(stores: Stores, handle: string) {
  const space = await stores.space(handle)
  const memory = memoryOf(`of ${handle}`, { key: 'k' })
  await stores.change(space, (view) => view.insert(memory))
  return { space, memory }
}

test('a memory comes back as it was stored, from its own space only', async (t) => {
  const stores = await openStores(t)
  const alice = await storedIn(stores, 'user:alice')
  const bob = await storedIn(stores, 'user:bob')
  const own = await stores.look(alice.space, (view) => view.get(alice.memory.id))
  assert.equal(textOf(own), 'of user:alice')
  assert.equal(await stores.look(bob.space, (view) => view.get(alice.memory.id)), undefined)
  assert.equal(await stores.read((store) => spaceOfMemory(store, alice.memory.id)), alice.space.id)
})

test('many are read at once: those of the space that are there, however they are asked for', async (t) => {
  const stores = await openStores(t)
  const bob = await storedIn(stores, 'user:bob')
  const space = await stores.space('user:alice')
  const memories = Array.from({ length: 25 }, (_, at) => memoryOf(`number ${at}`))
  await stores.change(space, async (view) => {
    for (const memory of memories) await view.insert(memory)
    await view.remove(memories[3]?.id ?? 'mem_')
  })
  const ids = memories.map((memory) => memory.id)
  const asked = [...ids, memoryOf('never').id, bob.memory.id, ...ids.slice(0, 4)]
  const found = await stores.look(space, (view) => view.getMany(asked))
  const there = memories.filter((_, at) => at !== 3)
  assert.deepEqual([...found.keys()].toSorted(), there.map((memory) => memory.id).toSorted())
  for (const { id, record } of there)
    assert.equal(textOf(found.get(id)), Buffer.from(record).toString())
  assert.equal((await stores.look(space, (view) => view.getMany([]))).size, 0)
  const other = await stores.newTenant('other')
  const theirs = await stores.read((store) => spaceStore(store, space).getMany(ids), other)
  assert.equal(theirs.size, 0)
})

test('a space cannot see anything of another by its ids', async (t) => {
  const stores = await openStores(t)
  const alice = await storedIn(stores, 'user:alice')
  const bob = await storedIn(stores, 'user:bob')
  const { id } = alice.memory
  await stores.look(bob.space, async (view) => {
    assert.equal(await view.findByKey('k'), bob.memory.id)
    assert.deepEqual(await view.versions(id, 10), [])
    assert.equal(await view.isOver(id, Number.MAX_SAFE_INTEGER), false)
    assert.deepEqual(
      (await view.changesAfter(0, 10)).map((row) => row.id),
      [bob.memory.id],
    )
  })
})

test('a space cannot change anything of another by its ids', async (t) => {
  const stores = await openStores(t)
  const alice = await storedIn(stores, 'user:alice')
  const bob = await storedIn(stores, 'user:bob')
  const { id } = alice.memory
  const foreign = await stores.look(alice.space, (view) => view.get(id))
  assert.ok(foreign)
  const before = await dump(stores)
  await stores.change(bob.space, (view) => view.remove(id))
  await assert.rejects(
    stores.change(bob.space, (view) => view.replace(memoryOf('b', { id, version: 2 }), foreign)),
  )
  await assert.rejects(
    stores.change(bob.space, (view) => view.insert(memoryOf('b', { id }))),
    'an id is taken in the whole tenant',
  )
  assert.deepEqual(await dump(stores), before)
})

test('a tenant cannot see or change anything of another by its ids', async (t) => {
  const stores = await openStores(t)
  const alice = await storedIn(stores, 'user:alice')
  const { id } = alice.memory
  const other = await stores.newTenant('other')
  const before = await dump(stores)
  await stores.read(async (store) => {
    assert.equal(await spaceOfMemory(store, id), undefined)
    const view = spaceStore(store, alice.space)
    assert.equal(await view.get(id), undefined)
    assert.deepEqual(await view.changesAfter(0, 10), [])
    assert.deepEqual(await view.versions(id, 10), [])
    await assert.rejects(view.findByKey('k'), failsWith('not_found'))
    await assert.rejects(view.position())
  }, other)
  await stores.write((store) => spaceStore(store, alice.space).remove(id), other)
  await assert.rejects(
    stores.write((store) => spaceStore(store, alice.space).insert(memoryOf('x')), other),
  )
  assert.deepEqual(await dump(stores), before)
})

test('sequence order is commit order, with no gap, whoever writes at once', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('user:alice')
  const committed: Id<'mem'>[] = []
  const writes = Array.from({ length: 40 }, async (_, index) => {
    const memory = memoryOf(`number ${index}`)
    const work = stores.change(space, async (view) => {
      await view.insert(memory)
      if (index % 4 === 3) throw new Error('undone')
    })
    await work.then(
      () => committed.push(memory.id),
      () => undefined,
    )
  })
  await Promise.all(writes)
  const rows = await stores.look(space, (view) => view.changesAfter(0, 100))
  assert.deepEqual(
    rows.map((row) => row.id),
    committed,
  )
  assert.deepEqual(
    rows.map((row) => row.seq),
    committed.map((_, index) => index + 1),
  )
  const position = await stores.look(space, (view) => view.position())
  assert.deepEqual(position, { seq: 30, seqFloor: 0, memories: 30 })
})

test('a change keeps the version before, and moves to the end of the sequence', async (t) => {
  const stores = await openStores(t)
  const { space, memory } = await storedIn(stores, 'user:alice')
  await stores.change(space, (view) => view.insert(memoryOf('another')))
  await stores.change(space, async (view) => {
    const before = await view.get(memory.id)
    assert.ok(before)
    await view.replace(memoryOf('changed', { id: memory.id, version: 2, key: 'k' }), before)
  })
  await stores.look(space, async (view) => {
    assert.equal(textOf(await view.get(memory.id)), 'changed')
    assert.deepEqual((await view.versions(memory.id, 10)).map(String), ['of user:alice'])
    assert.deepEqual(
      (await view.changesAfter(1, 10)).map((row) => row.seq),
      [2, 3],
    )
    assert.equal((await view.position()).memories, 2)
  })
})

test('a deleted memory leaves a tombstone: a sequence number and nothing else', async (t) => {
  const stores = await openStores(t)
  const { space, memory } = await storedIn(stores, 'user:alice')
  await stores.change(space, async (view) => {
    const before = await view.get(memory.id)
    assert.ok(before)
    await view.replace(memoryOf('changed', { id: memory.id, version: 2, key: 'k' }), before)
  })
  await stores.change(space, (view) => view.remove(memory.id))
  const [row] = await stores.sql('select * from memories')
  assert.deepEqual(
    { ...row },
    {
      tenant_id: stores.tenant,
      memory_id: memory.id,
      space_id: space.id,
      seq: 3,
      state: 'deleted',
      expires_at: null,
      key_version: 0,
      key_index: null,
      record: null,
      content_index: null,
      embedding: null,
      stored_by: null,
    },
  )
  assert.deepEqual(await stores.sql('select * from memory_versions'), [])
  await stores.look(space, async (view) => {
    assert.equal(await view.get(memory.id), undefined)
    assert.equal(await view.findByKey('k'), undefined)
    assert.deepEqual(await view.versions(memory.id, 10), [])
    assert.deepEqual(await view.changesAfter(2, 10), [
      { id: memory.id, seq: 3, record: null, embedding: null },
    ])
    assert.equal((await view.position()).memories, 0)
  })
  assert.equal(await stores.read((store) => spaceOfMemory(store, memory.id)), undefined)
})

test('deleting what is deleted, or never was, changes nothing', async (t) => {
  const stores = await openStores(t)
  const { space, memory } = await storedIn(stores, 'user:alice')
  await stores.change(space, (view) => view.remove(memory.id))
  const before = await dump(stores)
  await stores.change(space, (view) => view.remove(memory.id))
  await stores.change(space, (view) => view.remove(memoryOf('never').id))
  assert.deepEqual(await dump(stores), before)
})

test('of a memory that changes often the oldest versions are dropped', async (t) => {
  const stores = await openStores(t)
  const { space, memory } = await storedIn(stores, 'user:alice')
  const last = limits.versions_max + 3
  await stores.change(space, async (view) => {
    for (let version = 2; version <= last; version += 1) {
      const before = await view.get(memory.id)
      assert.ok(before)
      await view.replace(memoryOf(`v${version}`, { id: memory.id, version }), before)
    }
  })
  const older = await stores.look(space, (view) => view.versions(memory.id, 1000))
  assert.equal(older.length + 1, limits.versions_max)
  assert.equal(String(older[0]), `v${last - 1}`)
  assert.equal(String(older.at(-1)), `v${last - limits.versions_max + 1}`)
})

test('the number of memories of a space is bounded', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('user:alice')
  await stores.sql('update spaces set memories = ?', limits.memories_perSpace_max)
  await assert.rejects(
    stores.change(space, (view) => view.insert(memoryOf('one too many'))),
    failsWith('quota_exceeded'),
  )
  assert.deepEqual(await stores.sql('select * from memories'), [])
})

test('a key is found again after rotations, in its own space only', async (t) => {
  const stores = await openStores(t)
  const { space, memory } = await storedIn(stores, 'user:alice')
  for (const name of ['second', 'third']) {
    await stores.write((store) => store.rotateKey(space.id))
    stores.keys.cache.forget(stores.tenant, space.id)
    await stores.change(space, (view) => view.insert(memoryOf(name, { key: name })))
  }
  await stores.look(space, async (view) => {
    assert.equal(await view.findByKey('k'), memory.id)
    assert.equal(textOf(await view.get((await view.findByKey('third')) ?? memory.id)), 'third')
    assert.equal(await view.findByKey('fourth'), undefined)
  })
  const versions = await stores.sql('select key_version from memories order by seq')
  assert.deepEqual(
    versions.map((row) => row['key_version']),
    [1, 2, 3],
  )
})

test('the same key in two spaces looks like two keys', async (t) => {
  const stores = await openStores(t)
  await storedIn(stores, 'user:alice')
  await storedIn(stores, 'user:bob')
  const [one, two] = await stores.sql('select key_index from memories')
  assert.notDeepEqual(one, two)
})

test('a MAC of content is the same for the same content of the same space', async (t) => {
  const stores = await openStores(t)
  const alice = await stores.space('user:alice')
  const bob = await stores.space('user:bob')
  const macOf = (space: typeof alice, text: string) =>
    stores.look(space, (view) => view.contentMac(Buffer.from(text)))
  const mac = await macOf(alice, 'tea')
  assert.deepEqual(await macOf(alice, 'tea'), mac)
  assert.notDeepEqual(await macOf(alice, 'tee'), mac)
  assert.notDeepEqual(await macOf(bob, 'tea'), mac)
})

test('a view may be given the position that was read in its snapshot, unless it could move it', async (t) => {
  const stores = await openStores(t)
  const { space } = await storedIn(stores, 'user:alice')
  await stores.read(async (store) => {
    const position = await spaceStore(store, space).position()
    assert.deepEqual(position, { seq: 1, seqFloor: 0, memories: 1 })
    const given = spaceStore(store, { ...space, position: { ...position, seq: 7 } })
    assert.equal((await given.position()).seq, 7, 'it is not read again')
  })
  const position = { seq: 1, seqFloor: 0, memories: 1 }
  const write = stores.write(async (store) => spaceStore(store, { ...space, position }))
  await assert.rejects(write, /a change moves the position/)
})

test('superseded memories come without content among the changes, and with it in their own list', async (t) => {
  const stores = await openStores(t)
  const { space, memory } = await storedIn(stores, 'user:alice')
  await stores.change(space, (view) => view.supersede(memory))
  await stores.look(space, async (view) => {
    const none = { id: memory.id, seq: 2, record: null, embedding: null }
    assert.deepEqual(await view.changesAfter(0, 10), [none])
    assert.deepEqual((await view.supersededBefore(3, 10)).map(textOf), ['of user:alice'])
  })
})

test('records under several versions of a key are read together, those of a new one too', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('user:alice')
  const memories = ['a', 'b', 'c'].map((text) => memoryOf(text))
  const ids = memories.map(({ id }) => id)
  const read = () =>
    stores.read(async (store) => {
      store.follow(1)
      const view = spaceStore(store, space)
      const found = await view.getMany(ids)
      const texts = (await view.changesAfter(0, 10)).map(textOf)
      assert.deepEqual(
        ids.flatMap((id) => textOf(found.get(id)) ?? []),
        texts,
      )
      return texts.join('')
    })
  const texts: string[] = []
  for (const memory of memories) {
    await stores.change(space, (view) => view.insert(memory))
    // The process remembers the key as it was before the next version.
    texts.push(await read())
    await stores.write((store) => store.rotateKey(space.id))
  }
  assert.deepEqual(texts, ['a', 'ab', 'abc'])
})
