/** Identity providers, and whom they know as which principal. Frozen once released. */
import { closed, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE identity_providers (
      tenant_id TEXT NOT NULL,
      provider_id TEXT NOT NULL,
      state TEXT NOT NULL,
      issuer_index BLOB NOT NULL,
      details BLOB NOT NULL,
      created_at INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      updated_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, provider_id)
    ) STRICT`,
  `CREATE UNIQUE INDEX identity_providers_by_issuer
      ON identity_providers (tenant_id, issuer_index)`,

  `CREATE TABLE external_identities (
      tenant_id TEXT NOT NULL,
      identity_id TEXT NOT NULL,
      provider_id TEXT NOT NULL,
      principal_id TEXT NOT NULL,
      subject_index BLOB NOT NULL,
      details BLOB NOT NULL,
      created_at INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, identity_id)
    ) STRICT`,
  `CREATE UNIQUE INDEX external_identities_by_subject
      ON external_identities (tenant_id, subject_index)`,
  `CREATE INDEX external_identities_by_principal
      ON external_identities (tenant_id, principal_id)`,
  `CREATE INDEX external_identities_by_provider
      ON external_identities (tenant_id, provider_id)`,
] as const

export const identityProviders = {
  name: '007-identity-providers',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    ...closed('identity_providers', { app: 'SELECT, INSERT, UPDATE, DELETE' }),
    ...closed('external_identities', { app: 'SELECT, INSERT, DELETE' }),
    'ALTER TABLE locket.identity_providers ALTER COLUMN details SET STATISTICS 0',
    'ALTER TABLE locket.external_identities ALTER COLUMN details SET STATISTICS 0',
  ],
}
