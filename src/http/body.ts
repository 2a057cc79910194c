/** The body of a request: read once, never beyond its bound, and parsed with the one JSON parser. */
import { LocketError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import type { Client } from './reply.ts'

type Request = globalThis.Request

export type JsonObject = Record<string, unknown>

/**
 * Whether a body came along. A transport that frames bodies tells by the headers, which is cheaper
 * than opening the stream.
 */
export function hasBody(request: Request, client: Client): boolean {
  if (!client.framed) return request.body !== null
  const { headers } = request
  return headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0'
}

/**
 * The bytes of the body. Throws `body_too_large` as soon as that is known: before reading when the
 * length is declared, while reading when it is not or the declaration cannot be trusted.
 */
export async function readBody(
  request: Request,
  client: Client,
  bytes_max: number,
): Promise<Uint8Array> {
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw new LocketError('unsupported_media_type', 'Content-Encoding: none is taken')
  }
  const declared = request.headers.get('content-length')
  if (declared !== null && Number(declared) > bytes_max) throw new LocketError('body_too_large')
  try {
    return client.framed && declared !== null
      ? new Uint8Array(await request.arrayBuffer())
      : await readCounted(request, bytes_max)
  } catch (thrown) {
    if (thrown instanceof LocketError) throw thrown
    // The client went away or was too slow; the answer is for the log and the audit.
    throw new LocketError('request_timeout', undefined, { cause: thrown })
  }
}

async function readCounted(request: Request, bytes_max: number): Promise<Uint8Array> {
  const reader = request.body?.getReader()
  if (!reader) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let size = 0
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length
    if (size > bytes_max) {
      await reader.cancel()
      throw new LocketError('body_too_large')
    }
    chunks.push(part.value)
  }
  return Buffer.concat(chunks, size)
}

/** The JSON object that a body is. Its media type is not asked for: no form can send a credential. */
export function parseObject(bytes: Uint8Array): JsonObject {
  const value = parseJson(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LocketError('invalid_input', 'The body is not a JSON object.')
  }
  return value as JsonObject
}
