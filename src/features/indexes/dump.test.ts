import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { copyOf, fieldsOf, idOf, seed } from './document-fixture.ts'
import { createSpaceIndex, type IndexDump, loadSpaceIndex, type SpaceIndex } from './space-index.ts'
import { termSeed, termsOf } from './tokens.ts'
import { createVectorMemory } from './vector-memory.ts'

const all = { limit: 1000, now: 0 }

function filled(count: number): SpaceIndex {
  const index = createSpaceIndex({ seed })
  for (let i = 0; i < count; i++) {
    const changes = {
      sessionId: i % 3 === 0 ? null : `s${i % 7}`,
      tags: i % 2 === 0 ? ['even'] : [],
      metadata: { turn: i },
      privacyLevel: i % 5 === 0 ? 'public' : 'internal',
      expiresAt: i % 11 === 0 ? 1e6 + i : null,
    }
    index.put(fieldsOf(i, changes), `Alice: number ${i} of the tea, word${i % 100}?`)
  }
  for (let i = 0; i < count; i += 4) index.remove(idOf(i))
  return index
}

function answers(index: SpaceIndex): unknown {
  const scopes = [{}, { privacyLevels: ['public'] }]
  return scopes.map((scope) => ({
    hits: ['tea', 'word7 "the tea"', 'alice 42'].map((query) =>
      index.search(query, { ...all, ...scope }),
    ),
    list: index.list({ ...all, ...scope }),
    sessions: index.sessions({ ...all, ...scope }),
  }))
}

/** The same dump as a reader of files has it: all parts in one buffer, each at a multiple of 8. */
function inOneBuffer({ header, parts }: IndexDump): IndexDump {
  const ends: number[] = []
  for (const part of parts) ends.push(Math.ceil((ends.at(-1) ?? 0) / 8) * 8 + part.byteLength)
  const buffer = new ArrayBuffer(ends.at(-1) ?? 0)
  const views = parts.map((part, at) => {
    const start = (ends[at] as number) - part.byteLength
    const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
    new Uint8Array(buffer).set(bytes, start)
    return new Uint8Array(buffer, start, part.byteLength)
  })
  return { header: JSON.parse(JSON.stringify(header)), parts: views }
}

describe('a dump that is loaded', () => {
  test('is the same index, from parts of one buffer too, and goes on as one', () => {
    for (const count of [0, 1, 50, 6_000]) {
      const index = filled(count)
      const loaded = loadSpaceIndex(inOneBuffer(copyOf(index.dump())), { seed })
      assert.equal(loaded.size, index.size)
      assert.deepEqual(answers(loaded), answers(index))
      for (const one of [index, loaded]) {
        for (let i = 0; i < count; i += 3) one.remove(idOf(i))
        for (let i = 0; i < 500; i++) {
          one.put(fieldsOf(i, { sessionId: `late${i % 9}` }), `tea again ${i}`)
        }
      }
      assert.deepEqual(answers(loaded), answers(index))
    }
  })

  test('is not touched by what the dumped one does afterwards', () => {
    const index = filled(300)
    const before = answers(index)
    const loaded = loadSpaceIndex(inOneBuffer(copyOf(index.dump())), { seed })
    for (let i = 0; i < 300; i++) index.put(fieldsOf(i), 'milk')
    assert.deepEqual(answers(loaded), before)
  })

  test('does not hold much more than what was dumped', () => {
    const index = filled(6_000)
    const loaded = loadSpaceIndex(inOneBuffer(copyOf(index.dump())), { seed })
    assert.ok(loaded.bytes <= index.bytes * 1.05, `${index.bytes}, then ${loaded.bytes}`)
  })
})

test('the vectors that a load copies are counted where they were, too', () => {
  const kind = { code: 'a', dimensions: 384, memory: createVectorMemory() }
  const values = new Int8Array(384).fill(1)
  const [bare = 0, withVectors = 0] = [null, kind].map((vectors) => {
    const index = createSpaceIndex({ seed, vectors })
    for (let i = 0; i < 500; i++) index.put(fieldsOf(i), `word${i}`, { scale: 1, values })
    return loadSpaceIndex(inOneBuffer(copyOf(index.dump())), { seed, vectors }).bytes
  })
  assert.ok(withVectors >= bare + 2 * 500 * 384, `${bare}, with vectors ${withVectors}`)
})

