/**
 * Tokens by a sign-in: what a family was got by is a key or a sign-in; when it was last renewed; and its
 * quota is counted by what it was got by. Tokens of before end: their MACs cover other names. Frozen once
 * released.
 */
import { translated } from './postgres.ts'

const sqlite = [
  'ALTER TABLE token_families RENAME COLUMN key_id TO credential_id',
  'ALTER TABLE token_families ADD COLUMN renewed_at INTEGER NOT NULL DEFAULT 0',
  'CREATE INDEX token_families_by_credential ON token_families (tenant_id, credential_id, ends_at)',
] as const

export const signInTokens = {
  name: '012-sign-in-tokens',
  sqlite: ['DELETE FROM token_families', ...sqlite],
  // Row security holds the owner as well, so DELETE would find nothing.
  postgres: ['TRUNCATE locket.token_families', ...sqlite.map(translated)],
}
