/**
 * Challenges of sign-ins by a passkey alone are no longer kept when they are asked for, but when they were
 * answered. Those that were asked for before are over. Frozen once released.
 */
import { closed, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE passkey_challenges (
      tenant_id TEXT NOT NULL,
      hash BLOB NOT NULL,
      expires_at INTEGER NOT NULL,
      PRIMARY KEY (tenant_id, hash)
    ) STRICT`,
  'CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (expires_at)',
] as const

export const answeredChallenges = {
  name: '018-answered-challenges',
  sqlite: ['DROP TABLE passkey_challenges', ...sqlite],
  postgres: [
    'DROP TABLE locket.passkey_challenges',
    ...sqlite.map(translated),
    ...closed('passkey_challenges', {
      app: 'SELECT, INSERT',
      system: ['SELECT (hash, expires_at), DELETE'],
    }),
  ],
}
