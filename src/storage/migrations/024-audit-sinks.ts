/** How far each log was shipped to each sink. Frozen once released. */
import { closed, translated } from './postgres.ts'

const table = `CREATE TABLE audit_sinks (
      tenant_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      next_leaf INTEGER NOT NULL,
      sending_until INTEGER NOT NULL,
      sender_id TEXT,
      sender_until INTEGER NOT NULL,
      state TEXT NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, kind)
    ) STRICT`

export const auditSinks = {
  name: '024-audit-sinks',
  sqlite: [table],
  postgres: [
    translated(table),
    // Only the one who ships may say how far he has come. A move adds what was elsewhere.
    ...closed('audit_sinks', {
      app: 'SELECT, INSERT',
      system: ['SELECT (tenant_id, kind, next_leaf, sending_until)', 'INSERT', 'UPDATE'],
    }),
    'GRANT SELECT (size) ON locket.audit_logs TO locket_system',
  ],
}
