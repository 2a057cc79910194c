/** Bodies of requests and answers, which are never longer than their bound. */
import { EgressError, type EgressReason } from './egress-error.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** The whole body of a request: it is sent with its length, and only once it is known to fit. */
export async function wholeBody(
  request: Request,
  { bytes_max, signal }: { bytes_max: number; signal: AbortSignal },
): Promise<Uint8Array | null> {
  if (!request.body) return null
  const bounded = boundedBody(request.body, {
    bytes_max,
    tooLarge: 'request_too_large',
    translate: (thrown) => thrown,
    ended: () => undefined,
  })
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = (): void => reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([allOf(bounded), promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** By hand: the listener puts another `Response` in the place of the platform's, which lacks `bytes`. */
async function allOf(stream: ReadableStream<Bytes>): Promise<Uint8Array> {
  const pieces: Bytes[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}

export interface Bounded {
  readonly bytes_max: number
  readonly tooLarge: EgressReason
  /** What the reader is told of an error from below. */
  readonly translate: (thrown: unknown) => unknown
  /** Called when it was read to its end or given up. */
  readonly ended: () => void
}

/** A body that breaks off past its bound. What is counted are bytes after decompression. */
export function boundedBody(
  source: ReadableStream<Uint8Array>,
  bounded: Bounded,
): ReadableStream<Bytes> {
  const reader = source.getReader()
  let bytes = 0
  return new ReadableStream<Bytes>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read()
          if (done) {
            bounded.ended()
            controller.close()
            return
          }
          bytes += value.byteLength
          if (bytes > bounded.bytes_max) throw new EgressError(bounded.tooLarge)
          controller.enqueue(new Uint8Array(value))
        } catch (thrown) {
          controller.error(bounded.translate(thrown))
          await quietly(reader.cancel())
        }
      },
      cancel: async () => {
        bounded.ended()
        await quietly(reader.cancel())
      },
    },
    // Nothing is read before somebody asks for it.
    { highWaterMark: 0 },
  )
}

/** Giving up something that broke tells again what is known. */
export async function quietly(ending: Promise<unknown>): Promise<void> {
  await ending.catch(() => undefined)
}
