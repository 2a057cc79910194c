import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { keepRows } from '../../../test/put-back.ts'
import {
  insert,
  list,
  newWorld,
  now,
  pathOf,
  remove,
  rows,
  saved,
  type World,
} from '../../../test/snapshot-world.ts'
import { memoryOf } from '../../../test/stores.ts'
import { toUtf8 } from '../../core/encoding.ts'
import type { Id } from '../../core/ids.ts'
import { sha256 } from '../../crypto/digest.ts'
import { dropTombstones } from '../../storage/space-sweep.ts'
import { copyOf, fieldsOf, seed } from './document-fixture.ts'
import { createSpaceIndex } from './space-index.ts'
import { createSpaceIndexes } from './space-indexes.ts'

describe('a cold space', () => {
  test('opens from its snapshot, and reads the rows above it', async (t) => {
    const world = await newWorld(t)
    const ids = await saved(world)
    const life = world.live()
    assert.deepEqual(await list(world, life, world.space), ids)
    assert.deepEqual(life.read, [])
    const [added] = await insert(world, world.space)
    const another = world.live()
    assert.deepEqual(await list(world, another, world.space), [added, ...ids])
    assert.deepEqual([another.read, another.reasons], [['tea 0'], []])
  })

  test('is opened once for all who ask', async (t) => {
    const world = await newWorld(t)
    const ids = await saved(world)
    const life = world.live()
    const lists = await Promise.all(Array.from({ length: 8 }, () => list(world, life, world.space)))
    for (const found of lists) assert.deepEqual(found, ids)
    assert.deepEqual(life.read, [])
  })

  test('that is small has no snapshot', async (t) => {
    const world = await newWorld(t)
    await insert(world, world.space, rows - 1)
    const life = world.live()
    await list(world, life, world.space)
    assert.equal(await life.indexes.save(), 0)
    await life.indexes.close()
    assert.equal(existsSync(world.directory), false)
  })

  test('without a thread is built from its rows', async (t) => {
    const world = await newWorld(t)
    const ids = await saved(world)
    const life = world.live()
    await life.indexes.close()
    assert.deepEqual(await list(world, life, world.space), ids)
    assert.equal(life.read.length, rows)
  })
})

describe('a snapshot that may not be believed is discarded, and answers are right', () => {
  /** Opens the space in a new life and says why the snapshot was not used. */
  async function opened(world: World, expected: string[], life = world.live()): Promise<string[]> {
    assert.deepEqual(await list(world, life, world.space), expected)
    assert.ok(life.read.length >= expected.length, 'it was built from its rows')
    assert.equal(existsSync(pathOf(world, world.space)), false)
    return life.reasons
  }

  test('altered, in any of its regions, or torn', async (t) => {
    const world = await newWorld(t)
    const ids = await saved(world)
    const path = pathOf(world, world.space)
    const bytes = readFileSync(path)
    for (let region = 0; region < 24; region++) {
      const changed = Buffer.from(bytes)
      const at = region < 12 ? region * 4 : Math.floor((bytes.length * (region - 12)) / 12)
      changed[at] = (changed[at] as number) ^ 0x10
      writeFileSync(path, changed)
      assert.match((await opened(world, ids))[0] ?? '', /^(torn|altered|key)$/, `byte ${at}`)
    }
    writeFileSync(path, bytes.subarray(0, -1))
    assert.deepEqual(await opened(world, ids), ['torn'])
  })

  test('of another space', async (t) => {
    const world = await newWorld(t)
    const other = await world.stores.space('team:other')
    await saved(world, other)
    const ids = await saved(world)
    copyFileSync(pathOf(world, other), pathOf(world, world.space))
    assert.deepEqual(await opened(world, ids), ['altered'])
  })

  test('of another seed', async (t) => {
    const world = await newWorld(t)
    const ids = await saved(world)
    const life = world.live({ seed: new Uint8Array(8).fill(9) })
    assert.deepEqual(await opened(world, ids, life), ['seed'])
  })

  test('ahead of the space, since an older database was put back', async (t) => {
    const world = await newWorld(t)
    const before = (await insert(world, world.space, rows)).reverse()
    const putBack = await keepRows(world.stores.sql)
    await insert(world, world.space, 5)
    const life = world.live()
    await list(world, life, world.space)
    await life.indexes.save()
    await putBack()
    assert.deepEqual(await opened(world, before), ['ahead'])
  })

  test('of a history that was lost, though the space has come further since', async (t) => {
    const world = await newWorld(t)
    const before = (await insert(world, world.space, rows)).reverse()
    const putBack = await keepRows(world.stores.sql)
    await insert(world, world.space, 5)
    const life = world.live()
    await list(world, life, world.space)
    await life.indexes.save()
    await putBack()
    const since = (await insert(world, world.space, 9)).reverse()
    assert.deepEqual(await opened(world, [...since, ...before]), ['other-history'])
  })

  test('below the floor: it has not seen deletions that were swept', async (t) => {
    const world = await newWorld(t)
    const ids = await saved(world)
    const path = pathOf(world, world.space)
    copyFileSync(path, `${path}.kept`)
    await remove(world, world.space, ids.shift() as Id<'mem'>)
    await world.stores.write((store) => dropTombstones(store, world.space.id, 10))
    copyFileSync(`${path}.kept`, path)
    assert.deepEqual(await opened(world, ids), ['below-floor'])
  })
})

