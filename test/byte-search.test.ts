/** A search that finds nothing proves nothing unless it finds what is there. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { findAll, findWindows, haystacks, Search } from './byte-search.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Many words begin alike. */
const beginnings = ['zorblaxin', 'quimperth']

const canary = 'Zorblaxin99 Ünïquimperth'

/** What it is in each encoding, by the name of that. */
function dressesOf(word: string): readonly (readonly [string, Buffer])[] {
  return [
    ['UTF-8', Buffer.from(word)],
    ['UTF-8', Buffer.from(word.replace(/[a-z]/g, (one) => one.toUpperCase()))],
    ['UTF-16LE', Buffer.from(word, 'utf16le')],
    ['UTF-16BE', Buffer.from(word, 'utf16le').swap16()],
    ['hex', Buffer.from(Buffer.from(word).toString('hex').toUpperCase())],
    ...['', 'a', 'ab'].flatMap((before, at) =>
      (['base64', 'base64url'] as const).map((encoding) => {
        const text = Buffer.from(`${before}${word} and more`).toString(encoding)
        return [`${encoding} at ${at}`, Buffer.from(text)] as const
      }),
    ),
  ]
}

for (const [encoding, bytes] of dressesOf(canary)) {
  test(`${encoding}, in a file: ${bytes.toString('latin1').slice(0, 16)}`, (t) => {
    const directory = temporaryDirectory(t)
    appendFileSync(join(directory, 'scratch'), Buffer.concat([Buffer.from('..'), bytes]))
    const found = findAll(haystacks(directory), [canary])
    assert.ok(found.some((one) => one.encoding === encoding && one.file === 'scratch'))
  })
}

test('each of many words in each dress, and no other', () => {
  const words = Array.from({ length: 600 }, (_, at) => `${beginnings[at % 2]}${at}xtext`)
  const planted = words.map((word, at) => {
    const dresses = dressesOf(word)
    const [encoding, bytes] = dresses[at % dresses.length] ?? assert.fail()
    return { word, encoding, bytes }
  })
  const missing = Array.from({ length: 600 }, (_, at) => `${beginnings[at % 2]}${at}xword`)
  // The last one ends with its file.
  const bytes = Buffer.concat(planted.flatMap((one) => [randomBytes(4096 + 7), one.bytes]))
  const found = findAll([{ file: 'scratch', bytes }], [...words, ...missing])
  // Words of letters and digits are the same in base64 and in base64url.
  const told = new Set(found.map(({ needle, encoding }) => `${needle} ${encoding}`))
  for (const { word, encoding } of planted) assert.ok(told.has(`${word} ${encoding}`), encoding)
  assert.deepEqual(new Set(found.map(({ needle }) => needle)), new Set(words))
})

test('whatever is looked through says the same of each that is sought', () => {
  const bytes = (least: number, most: number): fc.Arbitrary<Uint8Array> =>
    fc
      .array(fc.constantFrom(0, 0x61, 0x41, 0xe4, 0xc4), { minLength: least, maxLength: most })
      .map((values) => Uint8Array.from(values))
  fc.assert(
    fc.property(bytes(0, 200), fc.array(bytes(4, 7), { maxLength: 30 }), (hay, needles) => {
      const text = Buffer.from(hay).toString('latin1')
      const sought = needles.flatMap((one) => {
        const latin1 = Buffer.from(one).toString('latin1')
        const folded = Buffer.from(latin1.toLowerCase(), 'latin1')
        return [
          { bytes: one, anyCase: false, isThere: text.includes(latin1) },
          {
            bytes: folded,
            anyCase: true,
            isThere: text.toLowerCase().includes(latin1.toLowerCase()),
          },
        ]
      })
      const found = new Set(new Search(sought).in(hay))
      for (const one of sought) assert.equal(found.has(one), one.isThere)
    }),
    { numRuns: 500 },
  )
})

test('a part of a secret, where it begins or ends, and which file has it', () => {
  const secrets = [randomBytes(40), randomBytes(40)]
  const parts = secrets.flatMap((one) => [one.subarray(0, 16), one.subarray(-16)])
  const files = parts.map((part, at) => ({
    file: String(at),
    bytes: Buffer.concat([randomBytes(99), part, randomBytes(99)]),
  }))
  files.push({ file: 'less', bytes: (secrets[0] ?? assert.fail()).subarray(3, 18) })
  assert.deepEqual(findWindows(files, secrets, 16), ['0', '1', '2', '3'])
})

test('what is too short to be looked for is no search', () => {
  assert.throws(() => findAll([], ['abc']), /too short/)
})
