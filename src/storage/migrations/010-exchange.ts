/** For whom an agent got its tokens, and by which of his. Frozen once released. */
import { translated } from './postgres.ts'

const sqlite = [
  'ALTER TABLE token_families ADD COLUMN subject_id TEXT',
  'ALTER TABLE token_families ADD COLUMN subject_family_id TEXT',
] as const

export const exchange = { name: '010-exchange', sqlite, postgres: sqlite.map(translated) }
