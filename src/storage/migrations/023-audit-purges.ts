/** Events and tiles that go when their time is over, and how far that has come. Frozen once released. */
import { closed, translated } from './postgres.ts'

const table = `CREATE TABLE audit_purges (
      tenant_id TEXT NOT NULL,
      class TEXT NOT NULL,
      next_leaf INTEGER NOT NULL,
      event_id TEXT,
      PRIMARY KEY (tenant_id, class)
    ) STRICT`

export const auditPurges = {
  name: '023-audit-purges',
  sqlite: [table],
  postgres: [
    translated(table),
    // A move adds what was elsewhere.
    ...closed('audit_purges', {
      app: 'SELECT, INSERT',
      system: ['SELECT (tenant_id, class)', 'INSERT', 'UPDATE'],
    }),
    // Only the job that keeps to the periods removes anything; requests add and read, as before.
    'GRANT SELECT (class), DELETE ON locket.audit_events TO locket_system',
    'GRANT DELETE ON locket.audit_tiles TO locket_system',
  ],
}
