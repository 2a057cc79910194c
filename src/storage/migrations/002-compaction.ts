/**
 * What deduplication, compaction and embedders need of a memory's row; and no samples of what is sealed.
 * Frozen once released.
 */
import { systemRole, translated } from './postgres.ts'

const sqlite = [
  'ALTER TABLE memories ADD COLUMN content_index BLOB',
  'ALTER TABLE memories ADD COLUMN embedding TEXT',
  // Not unique: who may only write is told nothing, so what he repeats stands beside the first.
  `CREATE INDEX memories_by_content ON memories (tenant_id, space_id, content_index)
      WHERE content_index IS NOT NULL`,
  `CREATE INDEX memories_superseded ON memories (tenant_id, space_id, seq)
      WHERE state = 'superseded'`,
] as const

/**
 * What `ANALYZE` would keep values of as a sample, beyond the end of their row: a wrapped key that was
 * overwritten since, a record that was deleted. Nothing is ever asked by them. Blind indexes are, and
 * tell nothing once their key is gone.
 */
const sealed = [
  'tenants.profile',
  'encryption_keys.wrapped',
  'principals.profile',
  'api_keys.details',
  'roles.definition',
  'spaces.profile',
  'memories.record',
  'memory_versions.record',
  'audit_events.origin',
  'audit_events.body',
  'idempotency_keys.answer',
] as const

function unsampled(name: (typeof sealed)[number]): string {
  const [table, column] = name.split('.')
  return `ALTER TABLE locket.${table} ALTER COLUMN ${column} SET STATISTICS 0`
}

export const compaction = {
  name: '002-compaction',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    // The job that embeds looks over all tenants for what is not settled for the current model.
    `GRANT SELECT (embedding) ON locket.memories TO ${systemRole}`,
    ...sealed.map(unsampled),
  ],
}
