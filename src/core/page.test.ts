import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { toBase64Url, toUtf8 } from './encoding.ts'
import { LocketError } from './errors.ts'
import { fromCursor, toCursor, toPage } from './page.ts'

const invalid = { name: 'LocketError', code: 'invalid_cursor' }

test('a cursor gives back the id that it was made from', () => {
  const cursor = toCursor('memories.list', 'mem_01ARZ3NDEKTSV4RRFFQ69G5FAV')
  assert.match(cursor, /^[A-Za-z0-9_-]+$/)
  assert.equal(fromCursor('memories.list', cursor), 'mem_01ARZ3NDEKTSV4RRFFQ69G5FAV')
})

test('a cursor of another list is refused', () => {
  const cursor = toCursor('memories.list', 'mem_1')
  assert.throws(() => fromCursor('api-keys.list', cursor), invalid)
  assert.throws(() => fromCursor('memories.lis', cursor), invalid)
})

test('what is not a cursor is refused', () => {
  const encoded = (text: string): string => toBase64Url(toUtf8(text))
  const bad = [
    '',
    '!',
    'AA==',
    encoded(''),
    encoded('1 list'),
    encoded('1 list '),
    encoded('2 list x'),
  ]
  for (const cursor of [...bad, encoded('1 list a b'), encoded('1 list é'), encoded('1  list x')]) {
    assert.throws(() => fromCursor('list', cursor), invalid, cursor)
  }
  assert.throws(() => fromCursor('list', toBase64Url(Uint8Array.of(0x31, 0xff))), invalid)
})

test('no text makes reading a cursor fail in another way', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
      try {
        fromCursor('list', text)
      } catch (error) {
        assert.ok(error instanceof LocketError && error.code === 'invalid_cursor')
      }
    }),
  )
})

const options = { list: 'list', id: (row: number) => `id${row}`, item: (row: number) => row * 10 }

test('one row more than the limit means that there is a next page, and is not shown', () => {
  const page = toPage([1, 2, 3], { ...options, limit: 2 })
  assert.deepEqual(page.items, [10, 20])
  assert.equal(fromCursor('list', page.nextCursor ?? ''), 'id2')
})

test('the last page has no cursor', () => {
  assert.deepEqual(toPage([1, 2], { ...options, limit: 2 }), { items: [10, 20], nextCursor: null })
  assert.deepEqual(toPage([], { ...options, limit: 2 }), { items: [], nextCursor: null })
})
