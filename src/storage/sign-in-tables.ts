/** The tables of ways to sign in besides the password, in a file of their own: all others fill theirs. */
import type { Id } from '../core/ids.ts'
import { blind, digest, integer, text } from './column.ts'
import type { PrincipalId } from './key-scope.ts'

export const signInTables = {
  /** Which factor is the passkey that a browser calls so. */
  passkeys: {
    tenant_id: text<Id<'ten'>>(),
    factor_id: text<Id<'fac'>>(),
    principal_id: text<PrincipalId>(),
    credential_index: blind(),
    mac: digest(),
  },

  /** Challenges of sign-ins by a passkey alone that were answered, so that none is twice; not yet over. */
  passkey_challenges: {
    tenant_id: text<Id<'ten'>>(),
    /** Of the challenge, under the instance's pepper. */
    hash: blind(),
    expires_at: integer(),
  },

  /** Sign-ins by a provider that have come back, so that none does twice; not yet over. */
  provider_sign_ins: {
    tenant_id: text<Id<'ten'>>(),
    /** Of the browser's cookie, under the tenant's pepper. */
    hash: blind(),
    expires_at: integer(),
  },
} as const
