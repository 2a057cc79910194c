/** Plain hashes, for commitments: they bind, they do not hide; what is hashed holds a random salt. */
import { hash } from 'node:crypto'

/** SHA-256 of the bytes, 32 bytes. */
export function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer')
}

/** SHA-256 of the text's UTF-8, in base64: what a map is to be keyed by in place of the text itself. */
export function sha256OfText(text: string): string {
  return hash('sha256', text, 'base64')
}
