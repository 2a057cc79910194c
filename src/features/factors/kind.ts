/** What a kind of factors is: `kinds.ts` lists them. */

import type { Id } from '../../core/ids.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { Witness } from '../passkeys/witness.ts'
import type { FactorProof, FirstProof } from './factor.ts'

export interface Proving {
  readonly store: TenantStore
  readonly principalId: PrincipalId
  readonly factorId: Id<'fac'>
  readonly now: number
}

/** What was shown. */
export interface Shown {
  readonly proof: FactorProof | FirstProof
  /** Of a passkey: what it comes to, and what it may have been asked. */
  readonly witness?: Witness | undefined
  readonly challenges?: readonly string[] | undefined
}

export interface FactorKindModule {
  /** Whether who has one is asked for a factor. One that only stands in for others does not count. */
  readonly counts: boolean
  /** How many codes are left, where that can be said. */
  readonly codesLeft: (own: unknown) => number | null
  /**
   * In the transaction that acts upon it: what to keep from now on where the proof is right, null
   * where it is not. What is right once is right once only: it has to follow from what is kept.
   */
  readonly verify: (proving: Proving, own: unknown, shown: Shown) => Promise<unknown>
}
