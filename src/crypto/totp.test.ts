import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toUtf8 } from '../core/encoding.ts'
import { stepsOfCode, totpCode, totpStep_ms } from './totp.ts'

/** RFC 6238, appendix B, SHA-1; the last six of its eight digits, since they are a remainder. */
const vectors = [
  [59, '94287082'],
  [1_111_111_109, '07081804'],
  [1_111_111_111, '14050471'],
  [1_234_567_890, '89005924'],
  [2_000_000_000, '69279037'],
  [20_000_000_000, '65353130'],
] as const

/** RFC 4226, appendix D. */
const counted = [
  '755224',
  '287082',
  '359152',
  '969429',
  '338314',
  '254676',
  '287922',
  '162583',
  '399871',
  '520489',
]

const seed = toUtf8('12345678901234567890')

test('codes are those of RFC 6238 and RFC 4226', () => {
  for (const [time_s, code] of vectors) {
    assert.equal(totpCode(seed, Math.floor((time_s * 1_000) / totpStep_ms)), code.slice(2))
  }
  for (const [step, code] of counted.entries()) assert.equal(totpCode(seed, step), code)
})

test('only the steps that are asked about are looked at, and only the whole code counts', () => {
  assert.deepEqual(stepsOfCode(seed, '338314', [3, 4, 5]), [4])
  assert.deepEqual(stepsOfCode(seed, '338314', [5, 6, 7]), [])
  for (const other of ['33831', '3383140', ' 338314', '３３８３１４', '']) {
    assert.deepEqual(stepsOfCode(seed, other, [3, 4, 5]), [], other)
  }
})
