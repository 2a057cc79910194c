import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { memoryOf, openStores } from '../../test/stores.ts'
import { frame, unframe } from './record-frame.ts'

describe('a frame', () => {
  test('gives back what was put in; a record alone stands as it is', () => {
    const record = fc.json().map((text) => Buffer.from(text))
    const embedding = fc.option(fc.uint8Array({ minLength: 1, maxLength: 500 }))
    fc.assert(
      fc.property(record, embedding, (json, bytes) => {
        const framed = Buffer.from(frame(json, bytes))
        const found = unframe(framed)
        assert.deepEqual(found.record, json)
        assert.deepEqual(found.embedding, bytes && Buffer.from(bytes))
        assert.equal(framed.equals(json), bytes === null)
      }),
    )
  })

  test('that is shorter than it says is refused', () => {
    const framed = Buffer.from(frame(Buffer.from('{"a":1}'), Buffer.from('x')))
    assert.throws(() => unframe(framed.subarray(0, 8)), /as long as it says/)
  })
})

describe('a memory with an embedding', () => {
  const code = 'code-1'
  const bytes = Buffer.from('a vector')

  test('has it beside its record, in history not', async (t) => {
    const stores = await openStores(t)
    const space = await stores.space('org')
    const memory = memoryOf('one', { embedding: { code, bytes } })
    await stores.change(space, (view) => view.insert(memory))
    const stored = await stores.look(space, (view) => view.get(memory.id))
    assert.equal(stored?.record?.toString(), 'one')
    assert.deepEqual(stored?.embedding, { code, bytes })
    const many = await stores.look(space, (view) => view.changesAfter(0, 10))
    assert.deepEqual(many, [stored])
    await stores.change(space, async (view) => {
      await view.replace(memoryOf('two', { id: memory.id, version: 2 }), stored)
    })
    const [version] = await stores.look(space, (view) => view.versions(memory.id, 10))
    assert.equal(version?.toString(), 'one')
    const now = await stores.look(space, (view) => view.get(memory.id))
    assert.deepEqual([now?.record?.toString(), now?.embedding], ['two', null])
  })

  test('gets it later, with a new sequence number; only while it is what was read', async (t) => {
    const stores = await openStores(t)
    const space = await stores.space('org')
    const memory = memoryOf('one')
    await stores.change(space, (view) => view.insert(memory))
    const read = () => stores.look(space, (view) => view.get(memory.id))
    const embed = (stored: Awaited<ReturnType<typeof read>>, given: typeof bytes | null) =>
      stores.change(space, async (view) => {
        assert.ok(stored)
        return view.embed(stored, given && { code, bytes: given })
      })
    const first = await read()
    assert.equal(await embed(first, bytes), true)
    const second = await read()
    assert.deepEqual(second?.embedding, { code, bytes })
    assert.deepEqual(second?.record, first?.record)
    assert.equal((second?.seq ?? 0) > (first?.seq ?? 0), true)
    assert.equal(await embed(first, Buffer.from('late')), false)
    assert.deepEqual((await read())?.embedding, { code, bytes })
    assert.deepEqual(await stores.look(space, (view) => view.versions(memory.id, 10)), [])
    assert.equal(await embed(second, null), true)
    assert.equal((await read())?.embedding, null)
  })

  test('is not followed by indexes when only its code changes', async (t) => {
    const stores = await openStores(t)
    const space = await stores.space('org')
    const memory = memoryOf('one', { embedding: { code, bytes } })
    await stores.change(space, (view) => view.insert(memory))
    const stored = await stores.look(space, (view) => view.get(memory.id))
    assert.ok(stored)
    const other = { code: 'code-2', bytes }
    assert.equal(await stores.change(space, (view) => view.embed(stored, other)), true)
    const now = await stores.look(space, (view) => view.get(memory.id))
    assert.deepEqual(now, { ...stored, embedding: other })
  })

  test('shows nothing of it but its code', async (t) => {
    const stores = await openStores(t)
    const space = await stores.space('org')
    const vector = Buffer.from('canary vector canary')
    await stores.change(space, (view) =>
      view.insert(memoryOf('one', { embedding: { code, bytes: vector } })),
    )
    const [row] = await stores.sql('select record, embedding from memories')
    assert.equal(Buffer.from(row?.['record'] as Uint8Array).includes('canary'), false)
    assert.equal(row?.['embedding'], code)
  })
})
