/** Where a link went, by which key it was made, and whose mails hold one. Frozen once released. */
import { translated } from './postgres.ts'

const sqlite = [
  'ALTER TABLE password_links ADD COLUMN email_id TEXT',
  'ALTER TABLE password_links ADD COLUMN key_id TEXT',
  'ALTER TABLE mails ADD COLUMN link_by TEXT',
] as const

export const mailedLinks = {
  name: '017-mailed-links',
  // The row MACs of links cover the new columns, so those of before, an hour old at most, end.
  sqlite: ['DELETE FROM password_links', ...sqlite],
  postgres: [
    // Row security holds the owner as well, so DELETE would find nothing.
    'TRUNCATE locket.password_links',
    ...sqlite.map(translated),
  ],
}
