/**
 * Second factors, and what a sign-in was proven by. Who is signed in signs in once more: the MAC of
 * a sign-in covers what it was proven by. Frozen once released.
 */
import { closed, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE factors (
      tenant_id TEXT NOT NULL,
      factor_id TEXT NOT NULL,
      principal_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      state TEXT NOT NULL,
      expires_at INTEGER,
      data BLOB NOT NULL,
      created_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, factor_id)
    ) STRICT`,
  'CREATE INDEX factors_by_principal ON factors (tenant_id, principal_id)',
  'CREATE INDEX factors_by_expiry ON factors (expires_at) WHERE expires_at IS NOT NULL',
  "ALTER TABLE sign_ins ADD COLUMN method TEXT NOT NULL DEFAULT 'password'",
  'ALTER TABLE sign_ins ADD COLUMN factor TEXT',
  'ALTER TABLE sign_ins ADD COLUMN tries INTEGER NOT NULL DEFAULT 0',
] as const

export const factors = {
  name: '011-factors',
  sqlite: ['DELETE FROM sign_ins', ...sqlite],
  postgres: [
    // Row security holds the owner as well, so DELETE would find nothing.
    'TRUNCATE locket.sign_ins',
    ...sqlite.map(translated),
    ...closed('factors', {
      app: 'SELECT, INSERT, UPDATE, DELETE',
      system: ['SELECT (factor_id, expires_at), DELETE'],
    }),
    // No sample of what is sealed, as in 002-compaction.
    'ALTER TABLE locket.factors ALTER COLUMN data SET STATISTICS 0',
  ],
}
