/** Lines of a stream, with a bound on their length and none on their number. */
import { type Ending, type Found, openRecord } from './record.ts'

const newline = 0x0a

/** Empty lines are left out but counted; the last one may lack its end. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Found, Ending> {
  let number = 1
  let line = openRecord()
  for await (const chunk of chunks) {
    let at = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, at)) {
      line.add(chunk.subarray(at, end))
      const content = line.content()
      if (content !== null) yield { number, content }
      at = end + 1
      number += 1
      line = openRecord()
    }
    line.add(chunk.subarray(at))
  }
  const content = line.content()
  if (content !== null) yield { number, content }
  return { more: false }
}
