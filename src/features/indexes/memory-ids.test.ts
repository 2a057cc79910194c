import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { newId } from '../../core/ids.ts'
import { idOf } from './document-fixture.ts'
import { createMemoryIds } from './memory-ids.ts'

const body = fc
  .tuple(
    fc.constantFrom(...'01234567'),
    fc.string({
      unit: fc.constantFrom(...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'),
      minLength: 25,
      maxLength: 25,
    }),
  )
  .map(([first, rest]) => `mem_${first}${rest}`)

test('any ids come back as they were given, in the order of their texts', () => {
  fc.assert(
    fc.property(fc.uniqueArray(body, { maxLength: 80 }), (texts) => {
      const ids = createMemoryIds()
      for (const [document, text] of texts.entries()) ids.add(document, text)
      const documents = texts.map((_, document) => document)
      assert.deepEqual(
        documents.map((document) => ids.text(document)),
        texts,
      )
      assert.deepEqual(
        texts.map((text) => ids.find(text)),
        documents,
      )
      const inOrder = documents.toSorted((a, b) => ids.compare(a, b)).map((one) => texts[one])
      assert.deepEqual(inOrder, texts.toSorted())
    }),
    { numRuns: 60 },
  )
})

describe('ids', () => {
  test('one that was looked for in vain is added as itself, whatever was asked meanwhile', () => {
    const ids = createMemoryIds()
    const [first, second] = [newId('mem', () => 1_000), newId('mem', () => 2_000)]
    assert.equal(ids.find(first), -1)
    assert.equal(ids.find(second), -1)
    assert.equal(ids.find('mem_'), -1)
    ids.add(0, first)
    ids.add(1, second)
    assert.deepEqual([ids.text(0), ids.text(1)], [first, second])
    assert.deepEqual([ids.find(second), ids.find(first)], [1, 0])
  })

  test('what is no id of a memory is not found, and is refused', () => {
    const ids = createMemoryIds()
    const id = newId('mem', () => 1_700_000_000_000)
    ids.add(0, id)
    const others = [
      '',
      'mem_',
      id.slice(0, -1),
      `${id}0`,
      id.replace('mem', 'spc'),
      id.toLowerCase(),
      `mem_8${'0'.repeat(25)}`,
      `mem_0${'U'.repeat(25)}`,
      `mem_0${'é'.repeat(25)}`,
    ]
    for (const other of others) {
      assert.equal(ids.find(other), -1, other)
      assert.throws(() => ids.add(1, other), /the id of one/, other)
    }
    assert.equal(ids.find(id), 0)
  })

  test('a removed id is not found, and a document may have another', () => {
    const ids = createMemoryIds()
    for (let document = 0; document < 200; document++) ids.add(document, idOf(document))
    for (let document = 0; document < 200; document += 2) ids.remove(document)
    for (let document = 0; document < 200; document++) {
      assert.equal(ids.find(idOf(document)), document % 2 === 0 ? -1 : document)
    }
    ids.add(0, idOf(777))
    assert.equal(ids.find(idOf(777)), 0)
    assert.equal(ids.text(0), idOf(777))
  })

  test('about 16 bytes and a place in the table for each', () => {
    const ids = createMemoryIds()
    const count = 20_000
    for (let document = 0; document < count; document++) ids.add(document, idOf(document))
    assert.ok(ids.bytes / count < 16 + 4 * (8 / 3) + 2, `${ids.bytes / count} bytes`)
  })
})

test('what is no id is refused by ids that nothing was looked for in yet', () => {
  const ids = createMemoryIds()
  assert.equal(ids.find(''), -1)
  assert.throws(() => ids.add(0, ''))
})
