import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newRecoveryCode, plainRecoveryCode } from './recovery-code.ts'

test('a code has 120 bits, all of which change [V6.5.2]', () => {
  const codes = Array.from({ length: 2_000 }, newRecoveryCode)
  const seen = Array.from({ length: 24 }, () => new Set<string>())
  for (const code of codes) {
    assert.match(code, /^(?:[0-9A-HJKMNP-TV-Z]{6}-){3}[0-9A-HJKMNP-TV-Z]{6}$/)
    for (const [at, one] of [...plainRecoveryCode(code)].entries()) seen[at]?.add(one)
  }
  assert.equal(new Set(codes).size, codes.length)
  // 24 places of 32 letters each: 5 bits times 24.
  for (const letters of seen) assert.equal(letters.size, 32)
})

test('however it is typed it is the same text, and nothing else is', () => {
  const plain = '01ABCDEFGHJKMNPQRSTVWXYZ'
  for (const typed of [
    '01ABCD-EFGHJK-MNPQRS-TVWXYZ',
    ' 01abcd efghjk mnpqrs tvwxyz\t',
    'OIabcd-efghjk-mnpqrs-tvwxyz',
    'oLABCDEFGHJKMNPQRSTVWXYZ',
  ]) {
    assert.equal(plainRecoveryCode(typed), plain, typed)
  }
  assert.notEqual(plainRecoveryCode(`${plain}0`), plain)
})
