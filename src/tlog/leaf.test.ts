import assert from 'node:assert/strict'
import { it } from 'node:test'
import { leafEntry, readLeaf } from './leaf.ts'

const leaf = {
  id: 'evt_01ARZ3NDEKTSV4RRFFQ69G5FAV',
  time: 1_700_000_000_000,
  class: 'read',
  hash: Buffer.alloc(32, 5),
}

it('an entry is JSON with its members in order, and is read back', () => {
  const entry = Buffer.from(leafEntry(leaf))
  const value = JSON.parse(entry.toString()) as Record<string, unknown>
  assert.equal(JSON.stringify(value), entry.toString())
  assert.deepEqual(Object.keys(value), Object.keys(value).toSorted())
  assert.deepEqual(readLeaf(entry), leaf)
})

it('what is not exactly an entry of ours is none', () => {
  const entry = Buffer.from(leafEntry(leaf)).toString()
  const broken = [
    entry.replace('"v":1', '"v":2'),
    entry.replace('"v":1', '"v":1,"w":1'),
    entry.replace('read', 're ad'),
    ` ${entry}`,
    entry.replace('evt_', 'usr_'),
  ]
  for (const one of broken) assert.equal(readLeaf(Buffer.from(one)), null, one)
})
