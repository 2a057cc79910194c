import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import {
  insert,
  list,
  newWorld,
  pathOf,
  remove,
  rows,
  saved,
} from '../../../test/snapshot-world.ts'
import { memoryOf } from '../../../test/stores.ts'
import type { Id } from '../../core/ids.ts'
import { createLog } from '../../core/log.ts'
import { openSnapshots } from '../../storage/snapshots.ts'
import { seed } from './document-fixture.ts'
import { termSeed, termsOf } from './tokens.ts'

describe('a snapshot is written', () => {
  test('when an index has moved far, not before, and not without end', async (t) => {
    const world = await newWorld(t)
    const life = world.live()
    await insert(world, world.space, rows)
    await list(world, life, world.space)
    assert.deepEqual([await life.indexes.save(), await life.indexes.save()], [1, 0])
    const before = readFileSync(pathOf(world, world.space))
    await insert(world, world.space, 999)
    await list(world, life, world.space)
    assert.equal(await life.indexes.save(), 0)
    await insert(world, world.space, 1)
    await list(world, life, world.space)
    assert.equal(await life.indexes.save(), 0, 'it was written less than a minute ago')
    assert.deepEqual(readFileSync(pathOf(world, world.space)), before)
  })

  test('when an index leaves, or the server stops', async (t) => {
    const world = await newWorld(t)
    const other = await world.stores.space('team:other')
    for (const space of [world.space, other]) await insert(world, space, rows)
    const tiny = world.live({ bytes_max: 1 })
    await list(world, tiny, world.space)
    await list(world, tiny, other)
    while (!existsSync(pathOf(world, world.space))) await new Promise(setImmediate)
    assert.equal(existsSync(pathOf(world, other)), false)
    await tiny.indexes.close()
    assert.equal(existsSync(pathOf(world, other)), true)
    const life = world.live()
    for (const space of [world.space, other]) await list(world, life, space)
    assert.deepEqual(life.read, [])
  })

  test('and if it cannot be, recall goes on', async (t) => {
    const world = await newWorld(t)
    const ids = (await insert(world, world.space, rows)).reverse()
    const life = world.live({ bounds: { free_bytes_min: Number.MAX_SAFE_INTEGER } })
    assert.deepEqual(await list(world, life, world.space), ids)
    assert.equal(await life.indexes.save(), 0)
    assert.deepEqual(readdirSync(world.directory), [])
    assert.deepEqual(await list(world, life, world.space), ids)
  })

  test('with its seals counted', async (t) => {
    const world = await newWorld(t)
    const { stores } = world
    await insert(world, world.space, rows)
    const life = world.live()
    await list(world, life, world.space)
    stores.keys.seals.drain()
    await life.indexes.save()
    const bytes = readFileSync(pathOf(world, world.space))
    let frames = 0
    for (let at = 8; at < bytes.length; frames++) at += 4 + bytes.readUInt32BE(at)
    const owner = { tenant: stores.tenant, scope: world.space.id, version: 1 }
    assert.deepEqual(stores.keys.seals.drain(), [{ owner, seals: frames }])
  })
})

