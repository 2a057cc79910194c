/** One version of a key that protects data: what seals with it, and the MAC keys derived from it. */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { lengthPrefixed } from '../core/encoding.ts'
import { derive, type SealingKey, sealingKey } from './aead.ts'
import { randomBytes } from './random.ts'

/** What a MAC is for. HKDF keeps the purposes apart, so no MAC can stand in for another. */
export type MacPurpose =
  | 'blind-index'
  | 'pepper'
  | 'row'
  | 'content'
  | 'idempotency'
  | 'fingerprint'
  | 'signing-seed'
  | 'term-seed'
  | 'throttle'
  | 'provider-sign-in'
  | 'passkey-sign-in'
  | 'audit-event'

export interface DataKey {
  readonly version: number
  readonly sealing: SealingKey
  /** HMAC-SHA-256 over the length-prefixed parts, 32 bytes. */
  mac(purpose: MacPurpose, parts: readonly (string | Uint8Array)[]): Buffer
}

/** 32 new random bytes to make a key of. */
export function newKeyMaterial(): Buffer {
  return randomBytes(32)
}

/** Overwrites key material that was put to its use. What the engine copied elsewhere is beyond us. */
export function zero(material: Uint8Array): void {
  material.fill(0)
}

/** A data key from its 32 bytes. The caller should overwrite the bytes afterwards. */
export function dataKey(material: Uint8Array, version: number): DataKey {
  const root = createSecretKey(derive(material, 'locket/mac/v1', 32))
  const macKeys = new Map<MacPurpose, KeyObject>()
  const macKey = (purpose: MacPurpose): KeyObject => {
    const known = macKeys.get(purpose)
    if (known) return known
    const made = createSecretKey(derive(root.export(), `locket/mac/${purpose}/v1`, 32))
    macKeys.set(purpose, made)
    return made
  }
  return {
    version,
    sealing: sealingKey(material, version),
    mac: (purpose, parts) =>
      createHmac('sha256', macKey(purpose)).update(lengthPrefixed(parts)).digest(),
  }
}

/** Compares two MACs in constant time; unequal lengths are simply unequal. */
export function macsEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
