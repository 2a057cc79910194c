import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { limits } from '../../core/limits.ts'
import type { Found } from './record.ts'
import { readRecords } from './records.ts'

interface Read {
  readonly unit: string
  readonly found: readonly (readonly [number, string])[]
  readonly more: boolean
}

async function* inChunks(parts: readonly (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part
}

async function readAll(...parts: readonly (Uint8Array | string)[]): Promise<Read> {
  const { unit, found } = await readRecords(inChunks(parts))
  const all: [number, string][] = []
  let next = await found.next()
  for (; !next.done; next = await found.next()) all.push(told(next.value))
  return { unit, found: all, more: next.value.more }
}

function told({ number, content }: Found): [number, string] {
  return [number, content.toString()]
}

/** The text in pieces that end anywhere, within characters too. */
function cut(text: string, places: readonly number[]): Uint8Array[] {
  const bytes = Buffer.from(text)
  const sorted = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b)
  return [0, ...sorted].map((from, at) => bytes.subarray(from, sorted[at] ?? bytes.length))
}

const head = ' '.repeat(limits.importHead_bytes_max)

describe('lines', () => {
  test('with any end, empty ones left out but counted, the last one perhaps without', async () => {
    const { unit, found } = await readAll('\ufeff{"a":1}\r\n\n  \n{"b":2}\n{"c":3}')
    assert.equal(unit, 'line')
    const lines = found.map(([number, text]) => [number, text.trim()])
    assert.deepEqual(lines, [
      [1, '{"a":1}'],
      [4, '{"b":2}'],
      [5, '{"c":3}'],
    ])
  })

  test('one that is too long is skipped to its end, and the next is read', async () => {
    const long = `{"a":"${'x'.repeat(limits.importLine_bytes_max)}"}`
    const { found } = await readAll('{}\n', long.slice(0, 9), long.slice(9), '\n{"b":2}\n')
    assert.deepEqual(found, [
      [1, '{}'],
      [2, 'too_long'],
      [3, '{"b":2}'],
    ])
  })

  test('nothing at all', async () => {
    assert.deepEqual((await readAll('')).found, [])
    assert.deepEqual((await readAll('\n \n')).found, [])
  })
})

describe('a list', () => {
  const items = ['{"a":"[1,2]\\"}"}', '{"b":{"c":[1,{"d":2}]}}', '"x,y"', '7', '{"é":"€"}']

  test('as it stands, and as results of an object', async () => {
    const list = `[${items.join(',\n ')}]`
    const wrapped = `{"count": 2, "next": null, "about": "a\\"b", "results": ${list}}`
    for (const text of [list, ` \n${list}\n`, `\ufeff${list}`, wrapped, `{"memories":${list}}`]) {
      const { unit, found, more } = await readAll(text)
      assert.equal(unit, 'item')
      assert.deepEqual(
        found.map(([number, item]) => [number, item.trim()]),
        [...items.entries()].map(([at, item]) => [at + 1, item]),
      )
      assert.equal(more, false)
    }
  })

  test('that ends too early says so', async () => {
    for (const text of ['[{"a":1},{"b"', '[{"a":1},', '[{"a":1}', '{"results":[{"a":1}']) {
      const { found } = await readAll(text)
      assert.equal(found.at(-1)?.[1], 'cut_off')
    }
    assert.deepEqual((await readAll('[]')).found, [])
  })

  test('what stands after it is told of, not read', async () => {
    const { found, more } = await readAll('{"results":[{"a":1}],"relations":[{"b":2}]}')
    assert.deepEqual([found.length, more], [1, true])
  })

  test('items that are too long are skipped', async () => {
    const long = `"${'x'.repeat(limits.importLine_bytes_max)}"`
    const { found } = await readAll(`[${long},1]`)
    assert.deepEqual(found, [
      [1, 'too_long'],
      [2, '1'],
    ])
  })

  test('a line with a list of its own is a line', async () => {
    assert.equal((await readAll('{"text":"a","results":[1]}\n')).unit, 'line')
    assert.equal((await readAll('{"note":["results"],"results":[1]}\n')).unit, 'line')
  })
})

test('wherever the stream is cut, the records are the same', async () => {
  const value = fc.jsonValue({ maxDepth: 3 })
  const records = fc.array(value, { minLength: 1, maxLength: 6 })
  const places = fc.array(fc.nat(), { maxLength: 8 })
  const property = fc.asyncProperty(records, places, async (values, cuts) => {
    const texts = values.map((one) => JSON.stringify({ one }, null, cuts.length % 3))
    const lines = values.map((one) => JSON.stringify({ one })).join('\n')
    // Beyond the beginning, which is gathered before anything is looked at.
    const read = await readAll(
      ...cut(
        head + lines,
        cuts.map((at) => at + head.length),
      ),
    )
    assert.deepEqual(
      read.found.map(([, text]) => JSON.parse(text)),
      values.map((one) => JSON.parse(JSON.stringify({ one }))),
    )
    const list = await readAll(...cut(`[${head}${texts.join(',')}]`, cuts))
    assert.deepEqual(
      list.found.map(([, text]) => JSON.parse(text)),
      read.found.map(([, text]) => JSON.parse(text)),
    )
  })
  await fc.assert(property, { numRuns: 60 })
})

const others: readonly (readonly [string, Uint8Array | string, RegExp])[] = [
  ['CSV', 'id,text\n1,tea\n', /CSV is not/],
  ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), /gzip/],
  ['UTF-16', Buffer.from('\ufeff{}', 'utf16le'), /UTF-16/],
  ['a zip archive', 'PK\u0003\u0004', /zip/],
  ['SQLite', 'SQLite format 3\0', /SQLite/],
]

for (const [name, bytes, reason] of others) {
  test(`${name} is refused by its name`, async () => {
    await assert.rejects(readAll(bytes), reason)
  })
}
