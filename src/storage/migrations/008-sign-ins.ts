/** Where people are signed in. Frozen once released. */
import { closed, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE sign_ins (
      tenant_id TEXT NOT NULL,
      sign_in_id TEXT NOT NULL,
      principal_id TEXT NOT NULL,
      state TEXT NOT NULL,
      hash BLOB NOT NULL,
      pepper_version INTEGER NOT NULL,
      confirmed_at INTEGER NOT NULL,
      seen_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      origin BLOB NOT NULL,
      created_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, sign_in_id)
    ) STRICT`,
  'CREATE INDEX sign_ins_by_principal ON sign_ins (tenant_id, principal_id)',
  'CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at)',
] as const

export const signIns = {
  name: '008-sign-ins',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    ...closed('sign_ins', {
      app: 'SELECT, INSERT, UPDATE, DELETE',
      system: ['SELECT (sign_in_id, expires_at), DELETE'],
    }),
    // No sample of what is sealed, as in 002-compaction.
    'ALTER TABLE locket.sign_ins ALTER COLUMN origin SET STATISTICS 0',
  ],
}
