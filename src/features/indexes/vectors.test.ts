import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compiledFile, compiledModule } from '../../../test/wasm/compile.ts'
import { quantise } from './quantised.ts'
import {
  block_bytes,
  createVectorMemory,
  dimensions_max,
  scratchBlock,
  strideOf,
  toScanQuery,
  type VectorMemory,
} from './vector-memory.ts'
import { createSpaceVectors, type SpaceVectors } from './vectors.ts'

/** Numbers that look like chance and are the same each time (Lehmer). */
function chance(seed: number): () => number {
  let state = (seed % 2147483646) + 1
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

/** A vector of length 1 in any direction; `around` makes it near another. */
function direction(next: () => number, dimensions: number, around?: Float32Array): Float32Array {
  const vector = Float32Array.from({ length: dimensions }, (_, at) => {
    const normal = Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next())
    return normal + 1.5 * (around?.[at] ?? 0) * Math.sqrt(dimensions)
  })
  const length = Math.hypot(...vector)
  return vector.map((number) => number / length)
}

function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, number, at) => sum + number * (b[at] as number), 0)
}

const everything = { limit: 10, accepts: () => true, compare: (a: number, b: number) => a - b }

function fill(vectors: SpaceVectors, all: readonly Float32Array[]): void {
  for (const [document, vector] of all.entries()) vectors.put(document, quantise(vector))
}

function numbers(count: number, dimensions: number, seed = 1): Float32Array[] {
  const next = chance(seed)
  return Array.from({ length: count }, () => direction(next, dimensions))
}

test('the compiled module is the one that the text says', async () => {
  assert.equal(readFileSync(compiledFile, 'utf8'), await compiledModule())
})

describe('quantising', () => {
  test('keeps each number within half a step', () => {
    for (const vector of numbers(20, 384)) {
      const { scale, values } = quantise(vector)
      for (const [at, number] of vector.entries()) {
        assert.ok(Math.abs(number - (values[at] as number) * scale) <= scale * 0.501)
      }
    }
  })

  test('the largest number takes the whole range, whatever its sign', () => {
    assert.deepEqual([...quantise(Float32Array.of(0.1, -0.4, 0)).values], [32, -127, 0])
  })
})

describe('a scan', () => {
  test('gives the exact sums, with SIMD and without, for every size and the largest numbers', () => {
    for (const dimensions of [1, 15, 16, 17, 384, 768, 1000, dimensions_max]) {
      const next = chance(dimensions)
      const largest = new Float32Array(dimensions).fill(1 / Math.sqrt(dimensions))
      for (const vector of [direction(next, dimensions), largest]) {
        const query = toScanQuery(vector)
        const stride = strideOf(dimensions)
        const count = Math.floor(block_bytes / stride)
        const bytes = Int8Array.from({ length: count * stride }, () =>
          vector === largest ? 127 : Math.round(next() * 254 - 127),
        )
        const sums = [true, false].map((simd) => {
          const memory = createVectorMemory({ simd })
          const block = memory.take() as number
          memory.view(block).set(bytes)
          memory.ask(query)
          return [...memory.scan(block, { count, stride })].slice(0, count)
        })
        const exact = Array.from({ length: count }, (_, row) =>
          query.values.reduce(
            (sum, value, at) => sum + value * (bytes[row * stride + at] as number),
            0,
          ),
        )
        assert.deepEqual(sums, [exact, exact])
      }
    }
  })
})

describe('the shared memory', () => {
  test('gives out each block once, takes it back, and counts', () => {
    const memory = createVectorMemory({ bytes_max: 64 * 1024 })
    const blocks = [memory.take(), memory.take(), memory.take(), memory.take()]
    assert.equal(new Set(blocks).size, 4)
    assert.ok(!blocks.includes(null))
    assert.equal(memory.bytes, 4 * block_bytes)
    assert.equal(memory.take(), null)
    memory.give(blocks[1] as number)
    assert.equal(memory.bytes, 3 * block_bytes)
    assert.equal(memory.take(), blocks[1])
  })
})

test('a block that was given back holds nothing for the next who takes it', () => {
  const memory = createVectorMemory()
  const vectors = createSpaceVectors({ code: 'a', dimensions: 20, memory })
  vectors.settle()
  fill(vectors, numbers(50, 20))
  vectors.park()
  const block = memory.take() as number
  assert.ok(memory.view(block).every((byte) => byte === 0))
  vectors.nearest(numbers(1, 20)[0] as Float32Array, everything)
  assert.ok(memory.view(scratchBlock).every((byte) => byte === 0))
})

