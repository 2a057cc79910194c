import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import frozen from '../../test/vectors/sealed-v1.json' with { type: 'json' }
import { LocketError } from '../core/errors.ts'
import {
  open,
  overhead_bytes,
  type Place,
  seal,
  sealedKeyVersion,
  sealingKey,
  sealWithNonce,
} from './aead.ts'
import { randomBytes } from './random.ts'

const failed = { name: 'LocketError', code: 'integrity_failed' }
const place: Place = {
  tenant: 'ten_1',
  space: 'spc_1',
  table: 'memories',
  row: 'mem_1',
  column: 'record',
  version: 3,
}
const key = sealingKey(randomBytes(32), 7)
const plaintext = Buffer.from('Alice takes her coffee without sugar')

/** Why a value did not open: what goes to the log, and never to the caller. */
function reasonOf(attempt: () => unknown): string {
  try {
    attempt()
  } catch (error) {
    assert.ok(error instanceof LocketError && error.code === 'integrity_failed')
    assert.equal(error.detail, undefined, 'callers learn one thing for every reason')
    return error.cause instanceof Error ? error.cause.message : ''
  }
  assert.fail('it opened')
}

describe('the format', () => {
  test('a value sealed long ago opens forever [V11.2.2]', () => {
    const made = sealingKey(Buffer.from(frozen.material, 'hex'), frozen.keyVersion)
    const opened = open(made, frozen.place, Buffer.from(frozen.sealed, 'hex'))
    assert.equal(opened.toString(), frozen.plaintext)
  })

  test('sealing makes the very same bytes today', () => {
    const made = sealingKey(Buffer.from(frozen.material, 'hex'), frozen.keyVersion)
    const nonce = Buffer.from(frozen.nonce, 'hex')
    const input = { plaintext: Buffer.from(frozen.plaintext), nonce }
    const sealed = Buffer.from(sealWithNonce(made, frozen.place, input))
    assert.equal(sealed.toString('hex'), frozen.sealed)
  })

  test('a text is sealed as its UTF-8', () => {
    const nonce = new Uint8Array(12).fill(3)
    for (const text of ['', '{}', 'tea', 'Grüße, 茶 \u{1f375}', 'x'.repeat(100_000)]) {
      const asText = sealWithNonce(key, place, { plaintext: text, nonce })
      const asBytes = sealWithNonce(key, place, { plaintext: Buffer.from(text), nonce })
      assert.deepEqual(asText, asBytes)
      assert.equal(open(key, place, asText).toString(), text)
    }
  })

  test('is a format byte, key version, commitment, nonce, ciphertext and tag', () => {
    const sealed = Buffer.from(seal(key, place, plaintext))
    assert.equal(sealed[0], 1)
    assert.equal(sealed.readUInt32BE(1), 7)
    assert.deepEqual(sealed.subarray(5, 21), key.commitment)
    assert.equal(sealed.length, plaintext.length + overhead_bytes)
    assert.equal(overhead_bytes, 1 + 4 + 16 + 12 + 16)
  })

  test('the key version is read to its last bit', () => {
    const last = sealingKey(randomBytes(32), 0xffffffff)
    assert.equal(sealedKeyVersion(seal(last, place, plaintext)), 0xffffffff)
  })

  test('the commitment is not the key, and each key has its own', () => {
    assert.notDeepEqual(key.commitment, key.key.export().subarray(0, 16))
    assert.notDeepEqual(sealingKey(randomBytes(32), 7).commitment, key.commitment)
  })
})

describe('open after seal', () => {
  const part = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => text.isWellFormed())
  const anyPlace = fc.record({
    tenant: part,
    space: part,
    table: part,
    row: part,
    column: part,
    version: fc.nat(),
  })

  test('gives back any plaintext for any place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), anyPlace, (bytes, where) => {
        const opened = open(key, where, seal(key, where, bytes))
        assert.deepEqual(new Uint8Array(opened), bytes)
      }),
    )
  })

  test('gives back nothing for any other place', () => {
    fc.assert(
      fc.property(anyPlace, anyPlace, (where, elsewhere) => {
        fc.pre(JSON.stringify(where) !== JSON.stringify(elsewhere))
        assert.throws(() => open(key, elsewhere, seal(key, where, plaintext)), failed)
      }),
    )
  })

  test('works on a view into a larger buffer', () => {
    const sealed = seal(key, place, plaintext)
    const larger = Buffer.concat([randomBytes(13), sealed, randomBytes(5)])
    const view = new Uint8Array(larger.buffer, larger.byteOffset + 13, sealed.length)
    assert.deepEqual(open(key, place, view), plaintext)
  })

  test('no two seals of one value are alike', () => {
    const texts = Array.from({ length: 500 }, () =>
      Buffer.from(seal(key, place, plaintext)).toString('hex'),
    )
    assert.equal(new Set(texts.map((text) => text.slice(42, 66))).size, 500, 'nonces')
    assert.equal(new Set(texts.map((text) => text.slice(66))).size, 500, 'ciphertexts')
  })
})