describe('nothing that was deleted stays in a snapshot', () => {
  test('once the index has followed', async (t) => {
    const world = await newWorld(t)
    const ids = await saved(world)
    await remove(world, world.space, ids.shift() as Id<'mem'>)
    const life = world.live()
    assert.deepEqual(await list(world, life, world.space), ids)
    while (existsSync(pathOf(world, world.space))) await new Promise(setImmediate)
    assert.equal(life.read.length, 0)
  })

  test('not even the hash of a word, in one that is written afterwards', async (t) => {
    const world = await newWorld(t)
    const { stores, space } = world
    await insert(world, space, rows)
    const secret = memoryOf('zinfandel')
    await stores.change(space, (view) => view.insert(secret))
    const life = world.live()
    await list(world, life, space)
    await remove(world, space, secret.id)
    await list(world, life, space)
    assert.equal(await life.indexes.save(), 1)
    const { owner, keys } = await stores.look(space, (view) => view.fileKeys())
    const snapshots = openSnapshots({ directory: world.directory, log: createLog('silent') })
    t.after(() => snapshots.close())
    const body = Buffer.from((await snapshots.read(owner, keys))?.body ?? new ArrayBuffer(0))
    const traceOf = (word: string): Buffer => {
      const { high } = termsOf(word, termSeed(seed))
      return Buffer.from(Uint32Array.of(high[0] as number).buffer)
    }
    assert.ok(body.includes(traceOf('tea')))
    assert.ok(!body.includes(traceOf('zinfandel')))
  })

  test('at once where it is deleted', async (t) => {
    const world = await newWorld(t)
    await saved(world)
    const life = world.live()
    await life.indexes.deletedFrom({ tenant: world.stores.tenant, space: world.space.id })
    assert.deepEqual(readdirSync(world.directory), [])
  })

  test('nor for long when nobody asks for the space', async (t) => {
    const world = await newWorld(t)
    const ids = await saved(world)
    const life = world.live()
    assert.equal(await life.indexes.sweep(10), 0)
    await remove(world, world.space, ids[0] as Id<'mem'>)
    assert.equal(await life.indexes.sweep(10), 1)
    assert.deepEqual(readdirSync(world.directory), [])
  })

  test('of a space that was erased, here or elsewhere', async (t) => {
    const world = await newWorld(t)
    const { stores, space } = world
    await saved(world)
    const life = world.live()
    await list(world, life, space)
    await life.indexes.erase({ tenant: stores.tenant, space: space.id })
    assert.deepEqual([readdirSync(world.directory), life.indexes.bytes], [[], 0])

    const other = await stores.space('team:other')
    await saved(world, other)
    await stores.write((store) => store.destroyKey(other.id))
    await stores.keyDestroyed(other.id)
    assert.equal(await world.live().indexes.sweep(10), 1)
    assert.deepEqual(readdirSync(world.directory), [])
  })

  for (const end of ['erase', 'deletedFrom'] as const) {
    test(`though its index was just leaving, after ${end}`, async (t) => {
      const world = await newWorld(t)
      const { stores, space } = world
      const other = await stores.space('team:other')
      for (const one of [space, other]) await insert(world, one, rows)
      const { promise: until, resolve } = Promise.withResolvers<void>()
      const tiny = world.live({ bytes_max: 1, until })
      for (const one of [space, other]) await list(world, tiny, one)
      await tiny.indexes[end]({ tenant: stores.tenant, space: space.id })
      resolve()
      await tiny.indexes.close()
      assert.deepEqual(
        [space, other].map((one) => existsSync(pathOf(world, one))),
        [false, true],
      )
    })
  }

  test('whoever was writing it meanwhile', async (t) => {
    const world = await newWorld(t)
    const { stores, space } = world
    await insert(world, space, rows)
    const life = world.live()
    await list(world, life, space)
    const saving = life.indexes.save()
    await life.indexes.erase({ tenant: stores.tenant, space: space.id })
    await saving
    assert.deepEqual(existsSync(world.directory) ? readdirSync(world.directory) : [], [])
  })
})

test('a rotated key still opens what it sealed, and the next snapshot is under the new one', async (t) => {
  const world = await newWorld(t)
  const { stores, space } = world
  const ids = await saved(world)
  await stores.write((store) => store.rotateKey(space.id))
  stores.keys.cache.forget(stores.tenant, space.id)
  const life = world.live()
  assert.deepEqual(await list(world, life, space), ids)
  assert.deepEqual([life.read, life.reasons], [[], []])
  await life.indexes.deletedFrom({ tenant: stores.tenant, space: space.id })
  await life.indexes.save()
  const file = readFileSync(pathOf(world, space))
  assert.equal(file.readUInt32BE(8 + 4 + 1), 2, 'the version of the key in the sealed head')
})
