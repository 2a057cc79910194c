/** Reads what comes in a stream, up to a bound. */
import { fromUtf8 } from '../core/encoding.ts'

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** All bytes of a stream. Throws when they are more than `bytes_max`. */
export async function readBounded(chunks: Chunks, bytes_max: number): Promise<Uint8Array> {
  const kept: Uint8Array[] = []
  let size_bytes = 0
  for await (const chunk of chunks) {
    size_bytes += chunk.length
    if (size_bytes > bytes_max) throw new Error(`more than ${bytes_max} bytes`)
    kept.push(chunk)
  }
  return Buffer.concat(kept)
}

/** Standard input as text. Throws when it is too long or not UTF-8. */
export async function readStdin(bytes_max: number): Promise<string> {
  const bytes = await readBounded(process.stdin, bytes_max).catch((cause: unknown) => {
    throw new Error(`standard input holds more than ${bytes_max} bytes`, { cause })
  })
  try {
    return fromUtf8(bytes)
  } catch (cause) {
    throw new Error('standard input is not UTF-8', { cause })
  }
}
