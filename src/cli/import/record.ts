/** One record of a file, before anything in it was looked at. */
import { limits } from '../../core/limits.ts'

export interface Found {
  /** From 1: of lines all count, also empty ones. */
  readonly number: number
  /** The bytes, or why there are none. */
  readonly content: Buffer | 'too_long' | 'cut_off'
}

/** Whether something stands after a list, which is not read. */
export interface Ending {
  readonly more: boolean
}

/** A record that is being read. */
export interface OpenRecord {
  add(part: Buffer): void
  /** Null when there is nothing but white space. */
  content(): Buffer | 'too_long' | null
}

/** Of one that is too long nothing is kept. */
export function openRecord(): OpenRecord {
  let parts: Buffer[] = []
  let size_bytes = 0
  return {
    add: (part) => {
      size_bytes += part.length
      if (size_bytes > limits.importLine_bytes_max) parts = []
      // A copy: a part of a chunk would keep the whole of it alive.
      else if (part.length > 0) parts.push(Buffer.from(part))
    },
    content: () => {
      if (size_bytes > limits.importLine_bytes_max) return 'too_long'
      const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
      return isBlank(bytes) ? null : bytes
    },
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a)
}
