import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSessionLevels } from './session-levels.ts'

test('a session of two levels has a row; when one level is left, another session has it', () => {
  const levels = createSessionLevels()
  const [first, second] = [
    { level: 1, length: 5 },
    { level: 2, length: 7 },
  ]
  const one = { documents: 1, length: 5 }
  const count = 1_000
  for (let session = 0; session < count; session++) {
    levels.add(session, first, { documents: 0, length: 0 })
  }
  const unmixed = levels.bytes
  const half = count / 2
  for (let session = 0; session < half; session++) levels.add(session, second, one)
  const mixed = levels.bytes
  assert.ok(mixed > unmixed)
  for (let session = 0; session < half; session++) levels.remove(session, second, one)
  for (let session = half; session < count; session++) levels.add(session, second, one)
  assert.equal(levels.bytes, mixed)
  const onlySecond = Uint8Array.of(0, 0, 1)
  assert.equal(levels.seen(onlySecond), half)
  const all = { documents: 2, length: 12 }
  assert.deepEqual(levels.totalsOf(0, onlySecond, one), { documents: 0, length: 0 })
  assert.deepEqual(levels.totalsOf(half, onlySecond, all), { documents: 1, length: 7 })
  assert.deepEqual(levels.totalsOf(half, Uint8Array.of(0, 1, 1), all), all)
})
