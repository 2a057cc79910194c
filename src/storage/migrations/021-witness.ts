/** Logs of others whose checkpoints are cosigned. All rows are the instance's. Frozen once released. */
import { closed, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE witness_keys (
      tenant_id TEXT NOT NULL,
      witness_key_id TEXT NOT NULL,
      public_key BLOB NOT NULL,
      sealed_key BLOB NOT NULL,
      created_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, witness_key_id)
    ) STRICT`,
  `CREATE TABLE witnessed_logs (
      tenant_id TEXT NOT NULL,
      witnessed_log_id TEXT NOT NULL,
      state TEXT NOT NULL,
      origin_index BLOB NOT NULL,
      details BLOB NOT NULL,
      size INTEGER NOT NULL,
      root BLOB NOT NULL,
      cosigned BLOB,
      cosigned_at INTEGER,
      evidence BLOB,
      created_at INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, witnessed_log_id)
    ) STRICT`,
  `CREATE UNIQUE INDEX witnessed_logs_by_origin
      ON witnessed_logs (tenant_id, origin_index)`,
] as const

export const witness = {
  name: '021-witness',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    ...closed('witness_keys', { app: 'SELECT, INSERT' }),
    // A log is never forgotten: where it stood is what a later checkpoint of it is held to.
    ...closed('witnessed_logs', { app: 'SELECT, INSERT, UPDATE' }),
    // No sample of what is sealed, as in 002-compaction.
    'ALTER TABLE locket.witness_keys ALTER COLUMN sealed_key SET STATISTICS 0',
    'ALTER TABLE locket.witnessed_logs ALTER COLUMN details SET STATISTICS 0',
    'ALTER TABLE locket.witnessed_logs ALTER COLUMN cosigned SET STATISTICS 0',
    'ALTER TABLE locket.witnessed_logs ALTER COLUMN evidence SET STATISTICS 0',
  ],
}