test('an older snapshot of the same space catches up', async (t) => {
  const world = await newWorld(t)
  const ids = await saved(world)
  const path = pathOf(world, world.space)
  copyFileSync(path, `${path}.kept`)
  await remove(world, world.space, ids.shift() as Id<'mem'>)
  const added = await insert(world, world.space, 3)
  const life = world.live()
  const expected = [...added.reverse(), ...ids]
  assert.deepEqual(await list(world, life, world.space), expected)
  await life.indexes.close()
  copyFileSync(`${path}.kept`, path)
  const another = world.live()
  assert.deepEqual(await list(world, another, world.space), expected)
  assert.equal(another.read.length, 3)
  // What it held of the deleted one goes again.
  while (existsSync(path)) await new Promise(setImmediate)
})

test('what texts make of an index belongs to the form of a snapshot', () => {
  const index = createSpaceIndex({ seed })
  const texts = [
    'Alice: I was reading about running shoes, wasn’t I?',
    'Die Läufer standen gestern früh am Bahnhof und warteten',
    '東京タワーに行きました 🎉',
    'Kim’s 3.14 e-mail: kim@example.org, https://example.org/a?b=c',
  ]
  for (const [at, text] of texts.entries()) {
    index.put(fieldsOf(at, { tags: ['a'], sessionId: 's', metadata: { b: [1, 'c'] } }), text)
  }
  const { header, parts } = copyOf(index.dump())
  const bytes = parts.map((part) => sha256(part as Uint8Array))
  const digest = sha256(Buffer.concat([toUtf8(JSON.stringify(header)), ...bytes])).toString('hex')
  const known = '809eeb53f84eb704d2cd633d0032a58ebd533139c9899cfb2aee721c328b573d'
  assert.equal(digest, known, 'raise `form` in index-snapshots.ts, then put the new digest here')
})

test('an index that was put away and opened again and again is as one built anew', async (t) => {
  const world = await newWorld(t)
  const { stores, space } = world
  let ids = await insert(world, space, rows + 50)
  for (let round = 1; round <= 6; round++) {
    const life = world.live()
    await list(world, life, space)
    ids = [...ids, ...(await insert(world, space, round * 3))]
    const changed = ids.filter((_, at) => at % (13 * round) === round)
    await stores.change(space, async (view) => {
      for (const id of changed) {
        const before = await view.get(id)
        assert.ok(before)
        if (round % 2 === 0) await view.remove(id)
        else await view.replace(memoryOf(`green tea ${round}`, { id, version: 2 }), before)
      }
    })
    if (round % 2 === 0) ids = ids.filter((id) => !changed.includes(id))
    await list(world, life, space)
    await life.indexes.close()

    const opened = world.live()
    const built = createSpaceIndexes({
      ...{ bytes_max: 1e9, seed },
      toDocument: (id, record) => ({ fields: { ...fieldsOf(0), id }, text: String(record) }),
    })
    assert.deepEqual(await list(world, opened, space), [...ids].reverse())
    const answers = await Promise.all(
      [opened.indexes, built].map(async (indexes) => {
        await list(world, { ...opened, indexes }, space)
        return stores.look(space, async (view) =>
          (await indexes.current(view)).search('green tea 3', { limit: 500, now }),
        )
      }),
    )
    assert.ok((answers[0]?.length ?? 0) > 0)
    assert.deepEqual(answers[0], answers[1], `round ${round}`)
    await opened.indexes.close()
  }
})
