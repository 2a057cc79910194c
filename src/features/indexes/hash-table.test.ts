import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HashTable } from './hash-table.ts'
import { partReader } from './parts.ts'

/** Things are their own numbers; `spread` says how many hashes there are for all of them. */
function tableOf(spread: number) {
  let wanted = 0
  const hashOf = (item: number): number => Math.imul(item % spread, 0x9e3779b1) >>> 0
  const table = new HashTable({ hashOf, isWanted: (item) => item === wanted })
  const find = (item: number): number => {
    wanted = item
    return table.find(hashOf(item))
  }
  return { table, find }
}

test('what is in it is found and nothing else, also where all things collide', () => {
  const steps = fc.array(fc.nat(300), { maxLength: 400, size: 'max' })
  for (const spread of [1, 3, 64, 1_000]) {
    fc.assert(
      fc.property(steps, (drawn) => {
        const { table, find } = tableOf(spread)
        const held = new Set<number>()
        for (const item of drawn) {
          if (held.delete(item)) table.remove(item)
          else {
            held.add(item)
            table.add(item)
          }
        }
        for (let item = 0; item <= 300; item++) {
          assert.equal(find(item), held.has(item) ? item : -1)
        }
      }),
      { numRuns: 30 },
    )
  }
})

test('it grows before it is full, and coming and going does not grow it', () => {
  const { table, find } = tableOf(1_000_000)
  for (let item = 0; item < 1_000; item++) table.add(item)
  const { bytes } = table
  assert.ok(bytes >= 1_000 * 4 * (4 / 3) && bytes <= 1_000 * 4 * (8 / 3) + 200, `${bytes} bytes`)
  for (let item = 1_000; item < 20_000; item++) {
    table.remove(item - 1_000)
    table.add(item)
  }
  assert.equal(table.bytes, bytes)
  assert.equal(find(19_999), 19_999)
  assert.equal(find(18_999), -1)
})

test('one that was loaded counts what it leaves behind when it grows', () => {
  const { table } = tableOf(1_000)
  table.add(1)
  const parts: ArrayBufferView[] = []
  const header = table.dump({ add: (...views) => void parts.push(...views) })
  const slots = new Uint32Array(new ArrayBuffer(1024), 0, 64)
  slots.set(parts[0] as Uint32Array)
  const { table: loaded } = tableOf(1_000)
  loaded.load({ header, parts: partReader([slots]) })
  for (const one of [table, loaded]) for (let item = 2; item < 100; item++) one.add(item)
  assert.equal(loaded.bytes, table.bytes + slots.byteLength)
})
