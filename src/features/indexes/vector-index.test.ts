/** Vectors within the index of a space, and within the budget of all. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { memoryOf, openStores } from '../../../test/stores.ts'
import type { Id } from '../../core/ids.ts'
import { copyOf, fieldsOf, idOf, seed } from './document-fixture.ts'
import { quantise } from './quantised.ts'
import { createSpaceIndex, loadSpaceIndex, type Scope, type SpaceIndex } from './space-index.ts'
import { createSpaceIndexes, openVectors } from './space-indexes.ts'
import { block_bytes, createVectorMemory } from './vector-memory.ts'

const now = 1
const dimensions = 4
const question = { limit: 10, now, recency: 'none' as const }

/** Each in a direction of its own, nearer to the first axis the lower the number. */
function vectorOf(number: number): Float32Array {
  const angle = number / 100
  return Float32Array.of(Math.cos(angle), Math.sin(angle), 0, 0)
}

const firstAxis = vectorOf(0)

function filled(count: number) {
  const memory = createVectorMemory()
  const vectors = { code: 'a', dimensions, memory }
  const index = createSpaceIndex({ seed, vectors })
  for (let at = 0; at < count; at++) index.put(fieldsOf(at), `text ${at}`, quantise(vectorOf(at)))
  return { memory, vectors, index }
}

/** By vectors alone: no text holds what is asked. */
function nearest(index: SpaceIndex, asked: Scope = {}) {
  return index.searchBoth('nowhere', firstAxis, { ...question, ...asked })
}

const idsOf = (hits: readonly { id: string }[]): string[] => hits.map(({ id }) => id)
const numbers = (...all: readonly number[]): string[] => all.map(idOf)

describe('an index with vectors', () => {
  test('finds the nearest, without what is removed, replaced, filtered or over', () => {
    const { index } = filled(8)
    index.remove(idOf(0))
    index.put(fieldsOf(1), 'text 1')
    index.put(fieldsOf(2, { tags: ['hidden'] }), 'text 2', quantise(vectorOf(2)))
    index.put(fieldsOf(3, { expiresAt: 1 }), 'text 3', quantise(vectorOf(3)))
    index.put(fieldsOf(4), 'text 4', quantise(vectorOf(90)))
    index.put(fieldsOf(5, { privacyLevel: 'restricted' }), 'text 5', quantise(vectorOf(5)))
    const accept = ({ tags }: { readonly tags: readonly string[] }) => !tags.includes('hidden')
    const privacyLevels = ['public', 'internal']
    const hits = nearest(index, { accept, privacyLevels })
    assert.deepEqual(idsOf(hits), numbers(6, 7, 4))
  })

  test('weighs importance and recency as words are weighed', () => {
    const { index } = filled(3)
    index.put(fieldsOf(2, { importance: 10 }), 'text 2', quantise(vectorOf(2)))
    assert.deepEqual(idsOf(nearest(index)), numbers(2, 0, 1))
  })

  test('counts what has no vector yet, not what is to have none', () => {
    const { index } = filled(3)
    assert.equal(index.pending, 0)
    index.put(fieldsOf(3), 'pending')
    index.put(fieldsOf(4), 'without', null)
    assert.equal(index.pending, 1)
    index.put(fieldsOf(3), 'found', quantise(vectorOf(3)))
    index.put(fieldsOf(0), 'changed')
    index.remove(idOf(4))
    assert.equal(index.pending, 1)
    assert.equal(createSpaceIndex({ seed }).pending, 0)
  })

  test('is the same after a dump, and after many removals', () => {
    const { index, vectors } = filled(400)
    for (let at = 0; at < 400; at++) if (at % 3 !== 0) index.remove(idOf(at))
    index.put(fieldsOf(500), 'without', null)
    index.put(fieldsOf(501), 'pending')
    const loaded = loadSpaceIndex(copyOf(index.dump()), { seed, vectors })
    for (const one of [index, loaded]) {
      one.put(fieldsOf(1), 'again', quantise(vectorOf(1)))
      assert.deepEqual(idsOf(nearest(one)).slice(0, 4), numbers(0, 1, 3, 6))
      assert.equal(one.pending, 1)
    }
    assert.deepEqual(nearest(loaded), nearest(index))
  })

  test('a dump of another embedder, or of none, is refused', () => {
    const { index, vectors } = filled(3)
    const lexical = createSpaceIndex({ seed })
    assert.throws(() => loadSpaceIndex(copyOf(index.dump()), { seed }), /of our embedder/)
    const other = { seed, vectors: { ...vectors, code: 'b' } }
    assert.throws(() => loadSpaceIndex(copyOf(index.dump()), other), /of our embedder/)
    assert.throws(() => loadSpaceIndex(copyOf(lexical.dump()), { seed, vectors }))
    loadSpaceIndex(copyOf(lexical.dump()), { seed })
  })
})

test('indexes that leave give the shared memory back, and are found as they were', async (t) => {
  const stores = await openStores(t)
  const read = (bytes: Buffer) => quantise(vectorOf(Number(bytes.toString())))
  const toDocument = (id: Id<'mem'>, record: Uint8Array) => {
    return { fields: { ...fieldsOf(0), id }, text: Buffer.from(record).toString() }
  }
  const reader = { code: 'a', dimensions, read }
  const bytes_max = 3 * block_bytes
  const vectors = openVectors(reader, bytes_max)
  const indexes = createSpaceIndexes({ bytes_max, seed, toDocument, vectors })
  for (const handle of ['team:a', 'team:b', 'team:c', 'team:a'] as const) {
    const space = await stores.space(handle).catch(() => stores.space(`${handle}2`))
    const near = memoryOf('near', { embedding: { code: 'x', bytes: Buffer.from('1') } })
    const far = memoryOf('far', { embedding: { code: 'x', bytes: Buffer.from('80') } })
    await stores.change(space, async (view) => {
      await view.insert(far)
      await view.insert(near)
    })
    const held = await indexes.catchUp({
      id: space.id,
      read: (work) => stores.look(space, work),
    })
    const hits = await stores.look(space, async (view) =>
      nearest(await indexes.current(view, held)),
    )
    assert.deepEqual(idsOf(hits), [near.id, far.id])
    assert.ok(indexes.bytes <= 2 * bytes_max)
  }
})
