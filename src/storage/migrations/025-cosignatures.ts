/** How far witnesses have cosigned our logs. Frozen once released. */
import { closed, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE audit_cosignatures (
      tenant_id TEXT NOT NULL,
      witness TEXT NOT NULL,
      state TEXT NOT NULL,
      size INTEGER NOT NULL,
      cosigned BLOB,
      cosigned_at INTEGER,
      tried_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, witness)
    ) STRICT`,
] as const

export const cosignatures = {
  name: '025-cosignatures',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    // As with the logs themselves: only the job that asks for cosignatures says which there are.
    ...closed('audit_cosignatures', {
      app: 'SELECT, INSERT',
      system: ['SELECT (tenant_id, witness, state, size, tried_at)', 'INSERT', 'UPDATE'],
    }),
    'GRANT SELECT (size) ON locket.audit_logs TO locket_system',
  ],
}
