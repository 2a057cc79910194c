/** Families of tokens name the access token that was last given out. Frozen once released. */
import { translated } from './postgres.ts'

const sqlite = ['ALTER TABLE token_families ADD COLUMN access_hash BLOB'] as const

export const accessHashes = {
  name: '019-access-hashes',
  // The row MACs of families cover the new column, so those of before end.
  sqlite: ['DELETE FROM token_families', ...sqlite],
  // Row security holds the owner as well, so DELETE would find nothing.
  postgres: ['TRUNCATE locket.token_families', ...sqlite.map(translated)],
}
