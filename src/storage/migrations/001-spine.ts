/** The tables of the first release. Frozen: what changes them is a migration of its own. */
import { closed, kept, opened, spineRights, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE instance (
      name TEXT NOT NULL PRIMARY KEY,
      format INTEGER NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT`,

  `CREATE TABLE tenants (
      tenant_id TEXT NOT NULL PRIMARY KEY,
      state TEXT NOT NULL,
      epoch INTEGER NOT NULL,
      slug_index BLOB NOT NULL,
      profile BLOB NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      mac BLOB NOT NULL
    ) STRICT`,
  'CREATE UNIQUE INDEX tenants_by_slug ON tenants (slug_index)',

  `CREATE TABLE encryption_keys (
      tenant_id TEXT NOT NULL,
      scope TEXT NOT NULL,
      version INTEGER NOT NULL,
      state TEXT NOT NULL,
      wrapped BLOB NOT NULL,
      seals INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (tenant_id, scope, version)
    ) STRICT`,

  `CREATE TABLE principals (
      tenant_id TEXT NOT NULL,
      principal_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      state TEXT NOT NULL,
      handle_index BLOB NOT NULL,
      profile BLOB,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, principal_id)
    ) STRICT`,
  'CREATE UNIQUE INDEX principals_by_handle ON principals (tenant_id, handle_index)',

  `CREATE TABLE credential_directory (
      public_id TEXT NOT NULL PRIMARY KEY,
      tenant_id TEXT NOT NULL
    ) STRICT`,

  `CREATE TABLE api_keys (
      tenant_id TEXT NOT NULL,
      key_id TEXT NOT NULL,
      public_id TEXT NOT NULL,
      principal_id TEXT NOT NULL,
      state TEXT NOT NULL,
      hash BLOB NOT NULL,
      pepper_version INTEGER NOT NULL,
      expires_at INTEGER,
      details BLOB NOT NULL,
      created_at INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, key_id)
    ) STRICT`,
  'CREATE UNIQUE INDEX api_keys_by_public_id ON api_keys (tenant_id, public_id)',
  'CREATE INDEX api_keys_by_principal ON api_keys (tenant_id, principal_id)',

  `CREATE TABLE api_key_uses (
      tenant_id TEXT NOT NULL,
      key_id TEXT NOT NULL,
      last_used_at INTEGER NOT NULL,
      PRIMARY KEY (tenant_id, key_id)
    ) STRICT`,

  `CREATE TABLE roles (
      tenant_id TEXT NOT NULL,
      role_id TEXT NOT NULL,
      name_index BLOB NOT NULL,
      definition BLOB NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, role_id)
    ) STRICT`,
  'CREATE UNIQUE INDEX roles_by_name ON roles (tenant_id, name_index)',

  `CREATE TABLE grants (
      tenant_id TEXT NOT NULL,
      grant_id TEXT NOT NULL,
      principal_id TEXT NOT NULL,
      role TEXT NOT NULL,
      space_id TEXT,
      created_at INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, grant_id)
    ) STRICT`,
  // Two nulls are different to an index, and the same grant must not stand twice. The index
  // serves the look-up by principal, too.
  `CREATE UNIQUE INDEX grants_by_principal
      ON grants (tenant_id, principal_id, role, coalesce(space_id, ''))`,

  `CREATE TABLE spaces (
      tenant_id TEXT NOT NULL,
      space_id TEXT NOT NULL,
      state TEXT NOT NULL,
      owner_id TEXT,
      handle_index BLOB NOT NULL,
      profile BLOB,
      seq INTEGER NOT NULL,
      seq_floor INTEGER NOT NULL,
      memories INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, space_id)
    ) STRICT`,
  'CREATE UNIQUE INDEX spaces_by_handle ON spaces (tenant_id, handle_index)',

  `CREATE TABLE memories (
      tenant_id TEXT NOT NULL,
      memory_id TEXT NOT NULL,
      space_id TEXT NOT NULL,
      seq INTEGER NOT NULL,
      state TEXT NOT NULL,
      expires_at INTEGER,
      key_version INTEGER NOT NULL,
      key_index BLOB,
      record BLOB,
      PRIMARY KEY (tenant_id, memory_id)
    ) STRICT`,
  'CREATE UNIQUE INDEX memories_by_seq ON memories (tenant_id, space_id, seq)',
  `CREATE UNIQUE INDEX memories_by_key ON memories (tenant_id, space_id, key_index)
      WHERE key_index IS NOT NULL`,
  `CREATE INDEX memories_by_expiry ON memories (expires_at)
      WHERE expires_at IS NOT NULL`,
  `CREATE INDEX memories_deleted ON memories (tenant_id, space_id, seq)
      WHERE state = 'deleted'`,

  `CREATE TABLE memory_versions (
      tenant_id TEXT NOT NULL,
      memory_id TEXT NOT NULL,
      seq INTEGER NOT NULL,
      space_id TEXT NOT NULL,
      key_version INTEGER NOT NULL,
      record BLOB NOT NULL,
      PRIMARY KEY (tenant_id, memory_id, seq)
    ) STRICT`,
  'CREATE INDEX memory_versions_by_space ON memory_versions (tenant_id, space_id)',

  `CREATE TABLE audit_events (
      tenant_id TEXT NOT NULL,
      event_id TEXT NOT NULL,
      time INTEGER NOT NULL,
      class TEXT NOT NULL,
      action TEXT NOT NULL,
      outcome TEXT NOT NULL,
      actor_id TEXT,
      resource_id TEXT,
      scope TEXT NOT NULL,
      commitment BLOB NOT NULL,
      origin BLOB,
      body BLOB,
      PRIMARY KEY (tenant_id, event_id)
    ) STRICT`,

  `CREATE TABLE idempotency_keys (
      tenant_id TEXT NOT NULL,
      key_hash BLOB NOT NULL,
      fingerprint BLOB NOT NULL,
      scope TEXT NOT NULL,
      status INTEGER NOT NULL,
      answer BLOB,
      expires_at INTEGER NOT NULL,
      PRIMARY KEY (tenant_id, key_hash)
    ) STRICT`,
  'CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at)',
  `CREATE INDEX idempotency_keys_kept ON idempotency_keys (tenant_id, scope)
      WHERE answer IS NOT NULL`,
] as const

export const spine = {
  name: '001-spine',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    ...Object.entries(spineRights).flatMap(([table, rights]) => closed(table, rights)),
    ...opened,
    ...kept,
  ],
}
