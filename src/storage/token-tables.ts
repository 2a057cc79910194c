/** The tables of access tokens, and of what signs them, in a file of their own: all others fill theirs. */
import type { Id } from '../core/ids.ts'
import { blind, digest, integer, nullable, secret, sensitive, text } from './column.ts'
import type { PrincipalId } from './key-scope.ts'

export const tokenTables = {
  /** All tokens that come from one exchange of a credential; its refresh token is replaced at each use. */
  token_families: {
    tenant_id: text<Id<'ten'>>(),
    family_id: text<Id<'fam'>>(),
    principal_id: text<PrincipalId>(),
    /** The API key or the sign-in that it was got by: it may no more, from nowhere else, and no longer. */
    credential_id: text<Id<'key' | 'sin'>>(),
    state: text<'active' | 'revoked'>(),
    /** Of its refresh token; null: it has none. */
    public_id: nullable(text()),
    hash: nullable(blind()),
    pepper_version: integer(),
    /** When nothing of it works any more unless it is used before; never beyond `expires_at`. */
    ends_at: integer(),
    expires_at: integer(),
    created_at: integer(),
    mac: digest(),
    /** The user for whom an agent acts by it; null: whoever has it acts for himself. */
    subject_id: nullable(text<Id<'usr'>>()),
    /** The family of the token that he had shown; null: the agent was declared to act for him. */
    subject_family_id: nullable(text<Id<'fam'>>()),
    /** When tokens of it were last given out. */
    renewed_at: integer(),
    /** Whom a provider's token meant that he had shown instead; null: he showed none. */
    subject_identity_id: nullable(text<Id<'xid'>>()),
    /** Which claims of that token gave roles, under the user's key. */
    subject_held: nullable(sensitive()),
    /** SHA-256 of the access token that was last given out: whoever shows it need not prove it more. */
    access_hash: nullable(digest()),
  },

  /** What signs access tokens; all of them are the instance's own. */
  signing_keys: {
    tenant_id: text<Id<'ten'>>(),
    signing_key_id: text<Id<'sgk'>>(),
    public_key: digest(),
    sealed_key: secret(),
    signs_from: integer(),
    created_at: integer(),
    mac: digest(),
  },
} as const
