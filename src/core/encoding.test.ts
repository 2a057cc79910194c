import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  base62Character,
  fromBase32,
  fromBase64,
  fromBase64Url,
  fromUtf8,
  lengthPrefixed,
  toBase32,
  toBase62,
  toBase64Url,
  toRfcBase32,
  toUtf8,
} from './encoding.ts'

const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 })
const wellFormed = fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed())

describe('UTF-8', () => {
  test('well-formed text comes back, and a byte order mark is a character like others', () => {
    fc.assert(fc.property(wellFormed, (text) => assert.equal(fromUtf8(toUtf8(text)), text)))
    assert.equal(fromUtf8(toUtf8('\ufeffa')), '\ufeffa')
  })

  test('bytes that are not UTF-8 are an error, never U+FFFD', () => {
    const bad = [
      'ff',
      'c0af',
      'c1bf',
      'e080af',
      'eda080',
      'f4908080',
      '80',
      'c3',
      'e282',
      'f8888080',
    ]
    for (const hex of bad) assert.throws(() => fromUtf8(Buffer.from(hex, 'hex')), TypeError, hex)
  })
})

describe('base64', () => {
  test('any bytes come back, in both alphabets', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        assert.deepEqual(new Uint8Array(fromBase64Url(toBase64Url(bytes)) ?? []), bytes)
        const padded = Buffer.from(bytes).toString('base64')
        assert.deepEqual(new Uint8Array(fromBase64(padded) ?? []), bytes)
      }),
    )
  })

  test('encodes the part of a buffer that a view shows, not the whole', () => {
    assert.equal(toBase64Url(Uint8Array.of(1, 2, 3, 4).subarray(1, 3)), 'AgM')
  })

  test('only the one canonical text of some bytes is read', () => {
    for (const bad of ['AA==', 'A', 'AB', 'A A', 'AA\n', '+w', '/w', 'é', '=', 'AAAAA']) {
      assert.equal(fromBase64Url(bad), null, bad)
    }
    for (const bad of ['AA', 'A===', 'AB==', 'AA==\n', ' AA==', '-w==', '_w==', 'é', '=', 'AA=A']) {
      assert.equal(fromBase64(bad), null, bad)
    }
  })

  test('whatever decodes encodes to the same text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        const bytes = fromBase64Url(text)
        if (bytes) assert.equal(toBase64Url(bytes), text)
      }),
    )
  })
})

describe('base32', () => {
  test('known values: all zeros, all ones, a one in each end', () => {
    assert.equal(toBase32(new Uint8Array(16)), '0'.repeat(26))
    assert.equal(toBase32(new Uint8Array(16).fill(0xff)), `7${'Z'.repeat(25)}`)
    assert.equal(toBase32(new Uint8Array(16).with(15, 1)), `${'0'.repeat(25)}1`)
    assert.equal(toBase32(new Uint8Array(16).with(0, 0x80)), `4${'0'.repeat(25)}`)
  })

  test('is the number in base 32, and order of bytes is order of text', () => {
    const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
    const slowly = (bytes: Uint8Array): string => {
      let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
      let text = ''
      for (; text.length < 26; value /= 32n) text = alphabet.charAt(Number(value % 32n)) + text
      return text
    }
    fc.assert(
      fc.property(sixteen, sixteen, (a, b) => {
        assert.equal(toBase32(a), slowly(a))
        const [left, right] = [toBase32(a), toBase32(b)]
        const order = left < right ? -1 : Number(left > right)
        assert.equal(order, Buffer.compare(a, b))
      }),
    )
  })

  test('it comes back as bytes, and what it could not give is nothing', () => {
    fc.assert(fc.property(sixteen, (bytes) => assert.deepEqual(fromBase32(toBase32(bytes)), bytes)))
    const good = '7ZZZZZZZZZZZZZZZZZZZZZZZZZ'
    assert.deepEqual(fromBase32(good), new Uint8Array(16).fill(0xff))
    const bad = ['', good.slice(1), `${good}0`, good.toLowerCase(), `8${good.slice(1)}`]
    for (const text of [...bad, good.replace('ZZ', 'IL'), good.replace('ZZ', 'é€')]) {
      assert.equal(fromBase32(text), null, text)
    }
  })
})

test('the other base32 is that of RFC 4648, section 10, without padding', () => {
  const vectors = ['', 'MY', 'MZXQ', 'MZXW6', 'MZXW6YQ', 'MZXW6YTB', 'MZXW6YTBOI']
  for (const [length, text] of vectors.entries()) {
    assert.equal(toRfcBase32(toUtf8('foobar'.slice(0, length))), text)
  }
})

describe('base62', () => {
  test('known values, padded on the left', () => {
    assert.equal(toBase62(0, 6), '000000')
    assert.equal(toBase62(61, 6), '00000z')
    assert.equal(toBase62(62, 6), '000010')
    assert.equal(toBase62(0xffffffff, 6), '4gfFC3')
  })

  test('each digit has a character of its own, in the order of ASCII', () => {
    const digits = Array.from({ length: 62 }, (_, value) => base62Character(value))
    assert.deepEqual(digits, [...new Set(digits)].sort())
    assert.equal(digits.length, 62)
    assert.equal(base62Character(62), '')
  })
})

describe('lengthPrefixed', () => {
  test('each part stands behind its length in bytes', () => {
    const joined = lengthPrefixed(['é', Uint8Array.of(7), ''])
    assert.equal(joined.toString('hex'), '00000002c3a9000000010700000000')
    assert.equal(lengthPrefixed([]).length, 0)
  })

  test('two different lists never give the same bytes', () => {
    const short = fc.string({ unit: fc.constantFrom('\0', '\u0001', 'a', 'é'), maxLength: 5 })
    const list = fc.array(short, { maxLength: 4 })
    fc.assert(
      fc.property(list, list, (a, b) => {
        const same = lengthPrefixed(a).equals(lengthPrefixed(b))
        assert.equal(same, JSON.stringify(a) === JSON.stringify(b))
      }),
      { numRuns: 2_000 },
    )
  })

  test('the list can be read back, so nothing of it is lost', () => {
    fc.assert(
      fc.property(fc.array(wellFormed), (parts) => {
        const joined = lengthPrefixed(parts)
        const read: string[] = []
        for (let at = 0; at < joined.length; ) {
          const end = at + 4 + joined.readUInt32BE(at)
          read.push(joined.toString('utf8', at + 4, end))
          at = end
        }
        assert.deepEqual(read, parts)
      }),
    )
  })

  test('parts that were joined before are taken over as they are', () => {
    fc.assert(
      fc.property(fc.array(wellFormed), fc.array(wellFormed), (first, rest) => {
        assert.deepEqual(
          lengthPrefixed(rest, lengthPrefixed(first)),
          lengthPrefixed([...first, ...rest]),
        )
      }),
    )
  })

  test('parts of every length and width have room', () => {
    for (const letter of ['a', 'é', '€', '😀']) {
      for (const length of [1, 63, 64, 65, 10_000]) {
        const part = letter.repeat(length)
        const joined = lengthPrefixed([part, 'end'])
        assert.equal(joined.toString('utf8', 4, joined.length - 7), part)
        assert.equal(joined.toString('utf8', joined.length - 3), 'end')
      }
    }
  })

  test('half a surrogate pair is our bug: it would become U+FFFD like any other half', () => {
    assert.throws(() => lengthPrefixed(['\ud800']), /well-formed/)
    assert.throws(() => lengthPrefixed(['a', 'b\udc00']), /well-formed/)
    assert.equal(lengthPrefixed(['😀']).length, 8)
  })
})
