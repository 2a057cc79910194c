/** What a kind of factors is: `kinds.ts` lists them. */
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { FactorProof } from './factor.ts'

export interface Proving {
  readonly store: TenantStore
  readonly principalId: PrincipalId
  readonly now: number
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
  readonly verify: (proving: Proving, own: unknown, proof: FactorProof) => Promise<unknown>
}
