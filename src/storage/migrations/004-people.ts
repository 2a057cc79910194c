/** How people sign in: passwords, and the links that set them. Frozen once released. */
import { closed, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE passwords (
      tenant_id TEXT NOT NULL,
      principal_id TEXT NOT NULL,
      hash BLOB NOT NULL,
      updated_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, principal_id)
    ) STRICT`,

  `CREATE TABLE password_links (
      tenant_id TEXT NOT NULL,
      link_id TEXT NOT NULL,
      principal_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      hash BLOB NOT NULL,
      pepper_version INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, link_id)
    ) STRICT`,
  'CREATE INDEX password_links_by_principal ON password_links (tenant_id, principal_id)',
  'CREATE INDEX password_links_by_expiry ON password_links (expires_at)',
] as const

const rights = {
  passwords: { app: 'SELECT, INSERT, UPDATE, DELETE' },
  password_links: {
    app: 'SELECT, INSERT, DELETE',
    system: ['SELECT (link_id, expires_at), DELETE'],
  },
} as const

export const people = {
  name: '004-people',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    ...Object.entries(rights).flatMap(([table, some]) => closed(table, some)),
    // No sample of what is sealed, as in 002-compaction.
    'ALTER TABLE locket.passwords ALTER COLUMN hash SET STATISTICS 0',
  ],
}
