/** By what the rows of each table are told apart. */
import type { TableName, Tables } from './tables.ts'

/** Primary keys, in order; all but the instance's own and the directory's start with the tenant. */
export const primaryKeys = {
  instance: ['name'],
  tenants: ['tenant_id'],
  encryption_keys: ['tenant_id', 'scope', 'version'],
  principals: ['tenant_id', 'principal_id'],
  agent_quotas: ['tenant_id', 'principal_id'],
  credential_directory: ['public_id'],
  api_keys: ['tenant_id', 'key_id'],
  api_key_uses: ['tenant_id', 'key_id'],
  api_key_budgets: ['tenant_id', 'key_id'],
  token_families: ['tenant_id', 'family_id'],
  signing_keys: ['tenant_id', 'signing_key_id'],
  roles: ['tenant_id', 'role_id'],
  grants: ['tenant_id', 'grant_id'],
  identity_providers: ['tenant_id', 'provider_id'],
  external_identities: ['tenant_id', 'identity_id'],
  passwords: ['tenant_id', 'principal_id'],
  password_links: ['tenant_id', 'link_id'],
  principal_emails: ['tenant_id', 'email_id'],
  mails: ['tenant_id', 'mail_id'],
  sign_ins: ['tenant_id', 'sign_in_id'],
  factors: ['tenant_id', 'factor_id'],
  blocked_addresses: ['tenant_id', 'block_id'],
  spaces: ['tenant_id', 'space_id'],
  memories: ['tenant_id', 'memory_id'],
  memory_versions: ['tenant_id', 'memory_id', 'seq'],
  audit_events: ['tenant_id', 'event_id'],
  idempotency_keys: ['tenant_id', 'key_hash'],
} as const satisfies { [Name in TableName]: readonly (keyof Tables[Name])[] }
