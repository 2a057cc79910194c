import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { failsWith } from '../../test/stores.ts'
import { sealingKey } from './aead.ts'
import { newKeyMaterial } from './data-key.ts'
import {
  type FileOwner,
  frameLength,
  headKeyVersion,
  headLength,
  length_bytes,
  newFileId,
  openHead,
  openPiece,
  type PiecePlace,
  preamble_bytes,
  sealHead,
  sealPiece,
} from './sealed-file.ts'

const key = sealingKey(newKeyMaterial(), 7)
const owner: FileOwner = { tenant: 'ten_a', space: 'spc_a', purpose: 'a' }
const bytes = Buffer.from('what is sealed')
const at: PiecePlace = { id: newFileId(), version: 3, number: 1, isLast: false }

const headOf = (file: Uint8Array): Uint8Array => file.subarray(preamble_bytes)
const pieceOf = (frame: Uint8Array): Uint8Array => frame.subarray(length_bytes)

test('a head and a piece come back, and say how long they are and whose key it was', () => {
  const file = sealHead(key, owner, bytes)
  assert.equal(headLength(file), headOf(file).length)
  assert.equal(headKeyVersion(headOf(file)), 7)
  assert.deepEqual(openHead(key, owner, headOf(file)), bytes)
  const frame = sealPiece(key, { owner, at, bytes })
  assert.equal(frameLength(frame), pieceOf(frame).length)
  assert.deepEqual(openPiece(key, { owner, at, bytes: pieceOf(frame) }), bytes)
})

test('what does not begin as our files do is none of ours', () => {
  const file = sealHead(key, owner, bytes)
  for (let index = 0; index < preamble_bytes - length_bytes; index++) {
    const other = Buffer.from(file)
    other[index] = (other[index] as number) ^ 1
    assert.equal(headLength(other), null)
  }
})

test('two files are told apart, whoever owns them', () => {
  assert.notEqual(newFileId(), newFileId())
  assert.match(newFileId(), /^[0-9a-f]{32}$/)
})

describe('a seal opens nowhere but where it stands', () => {
  const owners: readonly FileOwner[] = [
    { ...owner, tenant: 'ten_b' },
    { ...owner, space: 'spc_b' },
    { ...owner, purpose: 'b' },
  ]
  const places: readonly PiecePlace[] = [
    { ...at, id: newFileId() },
    { ...at, version: 4 },
    { ...at, number: 2 },
    { ...at, isLast: true },
  ]
  const head = headOf(sealHead(key, owner, bytes))
  const piece = pieceOf(sealPiece(key, { owner, at, bytes }))
  const refused = failsWith('integrity_failed')

  test('another owner', () => {
    for (const other of owners) {
      assert.throws(() => openHead(key, other, head), refused)
      assert.throws(() => openPiece(key, { owner: other, at, bytes: piece }), refused)
    }
  })

  test('another place in the file, or another file', () => {
    for (const other of places) {
      assert.throws(() => openPiece(key, { owner, at: other, bytes: piece }), refused)
    }
  })

  test('a head is no piece and a piece no head', () => {
    assert.throws(() => openPiece(key, { owner, at, bytes: head }), refused)
    assert.throws(() => openHead(key, owner, piece), refused)
  })

  test('another key, or another version of it', () => {
    assert.throws(() => openHead(sealingKey(newKeyMaterial(), 7), owner, head), refused)
    assert.throws(() => openHead({ ...key, version: 8 }, owner, head), refused)
  })
})
