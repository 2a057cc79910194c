import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dataKey, newKeyMaterial } from './data-key.ts'
import { randomBytes } from './random.ts'
import { signingKey, signingKeyOf, verifyingKey } from './signing-key.ts'

const message = Buffer.from('a line')

test('one data key gives one signing key for each purpose', () => {
  const key = dataKey(newKeyMaterial(), 1)
  const other = dataKey(newKeyMaterial(), 1)
  const first = signingKeyOf(key, 'tombstones').publicKey
  assert.deepEqual(signingKeyOf(key, 'tombstones').publicKey, first)
  assert.notDeepEqual(signingKeyOf(key, 'checkpoints').publicKey, first)
  assert.notDeepEqual(signingKeyOf(other, 'tombstones').publicKey, first)
  assert.equal(first.length, 32)
})

test('a signature is checked with the public key alone', () => {
  const key = signingKey(randomBytes(32))
  const signature = key.sign(message)
  assert.ok(verifyingKey(key.publicKey).verifies(message, signature))
  assert.ok(!verifyingKey(signingKey(randomBytes(32)).publicKey).verifies(message, signature))
})

test('every bit of a signature counts, and a malformed one is simply not one', () => {
  const key = signingKey(randomBytes(32))
  const signature = key.sign(message)
  for (let bit = 0; bit < signature.length * 8; bit++) {
    const altered = Buffer.from(signature)
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.ok(!key.verifies(message, altered), `bit ${bit}`)
  }
  for (const bad of [Buffer.alloc(0), signature.subarray(1), Buffer.concat([signature, message])]) {
    assert.ok(!key.verifies(message, bad))
  }
})

test('a seed or a public key of another length is refused', () => {
  for (const length of [0, 31, 33]) {
    assert.throws(() => signingKey(randomBytes(length)))
    assert.throws(() => verifyingKey(randomBytes(length)))
  }
})
