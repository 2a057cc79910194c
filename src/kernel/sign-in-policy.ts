/** What a tenant asks of its people when they sign in, as it is kept and acted upon. */
import { limits } from '../core/limits.ts'

/** Who must have a second factor, whichever roles are named besides. */
export const mfaRequired = ['nobody', 'administrators', 'everyone'] as const

export interface SignInPolicy {
  readonly mfa: {
    readonly required: (typeof mfaRequired)[number]
    /** Who has one of these, ids or names of presets, must have a factor, too. */
    readonly roles: readonly string[]
  }
  readonly idle_ms: number
  readonly life_ms: number
}

export const defaultSignInPolicy: SignInPolicy = {
  mfa: { required: 'administrators', roles: [] },
  idle_ms: limits.signIn_idle_ms,
  life_ms: limits.signIn_life_ms,
}
