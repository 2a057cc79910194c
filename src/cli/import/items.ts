/**
 * The items of a JSON list that may be larger than memory: where each begins and ends, by counting
 * brackets outside of strings. Bytes of UTF-8 beyond ASCII are never brackets or quotes, so no text
 * needs to be decoded.
 */
import { type Ending, type Found, openRecord } from './record.ts'

const quote = 0x22
const comma = 0x2c
const backslash = 0x5c
const opening: ReadonlySet<number> = new Set([0x5b, 0x7b])
const closing: ReadonlySet<number> = new Set([0x5d, 0x7d])
const endOfList = 0x5d

/** Where the reader is within an item. */
interface Place {
  depth: number
  inString: boolean
  escaped: boolean
}

/** `chunks` begin after the bracket that opens the list. */
export async function* itemsOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Found, Ending> {
  const place: Place = { depth: 0, inString: false, escaped: false }
  let number = 1
  let item = openRecord()
  let closed = false
  let more = false
  for await (const chunk of chunks) {
    let at = 0
    for (let end = 0; end < chunk.length && !closed; end++) {
      const byte = chunk[end] as number
      if (!endsItem(place, byte)) continue
      item.add(chunk.subarray(at, end))
      const content = item.content()
      if (content !== null) yield { number, content }
      at = end + 1
      number += 1
      item = openRecord()
      closed = byte === endOfList
    }
    if (closed) more ||= chunk.subarray(at).some(isTelling)
    else item.add(chunk.subarray(at))
  }
  if (closed) return { more }
  yield { number, content: 'cut_off' }
  return { more: false }
}

/** Goes on by one byte, and says whether it ends the item: a comma or the end of the list. */
function endsItem(place: Place, byte: number): boolean {
  if (place.inString) {
    if (place.escaped) place.escaped = false
    else if (byte === backslash) place.escaped = true
    else if (byte === quote) place.inString = false
    return false
  }
  if (place.depth === 0 && (byte === comma || byte === endOfList)) return true
  if (byte === quote) place.inString = true
  else if (opening.has(byte)) place.depth += 1
  else if (closing.has(byte) && place.depth > 0) place.depth -= 1
  return false
}

/** Not white space, and not the brace that closes the object around the list. */
function isTelling(byte: number): boolean {
  return byte > 0x20 && byte !== 0x7d
}
