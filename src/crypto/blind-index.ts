/**
 * Blind indexes: what must be found by its exact value is stored as an HMAC under a key of the
 * tenant, so that equal values meet and nothing can be read back or guessed without the key.
 */
import type { DataKey } from './data-key.ts'

declare const blindBrand: unique symbol

/** 32 bytes that only `blindIndex` and `hashed` make. */
export type Blind = Uint8Array & { readonly [blindBrand]: true }

/** The index of `value` among values of one `kind` (for example `principal.handle`). */
export function blindIndex(key: DataKey, kind: string, value: string): Blind {
  return key.mac('blind-index', [kind, value]) as Uint8Array as Blind
}

/** Declares that these bytes are already a keyed hash, so that a column may hold them. */
export function hashed(bytes: Uint8Array): Blind {
  return bytes as Blind
}
