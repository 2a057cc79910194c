/** Brings the schema of a PostgreSQL up to date. */
import { escapeIdentifier } from 'pg'
import { LocketError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { appRole, systemRole } from './migrations/postgres.ts'
import { countApplied, type Migration, migrations } from './migrations.ts'
import {
  isDenied,
  isTaken,
  type PoolClient,
  type PostgresTarget,
  withClient,
} from './postgres-connection.ts'
import { loginState } from './postgres-login.ts'

/** Names our lock among the advisory locks of the database: "lock" in ASCII. */
const migrationLock = 0x6c6f636b

export interface MigrateOptions {
  /** A login that owns the schema or may make it, and that may make roles while the two are missing. */
  readonly owner: PostgresTarget
  /** The login that will serve: it is let into the two roles. Null: it is in them already. */
  readonly login: string | null
  readonly log: Log
  /** For tests of migrations. */
  readonly migrations?: readonly Migration[]
}

/**
 * Runs what has not run yet, each migration in a transaction of its own: all of it or nothing. Of two
 * that migrate at once one waits for the other and finds nothing to do. Returns what was run.
 */
export async function migratePostgres(options: MigrateOptions): Promise<readonly string[]> {
  const { owner, login, log, migrations: known = migrations } = options
  return withClient({ ...owner, statement_ms_max: 0 }, log, async (client) => {
    await client.query(`SELECT pg_advisory_lock(${migrationLock})`)
    await prepareRoles(client, login)
    if (!(await loginState(client)).schema) {
      await client.query(`CREATE SCHEMA locket;
        CREATE TABLE locket.migrations (name text COLLATE "C" PRIMARY KEY)`)
    }
    const { rows } = await client.query('SELECT name FROM locket.migrations ORDER BY name')
    const names = rows.map((row) => row.name as string)
    const pending = known.slice(countApplied(names, known))
    for (const migration of pending) await apply(client, migration)
    return pending.map((migration) => migration.name)
  })
}

async function apply(client: PoolClient, migration: Migration): Promise<void> {
  await client.query('BEGIN')
  try {
    for (const statement of migration.postgres) await client.query(statement)
    await client.query('INSERT INTO locket.migrations (name) VALUES ($1)', [migration.name])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

/** Roles belong to the whole cluster: another database of it may be making them right now. */
async function prepareRoles(client: PoolClient, login: string | null): Promise<void> {
  for (const role of [appRole, systemRole]) {
    const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role])
    if (rowCount === 0) await asAdministrator(client, `CREATE ROLE ${role} NOLOGIN`)
    if (login === null || (await isMember(client, login, role))) continue
    await asAdministrator(client, `GRANT ${role} TO ${escapeIdentifier(login)}`)
  }
}

async function isMember(client: PoolClient, login: string, role: string): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT pg_has_role(rolname, $2, 'MEMBER') AS member FROM pg_roles WHERE rolname = $1`,
    [login, role],
  )
  if (rows.length === 0) throw new LocketError('unavailable', `There is no login ${login}.`)
  return rows[0].member === true
}

async function asAdministrator(client: PoolClient, statement: string): Promise<void> {
  try {
    await client.query(statement)
  } catch (error) {
    if (isTaken(error)) return
    if (!isDenied(error)) throw error
    const detail = `This login may not make roles. Run as one that may: ${statement};`
    throw new LocketError('unavailable', detail, { cause: error })
  }
}