describe('tampering [V11.3.3] [V11.2.5]', () => {
  test('every bit flipped, and the value does not open', () => {
    const sealed = seal(key, place, plaintext)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const altered = Uint8Array.from(sealed)
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.throws(() => open(key, place, altered), failed, `bit ${bit}`)
    }
  })

  test('cut to every shorter length, at either end, or made longer', () => {
    const sealed = seal(key, place, plaintext)
    for (let length = 0; length < sealed.length; length++) {
      assert.throws(() => open(key, place, sealed.subarray(0, length)), failed, `${length}`)
      assert.throws(() => open(key, place, sealed.subarray(-length || sealed.length)), failed)
    }
    assert.throws(() => open(key, place, Buffer.concat([sealed, Buffer.alloc(1)])), failed)
  })

  test('every part of the place is bound', () => {
    const sealed = seal(key, place, plaintext)
    const parts = ['tenant', 'space', 'table', 'row', 'column'] as const
    for (const part of parts) {
      for (const other of ['', `${place[part]}x`, place[part].slice(1), place.row.toUpperCase()]) {
        assert.deepEqual(open(key, place, sealed), plaintext)
        assert.throws(() => open(key, { ...place, [part]: other }, sealed), failed, part)
      }
    }
    for (const version of [0, 2, 4, -3, 3.5]) {
      assert.throws(() => open(key, { ...place, version }, sealed), failed)
    }
  })

  test('parts of the place cannot lend each other characters', () => {
    const sealed = seal(key, { ...place, tenant: 'ab', space: 'c' }, plaintext)
    assert.throws(() => open(key, { ...place, tenant: 'a', space: 'bc' }, sealed), failed)
    assert.throws(() => open(key, { ...place, tenant: 'c', space: 'ab' }, sealed), failed)
  })

  test('head and body of two values cannot be joined', () => {
    const one = seal(key, place, plaintext)
    let two = one
    // One in 256 differs from the first only after the first cut: joined there it would be whole.
    while (Buffer.compare(one.subarray(0, 22), two.subarray(0, 22)) === 0)
      two = seal(key, place, plaintext)
    for (const cut of [22, 32, 33, 50, one.length - 16]) {
      const joined = Buffer.concat([one.subarray(0, cut), two.subarray(cut)])
      assert.throws(() => open(key, place, joined), failed, `${cut}`)
    }
  })
})

describe('another key', () => {
  const sealed = seal(key, place, plaintext)

  test('of another version is told by its number', () => {
    const other = sealingKey(randomBytes(32), 8)
    assert.match(
      reasonOf(() => open(other, place, sealed)),
      /key version/,
    )
  })

  test('of the same version is told by its commitment, before anything is decrypted', () => {
    const other = sealingKey(randomBytes(32), 7)
    assert.match(
      reasonOf(() => open(other, place, sealed)),
      /commitment/,
    )
  })

  test('with a forged commitment is told by the tag', () => {
    const other = sealingKey(randomBytes(32), 7)
    const forged = Uint8Array.from(sealed)
    forged.set(other.commitment, 5)
    assert.match(
      reasonOf(() => open(other, place, forged)),
      /tag/,
    )
  })

  test('another format is told by its form', () => {
    for (const format of [0, 2, 255]) {
      assert.match(
        reasonOf(() => open(key, place, Uint8Array.from(sealed).with(0, format))),
        /form/,
      )
    }
    assert.match(
      reasonOf(() => sealedKeyVersion(new Uint8Array(0))),
      /form/,
    )
  })
})

describe('seals are counted [V11.3.4]', () => {
  test('each seal counts once, opening counts nothing', () => {
    const fresh = sealingKey(randomBytes(32), 1)
    assert.equal(fresh.seals, 0)
    const sealed = seal(fresh, place, plaintext)
    seal(fresh, place, plaintext)
    open(fresh, place, sealed)
    assert.equal(fresh.seals, 2)
  })

  test('at 2^32 the key seals no more, and still opens', () => {
    const worn = sealingKey(randomBytes(32), 1)
    worn.seals = 2 ** 32 - 1
    const last = seal(worn, place, plaintext)
    assert.throws(() => seal(worn, place, plaintext), { code: 'internal' })
    assert.equal(worn.seals, 2 ** 32)
    assert.deepEqual(open(worn, place, last), plaintext)
  })
})
