/** What follows when the factors of somebody have changed. */
import type { FactorKind, PrincipalId } from '../../storage/tables.ts'

export interface FactorsChange {
  readonly principalId: PrincipalId
  /**
   * What the sign-in that asks has proven from now on; null: nothing, since its person has no factor
   * any more. Left out: what it had before.
   */
  readonly factor?: FactorKind | null
}

declare module '../../kernel/context.ts' {
  interface Services {
    /**
     * Ends every sign-in of that person and whatever waits for a factor. Only the sign-in that asks, where
     * it is his, goes on: with another token, and its CSRF token is what this answers; else null.
     */
    readonly factorsChanged: (ctx: Context, change: FactorsChange) => Promise<string | null>
  }
}
