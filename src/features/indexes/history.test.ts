import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { copyOf, fieldsOf, idOf, seed } from './document-fixture.ts'
import {
  createSpaceIndex,
  type DocumentFields,
  loadSpaceIndex,
  type Scope,
  type SpaceIndex,
} from './space-index.ts'

/** An index must answer by what it holds, never by how it came to hold it. */

const all = { limit: 1000, now: 0 }

describe('history leaves no trace', () => {
  const queries = ['tea', 'Alice milk', 'lake the tea', 'the', '東京 run']
  const scopes: Scope[] = [
    {},
    { privacyLevels: ['public'] },
    { accept: ({ type }) => type === 'goal' },
  ]

  function answers(index: SpaceIndex, now: number): unknown {
    return scopes.map((scope) => {
      const question = { limit: 20, now, ...scope }
      const hits = queries.map((query) => index.search(query, question))
      return { hits, list: index.list(question), sessions: index.sessions(question) }
    })
  }

  type Stored = Map<string, [DocumentFields, string]>

  function rebuilt(stored: Stored, now: number): SpaceIndex {
    const index = createSpaceIndex({ seed })
    const inOrder = [...stored.values()].toSorted(([a], [b]) => (a.id < b.id ? -1 : 1))
    for (const [fields, text] of inOrder) {
      if (fields.expiresAt === null || fields.expiresAt > now) index.put(fields, text)
    }
    return index
  }

  const words = ['tea', 'milk', 'lake', 'Alice:', 'Bob:', 'the', '東京', 'running']
  const put = fc.record({
    number: fc.nat(15),
    text: fc.array(fc.constantFrom(...words), { maxLength: 8 }).map((chosen) => chosen.join(' ')),
    sessionId: fc.constantFrom(null, 'one', 'two'),
    occurredAt: fc.nat(3),
    privacyLevel: fc.constantFrom('public', 'internal'),
    type: fc.constantFrom('fact', 'goal'),
    expiresAt: fc.option(fc.nat(400)),
  })
  const removal = fc.record({ remove: fc.nat(15) })
  const operations = fc.array(fc.oneof({ weight: 4, arbitrary: put }, removal), {
    maxLength: 300,
    size: 'max',
  })

  test('any operations give the index that is built from what is left', () => {
    fc.assert(
      fc.property(operations, (drawn) => {
        let index = createSpaceIndex({ seed })
        const stored: Stored = new Map()
        for (const [now, operation] of drawn.entries()) {
          if ('remove' in operation) {
            index.remove(idOf(operation.remove))
            stored.delete(idOf(operation.remove))
          } else {
            const { number, text, ...changes } = operation
            const fields = fieldsOf(number, changes)
            index.put(fields, text)
            stored.set(fields.id, [fields, text])
          }
          // What is dumped and loaded goes on as the same index.
          if (now % 37 === 36) index = loadSpaceIndex(copyOf(index.dump()), { seed })
          if (now % 100 === 50)
            assert.deepEqual(answers(index, now), answers(rebuilt(stored, now), now))
        }
        const now = drawn.length
        const fresh = rebuilt(stored, now)
        assert.deepEqual(answers(index, now), answers(fresh, now))
        assert.equal(index.size, fresh.size)
      }),
      { numRuns: 60, interruptAfterTimeLimit: 20_000 },
    )
  })

  test('what the caller may not see might as well not exist', () => {
    const memories = fc.array(put, { maxLength: 40 })
    fc.assert(
      fc.property(memories, (drawn) => {
        const index = createSpaceIndex({ seed })
        const visible = createSpaceIndex({ seed })
        for (const { text, ...changes } of drawn) {
          const fields = fieldsOf(changes.number, changes)
          index.put(fields, text)
          if (fields.privacyLevel === 'public') visible.put(fields, text)
          else visible.remove(fields.id)
        }
        const question = { limit: 50, now: 0 }
        const scope = { ...question, privacyLevels: ['public'] }
        for (const query of queries) {
          assert.deepEqual(index.search(query, scope), visible.search(query, question))
        }
        assert.deepEqual(index.list(scope), visible.list(question))
        assert.deepEqual(index.sessions(scope), visible.sessions(question))
      }),
      { numRuns: 300 },
    )
  })

  test('a long session stored in any order is the same session', () => {
    const put = (index: SpaceIndex, i: number): void =>
      index.put(fieldsOf(i, { sessionId: 's', occurredAt: i >> 3 }), i % 50 ? 'tea' : 'needle')
    const expected = createSpaceIndex({ seed })
    const backwards = createSpaceIndex({ seed })
    const scattered = createSpaceIndex({ seed })
    for (let i = 0; i < 400; i++) {
      put(expected, i)
      put(backwards, 399 - i)
      put(scattered, (i * 149) % 400)
    }
    const indexes = [expected, backwards, scattered]
    const wanted = expected.search('needle', all)
    assert.equal(wanted.length, 38)
    for (const index of indexes) assert.deepEqual(index.search('needle', all), wanted)
    for (const index of indexes) index.remove(idOf(151))
    for (const index of indexes) {
      assert.deepEqual(index.search('needle', all), expected.search('needle', all))
    }
  })
})

describe('memory', () => {
  test('replacing for ever does not grow the index', () => {
    const index = createSpaceIndex({ seed })
    const round = (n: number): void => {
      for (let i = 0; i < 100; i++) {
        const changes = {
          sessionId: `s${n}.${i}`,
          tags: [`t${n}.${i}`],
          metadata: { n, text: 'x'.repeat(50) },
        }
        index.put(fieldsOf(i, changes), `word${n}x${i} tea`)
      }
    }
    for (let n = 0; n < 5; n++) round(n)
    const early = index.bytes
    for (let n = 5; n < 60; n++) round(n)
    assert.ok(index.bytes < early * 1.5, `${early} bytes, then ${index.bytes}`)
    assert.equal(index.size, 100)
  })

  test('a memory of usual size takes less than 512 bytes', () => {
    const index = createSpaceIndex({ seed })
    const count = 5000
    for (let i = 0; i < count; i++) {
      const text = Array.from({ length: 33 }, (_, k) => `w${((i * 33 + k) * 7919) % 3000}`).join(
        ' ',
      )
      const changes = { sessionId: `s${i >> 4}`, tags: ['chat'], metadata: { source: 'chat' } }
      index.put(fieldsOf(i, changes), text)
    }
    const each = index.bytes / count
    assert.ok(each > 200 && each < 512, `${each} bytes`)
  })
})
