/** E-mail addresses of people, and mails that wait to be sent. Frozen once released. */
import { closed, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE principal_emails (
      tenant_id TEXT NOT NULL,
      email_id TEXT NOT NULL,
      principal_id TEXT NOT NULL,
      address BLOB NOT NULL,
      address_index BLOB,
      link_id TEXT,
      hash BLOB,
      pepper_version INTEGER NOT NULL,
      expires_at INTEGER,
      proven_at INTEGER,
      created_at INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      mac BLOB NOT NULL,
      PRIMARY KEY (tenant_id, email_id)
    ) STRICT`,
  // What is not proven has no index: it is nobody's yet, and two may wait for one address.
  `CREATE UNIQUE INDEX principal_emails_by_address ON principal_emails (tenant_id, address_index)
      WHERE address_index IS NOT NULL`,
  'CREATE INDEX principal_emails_by_principal ON principal_emails (tenant_id, principal_id)',
  'CREATE INDEX principal_emails_by_expiry ON principal_emails (expires_at)',

  `CREATE TABLE mails (
      tenant_id TEXT NOT NULL,
      mail_id TEXT NOT NULL,
      principal_id TEXT,
      content BLOB NOT NULL,
      tries INTEGER NOT NULL,
      due_at INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (tenant_id, mail_id)
    ) STRICT`,
  'CREATE INDEX mails_by_principal ON mails (tenant_id, principal_id)',
  'CREATE INDEX mails_by_time ON mails (due_at)',
] as const

export const mail = {
  name: '014-mail',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    ...closed('principal_emails', {
      app: 'SELECT, INSERT, UPDATE, DELETE',
      system: ['SELECT (email_id, expires_at), DELETE'],
    }),
    // The job that sends is told of all tenants which mails wait, and sees of each no more than when.
    ...closed('mails', {
      app: 'SELECT, INSERT, UPDATE, DELETE',
      system: ['SELECT (tenant_id, mail_id, due_at, created_at)'],
    }),
    // No sample of what is sealed, as in 002-compaction.
    'ALTER TABLE locket.principal_emails ALTER COLUMN address SET STATISTICS 0',
    'ALTER TABLE locket.mails ALTER COLUMN content SET STATISTICS 0',
  ],
}
