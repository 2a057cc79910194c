/** Signing in by a provider, and what agents got by a provider's tokens. Frozen once released. */
import { closed, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE provider_sign_ins (
      tenant_id TEXT NOT NULL,
      hash BLOB NOT NULL,
      expires_at INTEGER NOT NULL,
      PRIMARY KEY (tenant_id, hash)
    ) STRICT`,
  'CREATE INDEX provider_sign_ins_by_expiry ON provider_sign_ins (expires_at)',
  'ALTER TABLE token_families ADD COLUMN subject_identity_id TEXT',
  'ALTER TABLE token_families ADD COLUMN subject_held BLOB',
] as const

export const providerSignIns = {
  name: '016-provider-sign-ins',
  // The row MACs of families cover the new columns, so those of before end.
  sqlite: ['DELETE FROM token_families', ...sqlite],
  postgres: [
    // Row security holds the owner as well, so DELETE would find nothing.
    'TRUNCATE locket.token_families',
    ...sqlite.map(translated),
    ...closed('provider_sign_ins', {
      app: 'SELECT, INSERT',
      system: ['SELECT (hash, expires_at), DELETE'],
    }),
    // No sample of what is sealed, as in 002-compaction.
    'ALTER TABLE locket.token_families ALTER COLUMN subject_held SET STATISTICS 0',
  ],
}
