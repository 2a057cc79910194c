/** The tables of ways to sign in besides the password, in a file of their own: all others fill theirs. */
import type { Id } from '../core/ids.ts'
import { blind, digest, integer, nullable, text } from './column.ts'
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

  /** Sign-ins that were begun for whoever has a passkey; all of them are the instance's own. */
  passkey_challenges: {
    tenant_id: text<Id<'ten'>>(),
    challenge_id: text<Id<'pkc'>>(),
    /** Whose people may finish it; null: there is no such tenant, and nobody may. */
    of_tenant_id: nullable(text<Id<'ten'>>()),
    hash: blind(),
    pepper_version: integer(),
    expires_at: integer(),
    mac: digest(),
  },

  /** Sign-ins by a provider that have come back, so that none does twice; not yet over. */
  provider_sign_ins: {
    tenant_id: text<Id<'ten'>>(),
    /** Of the browser's cookie, under the tenant's pepper. */
    hash: blind(),
    expires_at: integer(),
  },
} as const
