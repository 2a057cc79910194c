/**
 * What an embedder made of a memory, as it is sealed with the record:
 *
 *   model (8 bytes) | scale (32-bit float, little-endian) | a signed byte for each dimension
 *
 * A scale of 0 says that there is no vector and is to be none: the memory is above the privacy level
 * that the embedder may be sent, or the endpoint does not take its text. It has the bytes all the
 * same, so that its size does not tell which memories those are.
 */
import { sha256 } from '../../crypto/digest.ts'
import { type EmbeddingLevel, embeddingLevels } from '../../kernel/embedding-level.ts'
import type { Quantised } from '../indexes/quantised.ts'

/** The model that vectors are of. Those of two models, or of two sizes, are never compared. */
export interface Model {
  readonly model: string
  readonly dimensions: number
}

const code_bytes = 8
const header_bytes = code_bytes + 4

/** A short digest that stands for a model and its dimensions. */
export function modelCode({ model, dimensions }: Model): Buffer {
  return digestOf(['model', dimensions, model])
}

/** In clear in each row: what it is settled for. Public: it is the same for all rows of a tenant. */
export function settledCode({ model, dimensions }: Model, cap: EmbeddingLevel): string {
  return digestOf(['settled', dimensions, cap, model]).toString('hex')
}

/** No part but the last can hold a separator. */
function digestOf(parts: readonly (string | number)[]): Buffer {
  return sha256(Buffer.from(parts.join('|'))).subarray(0, code_bytes)
}

export function encodeEmbedding(of: Model, vector: Quantised | null): Buffer {
  const bytes = Buffer.alloc(header_bytes + of.dimensions)
  bytes.set(modelCode(of))
  if (!vector) return bytes
  bytes.writeFloatLE(vector.scale, code_bytes)
  bytes.set(
    new Uint8Array(vector.values.buffer, vector.values.byteOffset, of.dimensions),
    header_bytes,
  )
  return bytes
}

/** Null where there is to be no vector; undefined for what another model made. */
export function decodeEmbedding(of: Model, bytes: Buffer): Quantised | null | undefined {
  if (bytes.length !== header_bytes + of.dimensions) return undefined
  if (!bytes.subarray(0, code_bytes).equals(modelCode(of))) return undefined
  const scale = bytes.readFloatLE(code_bytes)
  if (scale === 0) return null
  return {
    scale,
    values: new Int8Array(bytes.buffer, bytes.byteOffset + header_bytes, of.dimensions),
  }
}

/** Whether what has this privacy level may be sent, when `cap` is the highest that may. */
export function mayBeSent(privacyLevel: string, cap: EmbeddingLevel): boolean {
  const rank = (embeddingLevels as readonly string[]).indexOf(privacyLevel)
  return rank > 0 && rank <= embeddingLevels.indexOf(cap)
}
