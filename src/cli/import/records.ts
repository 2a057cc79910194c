/**
 * The records of a file as they come, one at a time, whatever its size: lines of JSON, or the items
 * of one JSON list, as it stands or as `results` of an object. Only the ends of a record are looked
 * for here; what stands between is parsed by the one JSON parser, record by record.
 */
import { limits } from '../../core/limits.ts'
import { itemsOf } from './items.ts'
import { textNames } from './jsonl.ts'
import { linesOf } from './lines.ts'
import type { Ending, Found } from './record.ts'

export interface Records {
  /** What a record is called when it is told of. */
  readonly unit: 'line' | 'item'
  readonly found: AsyncGenerator<Found, Ending>
}

export type Chunks = AsyncIterable<Uint8Array>

/** Takes the beginning of the file apart. Throws when it can be no JSON. */
export async function readRecords(chunks: Chunks): Promise<Records> {
  const iterator = chunks[Symbol.asyncIterator]()
  const head = await readHead(iterator)
  refuseOthers(head)
  const start = listStart(head)
  const rest = continued(head.subarray(start ?? bom(head)), iterator)
  return start === null
    ? { unit: 'line', found: linesOf(rest) }
    : { unit: 'item', found: itemsOf(rest) }
}

async function readHead(iterator: AsyncIterator<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let size_bytes = 0
  while (size_bytes < limits.importHead_bytes_max) {
    const { done, value } = await iterator.next()
    if (done) break
    parts.push(value)
    size_bytes += value.length
  }
  return Buffer.concat(parts)
}

async function* continued(
  head: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Buffer> {
  yield Buffer.from(head.buffer, head.byteOffset, head.length)
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    const { buffer, byteOffset, length } = next.value
    yield Buffer.from(buffer, byteOffset, length)
  }
}

/** How long the byte order mark is, which some programs put before UTF-8. */
function bom(head: Buffer): number {
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0
}

const others: readonly (readonly [what: string, beginning: readonly number[]])[] = [
  ['compressed with gzip: unpack it first', [0x1f, 0x8b]],
  ['compressed with zstd: unpack it first', [0x28, 0xb5, 0x2f, 0xfd]],
  ['a zip archive: unpack it first', [0x50, 0x4b, 0x03, 0x04]],
  ['UTF-16: write it as UTF-8', [0xff, 0xfe]],
  ['UTF-16: write it as UTF-8', [0xfe, 0xff]],
  [
    'an SQLite database: export from it what is to be imported',
    [...Buffer.from('SQLite format 3')],
  ],
]

function refuseOthers(head: Buffer): void {
  const known = others.find(([, beginning]) => beginning.every((byte, at) => head[at] === byte))
  if (known) throw new Error(`the file is ${known[0]}`)
  const first = head.subarray(bom(head)).toString('latin1').trimStart()[0]
  if (first === undefined || first === '{' || first === '[') return
  throw new Error('the file is not JSON: JSON Lines or a JSON list is taken, CSV is not')
}

/**
 * An object whose list comes after plain members only, such as `{"count": 2, "results": [`; the list
 * is not in the match. One with a text of its own is a record.
 */
const wrapped = new RegExp(
  String.raw`^\s*\{(?:\s*(?!"(?:${textNames.join('|')})")"(?:[^"\\]|\\.)*"\s*:\s*` +
    String.raw`(?:null|true|false|-?\d[\d.eE+-]*|"(?:[^"\\]|\\.)*")\s*,)*` +
    String.raw`\s*"(?:results|memories)"\s*:\s*\[`,
)

/** Where the first item of a list may begin; null: these are lines. */
function listStart(head: Buffer): number | null {
  const skipped = bom(head)
  const text = head.subarray(skipped).toString('latin1')
  const found = /^\s*\[/.exec(text) ?? wrapped.exec(text)
  return found ? skipped + found[0].length : null
}
