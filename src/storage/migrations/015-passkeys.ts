/** What passkeys are found by, and the challenges of who signs in by one alone. Frozen once released. */
import { closed, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE passkeys (
      tenant_id TEXT NOT NULL,
      factor_id TEXT NOT NULL,
      principal_id TEXT NOT NULL,
      credential_index BLOB NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, factor_id)
    ) STRICT`,
  `CREATE UNIQUE INDEX passkeys_by_credential ON passkeys (tenant_id, credential_index)`,
  'CREATE INDEX passkeys_by_principal ON passkeys (tenant_id, principal_id)',

  `CREATE TABLE passkey_challenges (
      tenant_id TEXT NOT NULL,
      challenge_id TEXT NOT NULL,
      of_tenant_id TEXT,
      hash BLOB NOT NULL,
      pepper_version INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, challenge_id)
    ) STRICT`,
  'CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (expires_at)',
] as const

export const passkeys = {
  name: '015-passkeys',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    ...closed('passkeys', { app: 'SELECT, INSERT, DELETE' }),
    ...closed('passkey_challenges', {
      app: 'SELECT, INSERT, DELETE',
      system: ['SELECT (challenge_id, expires_at), DELETE'],
    }),
  ],
}
