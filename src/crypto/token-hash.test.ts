import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import frozen from '../../test/vectors/sealed-v1.json' with { type: 'json' }
import { dataKey, newKeyMaterial } from './data-key.ts'
import {
  hashToken,
  newApiKey,
  newRefreshToken,
  publicIdOf,
  tokenMatches,
  wasIssued,
} from './token-hash.ts'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const pepper = dataKey(newKeyMaterial(), 1)

test('a key is lk_, 12 characters of id, _, 43 of secret and 6 of checksum [V11.5.1]', () => {
  const { text, publicId } = newApiKey()
  assert.match(text, /^lk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
  assert.equal(text.slice(3, 15), publicId)
  assert.equal(publicIdOf(text), publicId)
})

test('the checksum is the CRC-32 of what stands before it, in base 62', () => {
  for (let i = 0; i < 100; i++) {
    const { text, publicId } = newApiKey()
    assert.equal(publicIdOf(text), publicId)
    const value = [...text.slice(-6)].reduce((sum, digit) => sum * 62 + digits.indexOf(digit), 0)
    assert.equal(value, crc32(text.slice(0, -6)))
  }
})

test('a typo in any one character is told without a look-up', () => {
  const { text } = newApiKey()
  for (const [at, character] of [...text].entries()) {
    const typo = character === 'x' ? 'y' : 'x'
    assert.equal(publicIdOf(text.slice(0, at) + typo + text.slice(at + 1)), null, `at ${at}`)
  }
})

test('whatever is not a key is null, and never throws', () => {
  const { text } = newApiKey()
  const around = [
    ` ${text}`,
    `${text} `,
    `${text}\n`,
    text.slice(1),
    text.slice(0, -1),
    text + text,
  ]
  const other = ['', 'lk_', text.toUpperCase(), text.replace('lk_', 'sk_'), `Bearer ${text}`, '\0']
  const strange = [
    'é'.repeat(65),
    `lk_${'é'.repeat(12)}_${'0'.repeat(49)}`,
    '\ud800',
    '😀'.repeat(40),
  ]
  const long = ['a'.repeat(1_000_000), `lk_${'0'.repeat(1_000_000)}`, text.repeat(10_000)]
  for (const bad of [...around, ...other, ...strange, ...long]) assert.equal(publicIdOf(bad), null)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (bad) => assert.equal(publicIdOf(bad), null)),
  )
})

test('a token matches its own hash under its own pepper, and no other [trap-key-membership]', () => {
  const { text } = newApiKey()
  const hash = hashToken(pepper, text)
  assert.equal(hash.length, 32)
  assert.ok(tokenMatches(pepper, text, hash))
  assert.ok(!tokenMatches(pepper, newApiKey().text, hash))
  assert.ok(!tokenMatches(dataKey(newKeyMaterial(), 1), text, hash))
  for (const bad of [new Uint8Array(0), hash.subarray(0, 31), Buffer.concat([hash, hash])]) {
    assert.ok(!tokenMatches(pepper, text, bad))
  }
})

test('a strange or overlong token matches nothing and does not throw', () => {
  const hash = hashToken(pepper, newApiKey().text)
  for (const token of ['', '\0', 'é', 'x'.repeat(1_000_000)]) {
    assert.ok(!tokenMatches(pepper, token, hash))
  }
})

test('what was stored of a token long ago still matches it', () => {
  const known = dataKey(Buffer.from(frozen.material, 'hex'), 1)
  assert.ok(tokenMatches(known, frozen.token, Buffer.from(frozen.tokenHash, 'hex')))
})

test('the hash is not the token, nor a plain digest of it', () => {
  const { text } = newApiKey()
  assert.notDeepEqual(hashToken(pepper, text), dataKey(newKeyMaterial(), 1).mac('pepper', [text]))
  assert.notDeepEqual(hashToken(pepper, text), pepper.mac('row', [text]))
})

test('each character of the alphabet is drawn about equally often', () => {
  const keys = Array.from({ length: 2_000 }, () => newApiKey().text)
  assert.equal(new Set(keys).size, keys.length)
  const drawn = keys.map((text) => text.slice(3, 15) + text.slice(16, -6)).join('')
  const expected = drawn.length / 62
  let chiSquare = 0
  for (const digit of digits) {
    const count = drawn.split(digit).length - 1
    chiSquare += (count - expected) ** 2 / expected
  }
  // 61 degrees of freedom: beyond 140 once in 10^7 runs. Taking bytes modulo 62 gives about 700.
  assert.ok(chiSquare < 140, `chi square ${chiSquare}`)
})

test('a refresh token is lr_, and 32 characters longer [V11.5.1]', () => {
  const { text, publicId } = newRefreshToken(pepper)
  assert.match(text, /^lr_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}[0-9a-f]{32}[0-9A-Za-z]{6}$/)
  assert.equal(publicIdOf(text, 'refresh-token'), publicId)
  const next = newRefreshToken(pepper, publicId)
  assert.equal(next.publicId, publicId)
  assert.notEqual(next.text, text)
})

test('no kind of token passes for the other', () => {
  assert.equal(publicIdOf(newRefreshToken(pepper).text), null)
  assert.equal(publicIdOf(newApiKey().text, 'refresh-token'), null)
})

test('a refresh token proves that it was issued, under its own pepper only', () => {
  const { text, publicId } = newRefreshToken(pepper)
  assert.ok(wasIssued(pepper, text))
  assert.ok(!wasIssued(dataKey(newKeyMaterial(), 1), text))
  // Whoever has one token of a family can make no other of it.
  const other = newRefreshToken(dataKey(newKeyMaterial(), 1), publicId).text
  assert.ok(!wasIssued(pepper, other))
  assert.ok(!wasIssued(pepper, other.slice(0, 59) + text.slice(59)))
  assert.ok(!wasIssued(pepper, text.slice(0, 20) + other.slice(20, 59) + text.slice(59)))
})

test('what proves a token is not what is stored of it', () => {
  const { text } = newRefreshToken(pepper)
  const hash = hashToken(pepper, text)
  assert.ok(!text.includes(hash.toString('hex').slice(0, 32)))
  assert.ok(tokenMatches(pepper, text, hash))
})
