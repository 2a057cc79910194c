import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { idPattern, idPrefixes, isId, newId } from './ids.ts'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** Later than what any other test of this process used: ids never go back. */
const start_ms = 4_000_000_000_000

/** The UUID in an id, as an integer of 128 bits: an independent way back. */
function uuidOf(id: string): bigint {
  let value = 0n
  for (const character of id.slice(4)) value = value * 32n + BigInt(alphabet.indexOf(character))
  return value
}

test('an id is its prefix, an underscore and 26 characters of Crockford base32', () => {
  for (const prefix of Object.values(idPrefixes)) {
    const id = newId(prefix, Date.now)
    assert.match(id, new RegExp(`^${prefix}_[0-7][${alphabet}]{25}$`))
    assert.ok(isId(prefix, id))
  }
})

test('prefixes are three letters, and no two kinds share one', () => {
  const prefixes = Object.values(idPrefixes)
  assert.equal(new Set(prefixes).size, prefixes.length)
  for (const prefix of prefixes) assert.match(prefix, /^[a-z]{3}$/)
})

test('an id of another kind, or another shape, is not one', () => {
  const id = newId('mem', Date.now)
  const bad = [id.toLowerCase(), id.slice(0, -1), `${id}0`, ` ${id}`, `${id}\n`, id.slice(4), '']
  for (const text of [...bad, 'mem_', `mem_${'8'.repeat(26)}`, `mem_${'U'.repeat(26)}`]) {
    assert.ok(!isId('mem', text), JSON.stringify(text))
  }
  assert.ok(!isId('spc', id))
  assert.ok(idPattern('spc', 'mem').test(id))
  assert.ok(!idPattern('spc', 'usr').test(id))
  assert.ok(!idPattern('spc', 'mem').test(`spc_${id}`))
})

test('time, version, counter and variant stand where RFC 9562 puts them', () => {
  const time_ms = start_ms + 1_000
  const first = uuidOf(newId('mem', () => time_ms))
  const second = uuidOf(newId('mem', () => time_ms))
  for (const [counter, uuid] of [first, second].entries()) {
    assert.equal(uuid >> 80n, BigInt(time_ms), 'unix_ts_ms, 48 bits')
    assert.equal((uuid >> 76n) & 0xfn, 7n, 'ver')
    assert.equal((uuid >> 64n) & 0xfffn, BigInt(counter), 'rand_a holds the counter')
    assert.equal((uuid >> 62n) & 0b11n, 0b10n, 'var')
  }
  assert.notEqual(first & 0x3fffffffffffffffn, second & 0x3fffffffffffffffn, 'rand_b')
})

test('ids rise strictly while the clock stands still, beyond the 4,096 of the counter', () => {
  const ids = Array.from({ length: 10_000 }, () => newId('mem', () => start_ms + 2_000))
  for (const [index, id] of ids.slice(1).entries()) assert.ok(id > (ids[index] ?? ''))
})

test('ids rise strictly whatever the clock does', () => {
  const steps = fc.array(fc.integer({ min: -100_000, max: 1_000 }), { maxLength: 200 })
  let now_ms = start_ms + 10_000
  let last: string = newId('evt', () => now_ms)
  fc.assert(
    fc.property(steps, (deltas) => {
      for (const delta of deltas) {
        now_ms += delta
        const next = newId('evt', () => now_ms)
        assert.ok(next > last)
        last = next
      }
    }),
  )
})

test('the random half of ids does not repeat and uses every bit', () => {
  const randoms = Array.from({ length: 2_000 }, () => uuidOf(newId('mem', Date.now)))
  const mask = 0x3fffffffffffffffn
  assert.equal(new Set(randoms.map((uuid) => uuid & mask)).size, randoms.length)
  assert.equal(randoms.reduce((bits, uuid) => bits | uuid, 0n) & mask, mask)
  assert.equal(randoms.reduce((bits, uuid) => bits & uuid, mask) & mask, 0n)
})
