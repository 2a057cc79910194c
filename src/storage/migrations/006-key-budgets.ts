/** What an API key with a budget has used of it today. Frozen once released. */
import { closed, translated } from './postgres.ts'

const sqlite = [
  `CREATE TABLE api_key_budgets (
      tenant_id TEXT NOT NULL,
      key_id TEXT NOT NULL,
      day INTEGER NOT NULL,
      operations INTEGER NOT NULL,
      body_bytes INTEGER NOT NULL,
      embed_characters INTEGER NOT NULL,
      PRIMARY KEY (tenant_id, key_id)
    ) STRICT`,
] as const

export const keyBudgets = {
  name: '006-key-budgets',
  sqlite,
  postgres: [
    ...sqlite.map(translated),
    ...closed('api_key_budgets', { app: 'SELECT, INSERT, UPDATE' }),
    // As for api_key_uses: its rows change all day, and none of their indexed columns does.
    'ALTER TABLE locket.api_key_budgets SET (fillfactor = 50)',
  ],
}
