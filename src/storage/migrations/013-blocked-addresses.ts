/** From where nothing is answered. All rows are the instance's. Frozen once released. */
import { closed, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE blocked_addresses (
      tenant_id TEXT NOT NULL,
      block_id TEXT NOT NULL,
      details BLOB NOT NULL,
      expires_at INTEGER,
      created_at INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, block_id)
    ) STRICT`,
] as const

export const blockedAddresses = {
  name: '013-blocked-addresses',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    ...closed('blocked_addresses', { app: 'SELECT, INSERT, DELETE' }),
    // No sample of what is sealed, as in 002-compaction.
    'ALTER TABLE locket.blocked_addresses ALTER COLUMN details SET STATISTICS 0',
  ],
}
