/** Which agent a memory counts for, and how many an agent with a quota has. Frozen once released. */
import { closed, translated } from './postgres.ts'

const sqlite = [
  'ALTER TABLE memories ADD COLUMN stored_by TEXT',
  `CREATE INDEX memories_by_agent ON memories (tenant_id, stored_by, space_id)
      WHERE stored_by IS NOT NULL`,
  `CREATE TABLE agent_quotas (
      tenant_id TEXT NOT NULL,
      principal_id TEXT NOT NULL,
      memories INTEGER NOT NULL,
      PRIMARY KEY (tenant_id, principal_id)
    ) STRICT`,
] as const

export const agents = {
  name: '005-agents',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    ...closed('agent_quotas', { app: 'SELECT, INSERT, UPDATE, DELETE' }),
    'ALTER TABLE locket.agent_quotas SET (fillfactor = 50)',
  ],
}
