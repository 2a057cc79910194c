import assert from 'node:assert/strict'
import { test } from 'node:test'
import frozen from '../../test/vectors/sealed-v1.json' with { type: 'json' }
import { blindIndex, hashed } from './blind-index.ts'
import { dataKey, type MacPurpose, macsEqual, newKeyMaterial, zero } from './data-key.ts'
import { sha256 } from './digest.ts'
import { randomBytes } from './random.ts'

const key = dataKey(newKeyMaterial(), 1)
const purposes = Object.keys(frozen.macs) as MacPurpose[]

test('what was MACed long ago has the same MAC forever', () => {
  const made = dataKey(Buffer.from(frozen.material, 'hex'), 1)
  for (const purpose of purposes) {
    assert.equal(made.mac(purpose, frozen.macParts).toString('hex'), frozen.macs[purpose], purpose)
  }
})

test('every purpose, key and division of the same text has a MAC of its own', () => {
  const other = dataKey(newKeyMaterial(), 1)
  const macs = [
    ...purposes.map((purpose) => key.mac(purpose, ['ab'])),
    other.mac('row', ['ab']),
    key.mac('row', ['a', 'b']),
    key.mac('row', ['ab', '']),
    key.mac('row', []),
  ].map((mac) => mac.toString('hex'))
  assert.equal(new Set(macs).size, macs.length)
  assert.ok(macs.every((mac) => mac.length === 64))
})

test('text and its UTF-8 bytes are the same part', () => {
  assert.deepEqual(key.mac('row', ['é']), key.mac('row', [Buffer.from('é')]))
})

test('a key works on after its material was overwritten', () => {
  const material = newKeyMaterial()
  const same = dataKey(Buffer.from(material), 1)
  const made = dataKey(material, 1)
  zero(material)
  assert.deepEqual(material, Buffer.alloc(32))
  assert.deepEqual(made.mac('row', ['a']), same.mac('row', ['a']))
  assert.deepEqual(made.sealing.commitment, same.sealing.commitment)
})

test('the sealing key has the version of its data key', () => {
  assert.equal(dataKey(newKeyMaterial(), 9).sealing.version, 9)
})

test('MACs are equal only when all their bytes are', () => {
  const mac = key.mac('row', ['a'])
  assert.ok(macsEqual(mac, Buffer.from(mac)))
  assert.ok(!macsEqual(mac, mac.subarray(1)))
  assert.ok(!macsEqual(mac, Buffer.alloc(0)))
  for (let at = 0; at < mac.length; at++) {
    assert.ok(
      !macsEqual(
        mac,
        mac.map((byte, index) => (index === at ? byte ^ 1 : byte)),
      ),
    )
  }
})

test('random bytes have the length asked for, a buffer of their own, and do not repeat', () => {
  const drawn = Array.from({ length: 1_000 }, () => randomBytes(32))
  assert.equal(new Set(drawn.map((bytes) => bytes.toString('hex'))).size, 1_000)
  assert.ok(drawn.every((bytes) => bytes.length === 32 && bytes.buffer.byteLength === 32))
  assert.equal(randomBytes(0).length, 0)
})

test('equal values of one kind meet in a blind index, and nothing else does', () => {
  const index = (kind: string, value: string): string =>
    Buffer.from(blindIndex(key, kind, value)).toString('hex')
  assert.equal(index('handle', 'user:alice'), index('handle', 'user:alice'))
  const others = [
    index('handle', 'user:Alice'),
    index('email', 'user:alice'),
    index('handleu', 'ser:alice'),
  ]
  assert.ok(others.every((other) => other !== index('handle', 'user:alice')))
  const elsewhere = blindIndex(dataKey(newKeyMaterial(), 1), 'handle', 'user:alice')
  assert.notEqual(Buffer.from(elsewhere).toString('hex'), index('handle', 'user:alice'))
  assert.equal(elsewhere.length, 32)
})

test('declaring bytes a keyed hash changes nothing in them', () => {
  const bytes = key.mac('pepper', ['a'])
  assert.equal(hashed(bytes), bytes)
})

test('sha256 is SHA-256: the example of FIPS 180-4', () => {
  const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  assert.equal(sha256(Buffer.from('abc')).toString('hex'), digest)
})
