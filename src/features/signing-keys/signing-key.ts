/** Signing keys: what access tokens are signed with. They are the instance's own, for all its tenants. */
import { limits } from '../../core/limits.ts'
import type { Tables } from '../../storage/tables.ts'

export type SigningKeyRow = Tables['signing_keys']

/** What is sealed of a signing key. */
export interface SigningKeySecret {
  /** Of Ed25519, 32 bytes in base64url. */
  readonly seed: string
  /** Names this instance where it has no URL; each key inherits it from the one before. */
  readonly instance: string
}

/** A key's life, told by its row and the one that follows: there is no state that could be set back. */
export interface Placed {
  readonly row: SigningKeyRow
  /** From then on nothing that it signed is in force; null for the newest. */
  readonly endsAt_ms: number | null
}

/** How long after it was replaced a key still counts: its last token, and clocks that differ. */
const outlives_ms = limits.accessToken_life_ms + 2 * limits.clockSkew_ms_max

/** The rows in the order in which they sign. */
export function placed(rows: readonly SigningKeyRow[]): readonly Placed[] {
  const inOrder = rows.toSorted((one, other) => one.signs_from - other.signs_from)
  return inOrder.map((row, at) => {
    const next = inOrder[at + 1]
    return { row, endsAt_ms: next ? next.signs_from + outlives_ms : null }
  })
}

/** The one that signs at this moment: the last that has begun to. */
export function signingAt(keys: readonly Placed[], now: number): Placed | undefined {
  return keys.findLast(({ row }) => row.signs_from <= now) ?? keys[0]
}