describe('the vectors of a space', () => {
  const make = (dimensions: number, memory: VectorMemory = createVectorMemory()) => {
    const vectors = createSpaceVectors({ code: 'a', dimensions, memory })
    vectors.settle()
    return { memory, vectors }
  }

  test('the nearest are found, best first, with their cosine', () => {
    const all = numbers(500, 48)
    const { vectors } = make(48)
    fill(vectors, all)
    for (const query of numbers(20, 48, 7)) {
      const found = vectors.nearest(query, everything)
      const exact = all.map((vector) => cosine(query, vector)).sort((a, b) => b - a)
      assert.equal(found.length, 10)
      for (const [rank, { document, score }] of found.entries()) {
        assert.ok(Math.abs(score - cosine(query, all[document] as Float32Array)) < 0.01)
        assert.ok(Math.abs(score - (exact[rank] as number)) < 0.01)
      }
    }
  })

  test('what points away is not found, nor anything when there is nothing', () => {
    const { vectors } = make(2)
    assert.deepEqual(vectors.nearest(Float32Array.of(1, 0), everything), [])
    fill(vectors, [Float32Array.of(-1, 0), Float32Array.of(0, 1), Float32Array.of(0.6, 0.8)])
    const found = vectors.nearest(Float32Array.of(1, 0), everything)
    assert.deepEqual(
      found.map(({ document }) => document),
      [2],
    )
    assert.deepEqual(vectors.nearest(Float32Array.of(1, 0), { ...everything, limit: 0 }), [])
  })

  test('what is not accepted takes no place among the best', () => {
    const all = numbers(300, 32)
    const { vectors } = make(32)
    fill(vectors, all)
    const query = all[0] as Float32Array
    const accepts = (document: number): boolean => document % 50 === 7
    const found = vectors.nearest(query, { ...everything, accepts })
    const expected = all
      .map((vector, document) => ({ document, score: cosine(query, vector) }))
      .filter(({ document, score }) => accepts(document) && score > 0.01)
    assert.ok(found.every(({ document }) => accepts(document)))
    assert.ok(found.length >= expected.length && found.length <= 6)
  })

  test('equal ones come in the order that is asked for', () => {
    const { vectors } = make(4)
    fill(
      vectors,
      Array.from({ length: 8 }, () => Float32Array.of(1, 0, 0, 0)),
    )
    const query = Float32Array.of(1, 0, 0, 0)
    const options = { ...everything, limit: 3, compare: (a: number, b: number) => b - a }
    assert.deepEqual(
      vectors.nearest(query, options).map(({ document }) => document),
      [7, 6, 5],
    )
  })

  test('give their blocks back when they are parked, and find the same', () => {
    const all = numbers(200, 100)
    const { vectors, memory } = make(100)
    fill(vectors, all)
    const query = all[3] as Float32Array
    const found = vectors.nearest(query, everything)
    const { bytes } = vectors
    assert.equal(memory.bytes, 2 * block_bytes)
    vectors.park()
    assert.equal(memory.bytes, 0)
    assert.equal(vectors.bytes, bytes)
    assert.deepEqual(vectors.nearest(query, everything), found)
    vectors.settle()
    assert.equal(memory.bytes, 2 * block_bytes)
    assert.deepEqual(vectors.nearest(query, everything), found)
  })

  test('are complete when the shared memory is full', () => {
    const memory = createVectorMemory({ bytes_max: 64 * 1024 })
    const all = numbers(2000, 64)
    const { vectors } = make(64, memory)
    const other = make(64, memory).vectors
    fill(other, all.slice(0, 100))
    fill(vectors, all)
    vectors.settle()
    assert.equal(memory.bytes, block_bytes)
    const query = all[1999] as Float32Array
    assert.equal(vectors.nearest(query, everything)[0]?.document, 1999)
    assert.equal(other.nearest(all[5] as Float32Array, everything)[0]?.document, 5)
  })

  test('after any changes they are as if made from what is there', () => {
    const change = fc.record({
      what: fc.constantFrom('put', 'put', 'put', 'remove', 'park', 'settle'),
      document: fc.nat(40),
      seed: fc.nat(1000),
    })
    const dimensions = 900
    const vectorOf = (seed: number) => direction(chance(seed), dimensions)
    type Seeds = ReadonlyMap<number, number>
    type Act = (
      vectors: SpaceVectors,
      there: Seeds,
      one: { document: number; seed: number },
    ) => Seeds

    /** Each does a change to the vectors, and to a map from document to what its vector is made of. */
    const acts: Readonly<Record<string, Act>> = {
      put: (vectors, there, { document, seed }) => {
        vectors.put(document, quantise(vectorOf(seed)))
        return new Map([...there, [document, seed]])
      },
      remove: (vectors, there, { document }) => {
        vectors.remove(document)
        return new Map([...there].filter(([at]) => at !== document))
      },
      park: (vectors, there) => {
        vectors.park()
        return there
      },
      settle: (vectors, there) => {
        vectors.settle()
        return there
      },
    }
    const memory = createVectorMemory()
    fc.assert(
      fc.property(fc.array(change, { maxLength: 120 }), (changes) => {
        const { vectors } = make(dimensions, memory)
        const there = changes.reduce(
          (model, one) => acts[one.what]?.(vectors, model, one) ?? model,
          new Map() as Seeds,
        )
        const fresh = make(dimensions, memory).vectors
        for (const [document, seed] of there) fresh.put(document, quantise(vectorOf(seed)))
        const query = vectorOf(5)
        assert.equal(vectors.size, there.size)
        assert.deepEqual(vectors.nearest(query, everything), fresh.nearest(query, everything))
        vectors.park()
        fresh.park()
        assert.equal(memory.bytes, 0)
      }),
      { numRuns: 60 },
    )
  })

  test('bytes instead of 32-bit numbers cost at most three hundredths of recall@10', () => {
    const next = chance(11)
    const dimensions = 384
    const topics = Array.from({ length: 50 }, () => direction(next, dimensions))
    const about = (at: number) => direction(next, dimensions, topics[at % 50])
    const all = Array.from({ length: 2000 }, (_, at) => about(at))
    const { vectors } = make(dimensions)
    fill(vectors, all)
    let kept = 0
    for (let at = 0; at < 50; at++) {
      const query = about(at)
      const exact = all
        .map((vector, document) => ({ document, score: cosine(query, vector) }))
        .sort((a, b) => b.score - a.score)
        .slice(0, 10)
        .map(({ document }) => document)
      const found = new Set(vectors.nearest(query, everything).map(({ document }) => document))
      kept += exact.filter((document) => found.has(document)).length
    }
    const recall = kept / 500
    assert.ok(recall >= 0.97, `recall@10 against 32-bit numbers is ${recall}`)
  })
})