test('a tidy dump holds nothing of what was removed', () => {
  const memory = createVectorMemory()
  const vectors = { code: 'a', dimensions: 20, memory }
  const index = createSpaceIndex({ seed, vectors })
  index.keep()
  const vectorOf = (value: number) => ({ scale: 1, values: new Int8Array(20).fill(value) })
  const secret = { sessionId: 'canary-session', tags: ['canary-tag'], metadata: { at: 'canary' } }
  for (let i = 0; i < 100; i++) {
    const isSecret = i % 10 === 3
    const fields = fieldsOf(i, isSecret ? { ...secret, occurredAt: 0x1234567 } : {})
    index.put(fields, isSecret ? 'zinfandel' : 'tea', vectorOf(isSecret ? 77 : 1))
  }
  for (let i = 3; i < 100; i += 10) index.remove(idOf(i))
  while (!index.tidy());
  const { header, parts } = copyOf(index.dump())
  const { high } = termsOf('zinfandel', termSeed(seed))
  const traces = [
    Buffer.from('canary'),
    Buffer.from(Uint32Array.of(high[0] as number).buffer),
    Buffer.from(Float64Array.of(0x1234567).buffer),
    Buffer.from(vectorOf(77).values.subarray(0, 4)),
  ]
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(part.buffer)))
  for (const trace of traces) assert.equal(bytes.indexOf(trace), -1, trace.toString('latin1'))
  const loaded = loadSpaceIndex({ header, parts }, { seed, vectors })
  assert.equal(loaded.search('tea', all).length, 90)
  assert.equal(loaded.search('zinfandel', all).length, 0)
})

describe('a dump is refused', () => {
  const dumped = (): IndexDump => inOneBuffer(copyOf(filled(200).dump()))
  const refused = (dump: IndexDump, why: RegExp): void => {
    assert.throws(() => loadSpaceIndex(dump, { seed }), why)
  }

  test('that is of another seed, which it does not tell', () => {
    const { header, parts } = dumped()
    const other = Uint8Array.from(seed).fill(9)
    assert.throws(() => loadSpaceIndex({ header, parts }, { seed: other }), /our seed/)
    const text = JSON.stringify(header)
    const view = new DataView(seed.buffer)
    for (const half of [view.getUint32(0, true), view.getUint32(4, true)]) {
      assert.ok(!text.includes(String(half)))
    }
  })

  test('that is of another format, or has none', () => {
    const { header, parts } = dumped()
    refused({ header: { ...(header as object), format: 99 }, parts }, /format/)
    for (const empty of [{}, null, 'x', []]) refused({ header: empty, parts }, /format/)
  })

  test('that lacks any one of its fields', () => {
    const { header, parts } = dumped()
    for (const name of Object.keys(header as object)) {
      const { [name]: _, ...rest } = header as Record<string, unknown>
      refused({ header: rest, parts }, new RegExp(name === 'seedCheck' ? 'seed' : name))
    }
  })

  test('that lacks a part, has one more, or has one that is cut or that begins amiss', () => {
    const { header, parts } = dumped()
    refused({ header, parts: parts.slice(1) }, /part/)
    refused({ header, parts: parts.slice(0, -1) }, /parts/)
    refused({ header, parts: [...parts, new Uint8Array(8)] }, /no more/)
    for (const [at, part] of parts.entries()) {
      if (part.byteLength === 0) continue
      const cut = new Uint8Array(part.buffer, part.byteOffset, part.byteLength - 1)
      refused({ header, parts: parts.with(at, cut) }, /as long as/)
      // A part of bytes may begin anywhere.
      const shifted = new Uint8Array(new ArrayBuffer(part.byteLength + 1), 1)
      try {
        loadSpaceIndex({ header, parts: parts.with(at, shifted) }, { seed })
      } catch (thrown) {
        assert.match((thrown as Error).message, /begins where a view can/)
      }
    }
  })
})
