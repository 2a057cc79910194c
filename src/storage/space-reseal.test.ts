import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failsWith, memoryOf, openStores, type Stores } from '../../test/stores.ts'
import { resealSpace } from './space-reseal.ts'

async function rotatedSpace(stores: Stores, count: number) {
  const space = await stores.space('user:alice')
  const memories = Array.from({ length: count }, (_, index) =>
    memoryOf(`number ${index}`, { key: `k${index}` }),
  )
  await stores.change(space, async (view) => {
    for (const memory of memories) await view.insert(memory)
    for (const { id } of memories) {
      const before = await view.get(id)
      assert.ok(before)
      await view.replace(memoryOf('changed', { id, version: 2 }), before)
    }
  })
  await stores.write((store) => store.rotateKey(space.id))
  stores.keys.cache.forget(stores.tenant, space.id)
  return { space, memories }
}

const keyVersions = async (stores: Stores) => {
  const sql = 'select key_version from memories union all select key_version from memory_versions'
  return (await stores.sql(sql)).map((row) => row['key_version'])
}

test('all records are sealed anew in steps, and say the same as before', async (t) => {
  const stores = await openStores(t)
  const { space, memories } = await rotatedSpace(stores, 5)
  const other = await stores.space('user:bob')
  await stores.change(other, (view) => view.insert(memoryOf('of bob')))
  const content = () =>
    stores.look(space, async (view) => {
      const rows = await view.changesAfter(0, 100)
      const older: Buffer[] = []
      for (const { id } of memories) older.push(...(await view.versions(id, 10)))
      return { rows: rows.map(({ id, seq, record }) => [id, seq, String(record)]), older }
    })
  const before = await content()
  const step = () => stores.write((store) => resealSpace(store, space.id, 2))
  const steps: number[] = []
  for (let done = await step(); done > 0; done = await step()) steps.push(done)
  assert.deepEqual(steps, [4, 4, 2])
  assert.deepEqual((await keyVersions(stores)).sort(), [1, ...Array.from({ length: 10 }, () => 2)])
  assert.deepEqual(await content(), before)
  await stores.reopen()
  assert.deepEqual(await content(), before)
})

test('deleted memories and spaces that were not rotated need nothing', async (t) => {
  const stores = await openStores(t)
  const { space, memories } = await rotatedSpace(stores, 2)
  await stores.change(space, async (view) => {
    for (const { id } of memories) await view.remove(id)
  })
  assert.equal(await stores.write((store) => resealSpace(store, space.id, 10)), 0)
  const bob = await stores.space('user:bob')
  await stores.change(bob, (view) => view.insert(memoryOf('of bob')))
  assert.equal(await stores.write((store) => resealSpace(store, bob.id, 10)), 0)
})

/** The last of 61 bytes is another. */
async function alterRecords({ sql }: Stores): Promise<void> {
  for (const { memory_id, record } of await sql('select memory_id, record from memories')) {
    assert.ok(record instanceof Uint8Array && memory_id)
    const altered = Uint8Array.from([...record.subarray(0, 60), 0])
    await sql('update memories set record = ? where memory_id = ?', altered, memory_id)
  }
}

const tampering: readonly (readonly [what: string, string | typeof alterRecords])[] = [
  ['altered', alterRecords],
  ['given another sequence number', 'update memories set seq = seq + 100'],
  [
    'replaced by its earlier version',
    'update memories set record = (select record from memory_versions v where v.memory_id = memories.memory_id)',
  ],
  [
    'replaced by its earlier version, sequence number and all',
    'update memories set (record, seq) = (select record, seq from memory_versions v where v.memory_id = memories.memory_id)',
  ],
  [
    'replaced by that of another memory',
    'update memories set record = (select record from memories m where m.memory_id != memories.memory_id) where memory_id = (select min(memory_id) from memories)',
  ],
]

for (const [what, tamper] of tampering) {
  test(`a record that was ${what} is never sealed anew, nor read`, async (t) => {
    const stores = await openStores(t)
    const { space, memories } = await rotatedSpace(stores, 2)
    await (typeof tamper === 'string' ? stores.sql(tamper) : tamper(stores))
    await assert.rejects(
      stores.write((store) => resealSpace(store, space.id, 10)),
      failsWith('integrity_failed'),
    )
    await assert.rejects(
      stores.look(space, (view) => view.get(memories[0]?.id ?? 'mem_')),
      failsWith('integrity_failed'),
    )
    await assert.rejects(
      stores.look(space, (view) => view.changesAfter(0, 10)),
      failsWith('integrity_failed'),
    )
  })
}

test('a record that was moved to another space or tenant does not open there', async (t) => {
  const stores = await openStores(t)
  const { space, memories } = await rotatedSpace(stores, 1)
  const id = memories[0]?.id ?? 'mem_'
  const bob = await stores.space('user:bob')
  await stores.sql('update memories set space_id = ?', bob.id)
  await assert.rejects(
    stores.look(bob, (view) => view.get(id)),
    failsWith('integrity_failed'),
  )
  await stores.sql('update memory_versions set space_id = ?', bob.id)
  await assert.rejects(
    stores.look(bob, (view) => view.versions(id, 10)),
    failsWith('integrity_failed'),
  )
  assert.equal(await stores.look(space, (view) => view.get(id)), undefined)
})
