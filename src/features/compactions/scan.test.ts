import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryOf, openStores } from '../../../test/stores.ts'
import { limits } from '../../core/limits.ts'
import type { PreparedSpace } from '../../kernel/context.ts'
import { scan } from './scan.ts'

test('a memory that gets its vector meanwhile is handed out once', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('team:one')
  const memories = Array.from({ length: limits.compactScan_page_rows + 1 }, (_, n) =>
    memoryOf(JSON.stringify({ text: `tea ${n}` })),
  )
  await stores.change(space, async (view) => {
    for (const memory of memories) await view.insert(memory)
  })
  const prepared: PreparedSpace = { id: space.id, read: (work) => stores.look(space, work) }
  const ids: string[] = []
  for await (const { id } of scan(prepared, { after: 0, accept: null })) {
    if (ids.push(id) > 1) continue
    await stores.change(space, async (view) => {
      const stored = await view.get(id)
      assert.ok(stored)
      assert.ok(await view.embed(stored, { code: 'x', bytes: Buffer.from('vector') }))
    })
  }
  assert.deepEqual(
    ids,
    memories.map(({ id }) => id),
  )
})

test('others are served between long memories, too', async (t) => {
  const stores = await openStores(t)
  const space = await stores.space('team:one')
  const long = JSON.stringify({ text: 'tea '.repeat(8_000) })
  await stores.change(space, async (view) => {
    for (let n = 0; n < 60; n += 1) await view.insert(memoryOf(long))
  })
  const prepared: PreparedSpace = { id: space.id, read: (work) => stores.look(space, work) }
  const rows = scan(prepared, { after: 0, accept: null })
  assert.equal((await rows.next()).done, false)
  let served = 0
  let looking = true
  const serve = (): void => {
    served += 1
    if (looking) setImmediate(serve)
  }
  setImmediate(serve)
  let looked = 1
  for await (const _ of rows) looked += 1
  looking = false
  assert.equal(looked, 60)
  assert.ok(served >= 20, `${served} times`)
})
