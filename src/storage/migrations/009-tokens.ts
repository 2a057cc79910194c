/** Access and refresh tokens, and the keys that sign. Frozen once released. */
import { closed, systemRole, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE token_families (
      tenant_id TEXT NOT NULL,
      family_id TEXT NOT NULL,
      principal_id TEXT NOT NULL,
      key_id TEXT NOT NULL,
      state TEXT NOT NULL,
      public_id TEXT,
      hash BLOB,
      pepper_version INTEGER NOT NULL,
      ends_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, family_id)
    ) STRICT`,
  `CREATE UNIQUE INDEX token_families_by_public_id ON token_families (tenant_id, public_id)
      WHERE public_id IS NOT NULL`,
  'CREATE INDEX token_families_by_principal ON token_families (tenant_id, principal_id, ends_at)',
  'CREATE INDEX token_families_by_end ON token_families (ends_at)',

  `CREATE TABLE signing_keys (
      tenant_id TEXT NOT NULL,
      signing_key_id TEXT NOT NULL,
      public_key BLOB NOT NULL,
      sealed_key BLOB NOT NULL,
      signs_from INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, signing_key_id)
    ) STRICT`,
] as const

export const tokens = {
  name: '009-tokens',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    // The job that sweeps sees of all tenants' families which are over, and no more.
    ...closed('token_families', {
      app: 'SELECT, INSERT, UPDATE',
      system: ['SELECT (family_id, public_id, ends_at), DELETE'],
    }),
    ...closed('signing_keys', { app: 'SELECT, INSERT, DELETE' }),
    `GRANT SELECT (public_id), DELETE ON locket.credential_directory TO ${systemRole}`,
    'ALTER TABLE locket.signing_keys ALTER COLUMN sealed_key SET STATISTICS 0',
  ],
}
