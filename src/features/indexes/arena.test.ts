import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Arena, arenaEntry_bytes_max } from './arena.ts'

const bytesOf = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill)

function read(arena: Arena, owner: number): Uint8Array {
  const address = arena.find(owner)
  const start = arena.startOf(address)
  return Uint8Array.from(arena.pageOf(address).subarray(start, start + arena.lengthOf(address)))
}

describe('arena', () => {
  test('the longest entry is kept whole, and a longer one is refused', () => {
    const arena = new Arena()
    const longest = bytesOf(arenaEntry_bytes_max, 7)
    arena.put(0, longest, longest.length)
    arena.put(1, longest, longest.length)
    assert.deepEqual(read(arena, 0), longest)
    assert.deepEqual(read(arena, 1), longest)
    const longer = bytesOf(arenaEntry_bytes_max + 1, 7)
    assert.throws(() => arena.put(2, longer, longer.length), /fits into a page/)
  })

  test('only so many of the bytes are taken, and as a copy', () => {
    const arena = new Arena()
    const from = Uint8Array.of(1, 2, 3, 4)
    arena.put(5, from, 2)
    from.fill(9)
    assert.deepEqual([...read(arena, 5)], [1, 2])
  })

  test('replacing for ever keeps within twice what is in use', () => {
    const arena = new Arena()
    const owners = 2_000
    for (let owner = 0; owner < owners; owner++) arena.put(owner, bytesOf(94, 1), 94)
    for (let round = 0; round < 30; round++) {
      for (let i = 0; i < owners; i++) {
        const owner = (i * 7 + round) % owners
        arena.remove(owner)
        arena.put(owner, bytesOf(94, round), 94)
      }
    }
    assert.ok(arena.bytes < 2.3 * owners * 104, `${arena.bytes} bytes`)
    for (let owner = 0; owner < owners; owner++) assert.equal(read(arena, owner)[93], 29)
  })

  test('what is emptied is given back', () => {
    const arena = new Arena()
    for (let owner = 0; owner < 1_000; owner++) arena.put(owner, bytesOf(1_000, 1), 1_000)
    assert.ok(arena.bytes > 1_000_000)
    for (let owner = 0; owner < 1_000; owner++) arena.remove(owner)
    assert.ok(arena.bytes < 100_000, `${arena.bytes} bytes`)
  })
})

test('whatever comes and goes, each owner reads its own bytes', () => {
  const put = fc.record({ owner: fc.nat(40), length: fc.nat(9_000) })
  fc.assert(
    fc.property(fc.array(put, { maxLength: 200, size: 'max' }), (steps) => {
      const arena = new Arena()
      const kept = new Map<number, Uint8Array>()
      for (const [step, { owner, length }] of steps.entries()) {
        if (kept.delete(owner)) arena.remove(owner)
        else {
          const bytes = bytesOf(length, step % 251)
          arena.put(owner, bytes, length)
          kept.set(owner, bytes)
        }
      }
      for (const [owner, bytes] of kept) assert.ok(Buffer.from(bytes).equals(read(arena, owner)))
    }),
    { numRuns: 40 },
  )
})
