/** What deduplication, compaction and embedders need of a memory's row. Frozen once released. */
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

export const compaction = {
  name: '002-compaction',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    // The job that embeds looks over all tenants for what is not settled for the current model.
    `GRANT SELECT (embedding) ON locket.memories TO ${systemRole}`,
  ],
}
