/**
 * What is sealed of a memory's row: the record, and what an embedder made of it, if anything. Both in
 * one value, so that neither can be put beside another's. A record alone stands as it is, and so do
 * all that were sealed before there were embedders; it is JSON and begins with `{`. Else:
 *
 *   0x02 | length of the record (4 bytes, little-endian) | record | embedding
 */
import { assert } from '../core/assert.ts'

export interface Framed {
  readonly record: Buffer
  /** Null where there is none. */
  readonly embedding: Buffer | null
}

const mark = 0x02
const header_bytes = 5

export function frame(record: Uint8Array, embedding: Uint8Array | null): Uint8Array {
  if (!embedding) return record
  const framed = Buffer.alloc(header_bytes + record.length + embedding.length)
  framed.writeUInt8(mark)
  framed.writeUInt32LE(record.length, 1)
  framed.set(record, header_bytes)
  framed.set(embedding, header_bytes + record.length)
  return framed
}

/** Takes apart what `frame` made, without copying. */
export function unframe(framed: Buffer): Framed {
  if (framed[0] !== mark) return { record: framed, embedding: null }
  const end = header_bytes + framed.readUInt32LE(1)
  assert(end <= framed.length, 'a framed record is as long as it says')
  return { record: framed.subarray(header_bytes, end), embedding: framed.subarray(end) }
}
