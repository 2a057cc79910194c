import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseMailAddress } from './mail-address.ts'

const good: readonly (readonly [text: string, address: string, lookup: string])[] = [
  ['alice@corp.example', 'alice@corp.example', 'alice@corp.example'],
  ['Alice.B+tag@Corp.EXAMPLE', 'Alice.B+tag@corp.example', 'alice.b+tag@corp.example'],
  ['root@localhost', 'root@localhost', 'root@localhost'],
  ['a@bücher.example', 'a@xn--bcher-kva.example', 'a@xn--bcher-kva.example'],
  ['a@xn--bcher-kva.example', 'a@xn--bcher-kva.example', 'a@xn--bcher-kva.example'],
  // Composed and decomposed are one.
  ['jose\u0301@corp.example', 'jos\u00e9@corp.example', 'jos\u00e9@corp.example'],
  ['JOS\u00c9@corp.example', 'JOS\u00c9@corp.example', 'jos\u00e9@corp.example'],
  ["o'neil!#$%&*+-/=?^_`{|}~@corp.example", "o'neil!#$%&*+-/=?^_`{|}~@corp.example", ''],
]

for (const [text, address, lookup] of good) {
  test(`${JSON.stringify(text)} is an address`, () => {
    assert.deepEqual(parseMailAddress(text), { address, lookup: lookup || address })
  })
}

const bad: readonly string[] = [
  '',
  'alice',
  '@corp.example',
  'alice@',
  'a@b@corp.example',
  'alice @corp.example',
  ' alice@corp.example',
  'alice@corp.example ',
  '.alice@corp.example',
  'alice.@corp.example',
  'al..ice@corp.example',
  '"alice b"@corp.example',
  'Alice <alice@corp.example>',
  '<alice@corp.example>',
  'alice@corp.example,bob@corp.example',
  'alice@corp.example;',
  'alice(x)@corp.example',
  'alice@corp.example.',
  'alice@-corp.example',
  'alice@corp_x.example',
  'alice@[127.0.0.1]',
  'alice@127.0.0.1',
  'alice@127',
  'alice@corp.example\r\nBcc: eve@evil.example',
  'alice\r\n@corp.example',
  'alice\n@corp.example',
  'alice\0@corp.example',
  'alice@corp.example\n',
  'alice\u2028@corp.example',
  'alice\u202e@corp.example',
  'ali\ud800ce@corp.example',
  `${'a'.repeat(65)}@corp.example`,
  `a@${'b'.repeat(64)}.example`,
  `a@${'b.'.repeat(130)}example`,
]

for (const text of bad) {
  test(`${JSON.stringify(text).slice(0, 60)} is none`, () => {
    assert.equal(parseMailAddress(text), null)
  })
}

describe('addresses', () => {
  test('that are kept are addresses, and stay what they are', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (text) => {
        const once = parseMailAddress(text)
        if (once === null) return
        assert.deepEqual(parseMailAddress(once.address), once)
        assert.equal(parseMailAddress(once.lookup)?.lookup, once.lookup)
      }),
    )
  })

  test('have nothing in them that ends a line or begins another address', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.string(), (one, other) => {
        for (const text of [one, `${one}@corp.example`, `a${one}@b${other}.example`]) {
          const parsed = parseMailAddress(text)
          if (parsed) assert.match(parsed.address, /^[^\s\p{C}<>,;:"()[\]\\]+$/u)
        }
      }),
    )
  })
})
