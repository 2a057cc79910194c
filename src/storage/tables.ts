/**
 * Every table and column, each with its classification: a column is made by one of the functions of
 * `column.ts`, so an unclassified one does not compile.
 */
import type { Id } from '../core/ids.ts'
import { auditTables } from './audit-tables.ts'
import {
  blind,
  type Column,
  counter,
  digest,
  integer,
  nullable,
  secret,
  sensitive,
  text,
} from './column.ts'
import type { KeyScope, PrincipalId } from './key-scope.ts'
import { signInTables } from './sign-in-tables.ts'
import { tokenTables } from './token-tables.ts'

export type { KeyScope, PrincipalId } from './key-scope.ts'

/** What somebody proves himself by beyond his first proof. */
export type FactorKind = 'totp' | 'passkey' | 'recovery-code'

export const tables = {
  /** The format of what is stored; and marks of having come from, or gone to, another database. */
  instance: { name: text(), format: integer(), created_at: integer() },

  tenants: {
    tenant_id: text<Id<'ten'>>(),
    state: text<'active' | 'disabled'>(),
    /** Rises whenever rights in the tenant change; what nodes remember of them is by this number. */
    epoch: counter(),
    slug_index: blind(),
    profile: sensitive(),
    created_at: integer(),
    updated_at: integer(),
    mac: digest(),
  },

  encryption_keys: {
    tenant_id: text<Id<'ten'>>(),
    scope: text<KeyScope>(),
    version: integer(),
    state: text<'current' | 'retired' | 'destroyed'>(),
    wrapped: secret(),
    seals: counter(),
    created_at: integer(),
  },

  principals: {
    tenant_id: text<Id<'ten'>>(),
    principal_id: text<PrincipalId>(),
    kind: text<'user' | 'agent' | 'service'>(),
    state: text<'active' | 'disabled' | 'deleted'>(),
    handle_index: blind(),
    profile: nullable(sensitive()),
    created_at: integer(),
    updated_at: integer(),
    mac: digest(),
  },

  /** Only agents with a quota have a row. It grants nothing: how many may be is in the profile. */
  agent_quotas: {
    tenant_id: text<Id<'ten'>>(),
    principal_id: text<Id<'agt'>>(),
    /** How many live memories it has stored, in all spaces. */
    memories: integer(),
  },

  /** Stands outside the tenants: which tenant a credential belongs to. */
  credential_directory: { public_id: text(), tenant_id: text<Id<'ten'>>() },

  api_keys: {
    tenant_id: text<Id<'ten'>>(),
    key_id: text<Id<'key'>>(),
    public_id: text(),
    principal_id: text<PrincipalId>(),
    state: text<'active' | 'revoked'>(),
    hash: blind(),
    pepper_version: integer(),
    expires_at: nullable(integer()),
    details: sensitive(),
    created_at: integer(),
    created_by: text<PrincipalId>(),
    mac: digest(),
  },

  api_key_uses: {
    tenant_id: text<Id<'ten'>>(),
    key_id: text<Id<'key'>>(),
    last_used_at: integer(),
  },

  /** What a key with a budget has used on one day: a counter, as in docs/adr/0004. */
  api_key_budgets: {
    tenant_id: text<Id<'ten'>>(),
    key_id: text<Id<'key'>>(),
    /** Since the Unix epoch. */
    day: integer(),
    operations: integer(),
    body_bytes: integer(),
    embed_characters: integer(),
  },

  ...tokenTables,

  roles: {
    tenant_id: text<Id<'ten'>>(),
    role_id: text<Id<'rol'>>(),
    name_index: blind(),
    definition: sensitive(),
    created_at: integer(),
    updated_at: integer(),
    mac: digest(),
  },

  grants: {
    tenant_id: text<Id<'ten'>>(),
    grant_id: text<Id<'grt'>>(),
    principal_id: text<PrincipalId>(),
    /** A role's id, or the name of a preset. */
    role: text(),
    /** Null: the whole tenant. */
    space_id: nullable(text<Id<'spc'>>()),
    created_at: integer(),
    created_by: text<PrincipalId>(),
    mac: digest(),
  },

  passwords: {
    tenant_id: text<Id<'ten'>>(),
    principal_id: text<PrincipalId>(),
    /** Of argon2id, under the principal's key. */
    hash: secret(),
    updated_at: integer(),
    mac: digest(),
  },

  /** Links that set a password, once: an invitation, or a reset. */
  password_links: {
    tenant_id: text<Id<'ten'>>(),
    link_id: text<Id<'lnk'>>(),
    principal_id: text<PrincipalId>(),
    kind: text<'invitation' | 'password-reset'>(),
    hash: blind(),
    pepper_version: integer(),
    expires_at: integer(),
    created_at: integer(),
    created_by: text<PrincipalId>(),
    mac: digest(),
    /** What it ends with: the address that it was mailed to, the API key that it was made by. */
    email_id: nullable(text<Id<'eml'>>()),
    key_id: nullable(text<Id<'key'>>()),
  },

  /** Addresses of people, of which each has one that is proven and one at most that waits for it. */
  principal_emails: {
    tenant_id: text<Id<'ten'>>(),
    email_id: text<Id<'eml'>>(),
    principal_id: text<PrincipalId>(),
    /** Under the principal's key. */
    address: sensitive(),
    /** Of what addresses are compared by; null: it is not proven, and counts for nothing. */
    address_index: nullable(blind()),
    /** The invitation that was sent there, whose spending proves it. */
    link_id: nullable(text<Id<'lnk'>>()),
    /** Of the token that was sent there. */
    hash: nullable(blind()),
    pepper_version: integer(),
    /** When it is over unless it is proven; null: it is. */
    expires_at: nullable(integer()),
    proven_at: nullable(integer()),
    created_at: integer(),
    created_by: text<PrincipalId>(),
    mac: digest(),
  },

  /** Mails that wait to be sent. It grants nothing: what it is about is sealed, and bound to its row. */
  mails: {
    tenant_id: text<Id<'ten'>>(),
    mail_id: text<Id<'mal'>>(),
    /** Null: for whom it is, is looked up when it is sent. */
    principal_id: nullable(text<PrincipalId>()),
    /** Under the principal's key, else the tenant's. */
    content: sensitive(),
    tries: integer(),
    /** When it is looked at next. */
    due_at: integer(),
    created_at: integer(),
    /** Who has somebody mailed a link that sets a password; null: it is another mail. */
    link_by: nullable(text<PrincipalId>()),
  },

  /** Who else says who somebody is: issuers whose tokens are taken in this tenant. */
  identity_providers: {
    tenant_id: text<Id<'ten'>>(),
    provider_id: text<Id<'idp'>>(),
    state: text<'active' | 'disabled'>(),
    issuer_index: blind(),
    details: sensitive(),
    created_at: integer(),
    created_by: text<PrincipalId>(),
    updated_at: integer(),
    mac: digest(),
  },

  /** Whom a provider calls so is this principal. */
  external_identities: {
    tenant_id: text<Id<'ten'>>(),
    identity_id: text<Id<'xid'>>(),
    provider_id: text<Id<'idp'>>(),
    principal_id: text<PrincipalId>(),
    /** Of issuer and subject. */
    subject_index: blind(),
    /** Under the principal's key. */
    details: sensitive(),
    created_at: integer(),
    /** Himself, where he was made at first use. */
    created_by: text<PrincipalId>(),
    mac: digest(),
  },

  /** From where nothing is answered; of the instance. */
  blocked_addresses: {
    tenant_id: text<Id<'ten'>>(),
    block_id: text<Id<'ban'>>(),
    details: sensitive(),
    expires_at: nullable(integer()),
    created_at: integer(),
    created_by: text<PrincipalId>(),
    mac: digest(),
  },

  sign_ins: {
    tenant_id: text<Id<'ten'>>(),
    sign_in_id: text<Id<'sin'>>(),
    principal_id: text<PrincipalId>(),
    /** `pending`: a factor is missing, so it is no credential yet. */
    state: text<'active' | 'pending'>(),
    hash: blind(),
    pepper_version: integer(),
    /** When he last proved who he is; 0: his provider did not tell. */
    confirmed_at: integer(),
    /** Written down now and then; within a minute of the truth. */
    seen_at: integer(),
    expires_at: integer(),
    /** From where, and with what. */
    origin: sensitive(),
    created_at: integer(),
    mac: digest(),
    /** What he proved himself by first; `short-password`: one that is too short for who administers. */
    method: text<'password' | 'short-password' | 'passkey' | 'oidc'>(),
    /** The second factor that was proven; `provider`: his identity provider says so. Null: none. */
    factor: nullable(text<FactorKind | 'provider'>()),
    /** Factors that were shown while it is pending, and were wrong. */
    tries: integer(),
  },

  /** Second factors of people. Each kind keeps what it needs in `data`. */
  factors: {
    tenant_id: text<Id<'ten'>>(),
    factor_id: text<Id<'fac'>>(),
    principal_id: text<PrincipalId>(),
    kind: text<FactorKind>(),
    /** `pending`: begun, and not proven once. */
    state: text<'pending' | 'active'>(),
    /** When it goes unless it is proven; null for one that was. */
    expires_at: nullable(integer()),
    /** Under the principal's key. */
    data: secret(),
    created_at: integer(),
    mac: digest(),
  },

  ...signInTables,

  spaces: {
    tenant_id: text<Id<'ten'>>(),
    space_id: text<Id<'spc'>>(),
    state: text<'active' | 'destroyed'>(),
    /** Null for `org`. */
    owner_id: nullable(text<PrincipalId>()),
    handle_index: blind(),
    profile: nullable(sensitive()),
    /** Counts every change in the space; sequence order is commit order. */
    seq: counter(),
    /** An index older than this missed tombstones that were swept, and must be rebuilt. */
    seq_floor: counter(),
    memories: counter(),
    created_at: integer(),
    mac: digest(),
  },

  memories: {
    tenant_id: text<Id<'ten'>>(),
    memory_id: text<Id<'mem'>>(),
    space_id: text<Id<'spc'>>(),
    seq: integer(),
    /** `superseded`: compaction replaced it; it is out of recall and can be brought back. */
    state: text<'live' | 'superseded' | 'deleted'>(),
    /** To the hour, for the sweeper; the exact time is sealed. */
    expires_at: nullable(integer()),
    key_version: integer(),
    key_index: nullable(blind()),
    record: nullable(sensitive()),
    /** Over all that makes two memories the same, under the space's key. */
    content_index: nullable(blind()),
    /** The code of the embedder that the record is settled for. */
    embedding: nullable(text()),
    /** The agent whose quota it counts for: it stored it, and it is live. */
    stored_by: nullable(text<Id<'agt'>>()),
  },

  memory_versions: {
    tenant_id: text<Id<'ten'>>(),
    memory_id: text<Id<'mem'>>(),
    seq: integer(),
    space_id: text<Id<'spc'>>(),
    key_version: integer(),
    record: sensitive(),
  },

  ...auditTables,

  idempotency_keys: {
    tenant_id: text<Id<'ten'>>(),
    key_hash: blind(),
    fingerprint: blind(),
    scope: text<KeyScope>(),
    /** The HTTP status of the answer. */
    status: integer(),
    /** Null where the answer is not kept: it carried a secret, or what it spoke of was deleted. */
    answer: nullable(sensitive()),
    expires_at: integer(),
  },
} as const satisfies Record<string, Record<string, Column<unknown>>>

export type TableName = keyof typeof tables

type ValueOf<C> = C extends Column<infer T> ? T : never

/** The row types of all tables, as the query builder sees them. */
export type Tables = {
  [Name in TableName]: { [Key in keyof (typeof tables)[Name]]: ValueOf<(typeof tables)[Name][Key]> }
}
