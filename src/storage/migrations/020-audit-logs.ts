/** Audit logs: which event is which leaf, tiles and checkpoints. Frozen once released. */
import { closed, translated } from './postgres.ts'

const tables = [
  `CREATE TABLE audit_logs (
      tenant_id TEXT NOT NULL,
      state TEXT NOT NULL,
      size INTEGER NOT NULL,
      first_index INTEGER NOT NULL,
      checkpoint BLOB NOT NULL,
      signed_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id)
    ) STRICT`,
  `CREATE TABLE audit_tiles (
      tenant_id TEXT NOT NULL,
      level INTEGER NOT NULL,
      tile INTEGER NOT NULL,
      data BLOB NOT NULL,
      PRIMARY KEY (tenant_id, level, tile)
    ) STRICT`,
  `CREATE TABLE checkpoint_keys (
      tenant_id TEXT NOT NULL,
      checkpoint_key_id TEXT NOT NULL,
      public_key BLOB NOT NULL,
      sealed_key BLOB NOT NULL,
      created_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, checkpoint_key_id)
    ) STRICT`,
] as const

const leaves = [
  'ALTER TABLE audit_events ADD COLUMN proof BLOB',
  'ALTER TABLE audit_events ADD COLUMN leaf INTEGER',
  'CREATE INDEX audit_events_waiting ON audit_events (tenant_id, event_id) WHERE leaf IS NULL',
  'CREATE UNIQUE INDEX audit_events_by_leaf ON audit_events (tenant_id, leaf) WHERE leaf >= 0',
] as const

export const auditLogs = {
  name: '020-audit-logs',
  sqlite: [...tables, ...leaves],
  postgres: [
    ...tables.map(translated),
    ...leaves.map(translated),
    // Only the one who makes leaves of events may say which they are. A move adds what was elsewhere.
    ...closed('audit_logs', {
      app: 'SELECT, INSERT',
      system: ['SELECT (tenant_id)', 'INSERT', 'UPDATE'],
    }),
    ...closed('audit_tiles', {
      app: 'SELECT, INSERT',
      system: ['SELECT (tenant_id, level, tile)', 'INSERT', 'UPDATE'],
    }),
    ...closed('checkpoint_keys', { app: 'SELECT, INSERT' }),
    'CREATE POLICY of_all ON locket.audit_events TO locket_system USING (true)',
    'GRANT SELECT (tenant_id, event_id, leaf), UPDATE (leaf) ON locket.audit_events TO locket_system',
    // No sample of what is sealed, as in 002-compaction.
    'ALTER TABLE locket.checkpoint_keys ALTER COLUMN sealed_key SET STATISTICS 0',
  ],
}
