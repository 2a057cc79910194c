import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { embeddingLevels } from '../../kernel/embedding-level.ts'
import { quantise } from '../indexes/quantised.ts'
import { decodeEmbedding, encodeEmbedding, mayBeSent, modelCode, settledCode } from './embedding.ts'
import { createPending, type PendingMemory } from './pending.ts'

const model = { model: 'words', dimensions: 3 }
const vector = quantise(Float32Array.of(0.5, -1, 0.25))

describe('what is sealed of a vector', () => {
  test('comes back as it was, from bytes that begin anywhere', () => {
    const bytes = encodeEmbedding(model, vector)
    assert.equal(bytes.length, 12 + 3)
    for (const shift of [0, 1, 3]) {
      const moved = Buffer.concat([Buffer.alloc(shift), bytes]).subarray(shift)
      assert.deepEqual(decodeEmbedding(model, moved), vector)
    }
  })

  test('says that there is to be none in as many bytes', () => {
    const none = encodeEmbedding(model, null)
    assert.equal(none.length, encodeEmbedding(model, vector).length)
    assert.equal(decodeEmbedding(model, none), null)
  })

  test('of another model or size is not compared', () => {
    const bytes = encodeEmbedding(model, vector)
    assert.equal(decodeEmbedding({ ...model, model: 'other' }, bytes), undefined)
    assert.equal(decodeEmbedding({ ...model, dimensions: 4 }, bytes), undefined)
    assert.equal(decodeEmbedding(model, bytes.subarray(0, 5)), undefined)
  })

  test('its codes differ by model, size and level, and by nothing else', () => {
    const models = [model, { ...model, model: 'words|4' }, { model: 'words', dimensions: 4 }]
    const codes = models.flatMap((one) => [
      modelCode(one).toString('hex'),
      ...embeddingLevels.map((level) => settledCode(one, level)),
    ])
    assert.equal(new Set(codes).size, codes.length)
    assert.ok(codes.every((code) => /^[0-9a-f]{16}$/.test(code)))
    assert.equal(settledCode({ ...model }, 'public'), settledCode(model, 'public'))
  })
})

test('what may be sent goes up to the level, and no further', () => {
  const allowed = embeddingLevels.map((cap) =>
    ['public', 'internal', 'sensitive', 'restricted'].filter((level) => mayBeSent(level, cap)),
  )
  assert.deepEqual(allowed, [
    [],
    ['public'],
    ['public', 'internal'],
    ['public', 'internal', 'sensitive'],
    ['public', 'internal', 'sensitive', 'restricted'],
  ])
  for (const cap of embeddingLevels) {
    assert.equal(mayBeSent('none', cap), false)
    assert.equal(mayBeSent('unknown', cap), false)
  }
})

describe('what is pending', () => {
  const make = () => {
    const time = { now: 0 }
    return { time, pending: createPending(() => time.now) }
  }
  const one = (id: number): PendingMemory => ({ tenant: 'ten_1', space: 'spc_1', id: `mem_${id}` })

  test('is taken in its order, once', () => {
    const { pending } = make()
    pending.add([one(1), one(2), one(1), one(3)])
    assert.deepEqual(pending.take(2), [one(1), one(2)])
    assert.deepEqual(pending.take(9), [one(3)])
    assert.deepEqual(pending.take(9), [])
  })

  test('is bounded; what is past the bound is left to a walk', () => {
    const { pending } = make()
    assert.deepEqual(pending.walk, { tenant: '', id: '' })
    pending.walked(null)
    assert.equal(pending.walk, null)
    for (let at = 0; at <= limits.embedPending_max; at++) pending.add([one(at)])
    assert.equal(pending.take(Number.MAX_SAFE_INTEGER).length, limits.embedPending_max)
    assert.deepEqual(pending.walk, { tenant: '', id: '' })
  })

  test('is walked from where it was left, again after a while, and when something changed', () => {
    const { pending, time } = make()
    pending.walked({ tenant: 'ten_1', id: 'mem_1' })
    assert.deepEqual(pending.walk, { tenant: 'ten_1', id: 'mem_1' })
    // What changes during a walk concerns what it has passed, too.
    pending.walkAnew()
    assert.deepEqual(pending.walk, { tenant: 'ten_1', id: 'mem_1' })
    pending.walked(null)
    assert.deepEqual(pending.walk, { tenant: '', id: '' })
    pending.walked(null)
    assert.equal(pending.walk, null)
    time.now = 10 * minute_ms
    assert.deepEqual(pending.walk, { tenant: '', id: '' })
  })

  test('is nothing for a server that stops', () => {
    const { pending } = make()
    pending.add([one(1)])
    pending.stop()
    assert.deepEqual(pending.take(9), [])
    assert.equal(pending.walk, null)
  })
})
