/**
 * Brings the schema of a database up to date. Migrations are history: one that was released is
 * never edited, the next one changes what it made.
 */

import { Fault } from '../core/fault.ts'
import { spine } from './migrations/001-spine.ts'
import { compaction } from './migrations/002-compaction.ts'
import { scrub } from './migrations/003-scrub.ts'
import { people } from './migrations/004-people.ts'
import { agents } from './migrations/005-agents.ts'
import { keyBudgets } from './migrations/006-key-budgets.ts'
import { identityProviders } from './migrations/007-identity-providers.ts'
import { signIns } from './migrations/008-sign-ins.ts'
import { tokens } from './migrations/009-tokens.ts'
import { exchange } from './migrations/010-exchange.ts'
import { factors } from './migrations/011-factors.ts'
import { signInTokens } from './migrations/012-sign-in-tokens.ts'
import { blockedAddresses } from './migrations/013-blocked-addresses.ts'
import { mail } from './migrations/014-mail.ts'
import { passkeys } from './migrations/015-passkeys.ts'
import { providerSignIns } from './migrations/016-provider-sign-ins.ts'
import { mailedLinks } from './migrations/017-mailed-links.ts'
import { answeredChallenges } from './migrations/018-answered-challenges.ts'
import { accessHashes } from './migrations/019-access-hashes.ts'
import { auditLogs } from './migrations/020-audit-logs.ts'
import { witness } from './migrations/021-witness.ts'
import { auditQuestions } from './migrations/022-audit-questions.ts'
import { auditPurges } from './migrations/023-audit-purges.ts'
import { auditSinks } from './migrations/024-audit-sinks.ts'
import { cosignatures } from './migrations/025-cosignatures.ts'
import { auditStretches } from './migrations/026-audit-stretches.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

/** Statements of each engine, in the order they run. */
export interface Migration {
  readonly name: string
  readonly sqlite: readonly string[]
  readonly postgres: readonly string[]
}

/** All of them, in order; a new one goes to the end. */
export const migrations: readonly Migration[] = [
  spine,
  compaction,
  scrub,
  people,
  agents,
  keyBudgets,
  identityProviders,
  signIns,
  tokens,
  exchange,
  factors,
  signInTokens,
  blockedAddresses,
  mail,
  passkeys,
  providerSignIns,
  mailedLinks,
  answeredChallenges,
  accessHashes,
  auditLogs,
  witness,
  auditQuestions,
  auditPurges,
  auditSinks,
  cosignatures,
  auditStretches,
]

/**
 * Runs what has not run yet, all of it or nothing: after an upgrade that failed the version before still
 * opens the database. A new one is made with one flush of the disk.
 */
export function migrate(connection: SqliteConnection, known: readonly Migration[]): void {
  connection.exec('CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY NOT NULL) STRICT')
  const pending = known.slice(applied(connection, known))
  if (pending.length === 0) return
  connection.atomically(() => {
    for (const { name, sqlite } of pending) {
      for (const statement of sqlite) connection.exec(statement)
      connection.run('INSERT INTO migrations (name) VALUES (?)', [name])
    }
  })
}

function applied(connection: SqliteConnection, known: readonly Migration[]): number {
  const rows = connection.all('SELECT name FROM migrations ORDER BY name')
  return countApplied(
    rows.map((row) => (row as { name: string }).name),
    known,
  )
}

/**
 * How many of the known migrations a database has had, by the names that it keeps in their order.
 * Refuses one with a history of its own.
 */
export function countApplied(names: readonly string[], known: readonly Migration[]): number {
  const unknown = names.find((name, index) => known[index]?.name !== name)
  if (unknown !== undefined) throw new NewerSchemaError(unknown)
  return names.length
}

/** The database had a migration that this program does not know. */
export class NewerSchemaError extends Fault {
  constructor(migration: string) {
    super(
      `This database was written by a newer Locket (migration ${migration}). Start that version.`,
    )
    this.name = 'NewerSchemaError'
  }
}
