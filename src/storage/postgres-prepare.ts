/**
 * What happens before a PostgreSQL is used: who the login is, whether it may be trusted with the
 * data, and whether the schema is the one of this program.
 */
import { LocketError } from '../core/errors.ts'
import type { Database } from './database.ts'
import { openPostgres, type PostgresOptions } from './postgres.ts'
import { inspectPostgres, type SchemaState } from './postgres-login.ts'
import { migratePostgres } from './postgres-migrations.ts'

export interface PrepareOptions extends PostgresOptions {
  /** Refuse a login that row security does not hold, or that may change the schema. */
  readonly strict: boolean
}

/** Why a login should not serve, one sentence each. A superuser has all the other faults as well. */
export function loginFaults(state: SchemaState): readonly string[] {
  const { login } = state
  if (state.superuser) {
    return [`${login} is a superuser, or may act as one, whom row security does not hold.`]
  }
  const faults: readonly (readonly [boolean, string])[] = [
    [state.bypassesRowSecurity, 'may bypass row security (BYPASSRLS).'],
    [state.owner, 'owns the schema, so it could switch row security off.'],
    [state.makesRoles, 'may make roles (CREATEROLE).'],
    [state.inherits, `has its roles' rights at all times: ALTER ROLE ${login} NOINHERIT.`],
    [state.reachesServer, 'may read or write past the tables (REPLICATION, or a pg_… role).'],
  ]
  return faults.filter(([has]) => has).map(([, what]) => `${login} ${what}`)
}

/**
 * Opens the database for serving. A login that may is let bring the schema up to date itself, as a
 * developer wants it; a `strict` one is refused when it could.
 */
export async function preparePostgres(options: PrepareOptions): Promise<Database> {
  const { target, log, strict } = options
  const state = await inspectPostgres(target, log)
  const faults = loginFaults(state)
  if (strict && faults.length > 0) throw new LocketError('unavailable', refusal(faults))
  for (const fault of faults) log.warn({ login: state.login }, fault)
  if (state.pending.length > 0 || !state.member) await bringUpToDate(state, options)
  return openPostgres(options)
}

function refusal(faults: readonly string[]): string {
  return `${faults.join(' ')} Serve with a login of its own, made as docs/guides/postgresql.md says.`
}

async function bringUpToDate(state: SchemaState, options: PrepareOptions): Promise<void> {
  const { target, log } = options
  const may = state.superuser || (state.schema ? state.owner : state.mayCreate)
  if (!may) throw new LocketError('unavailable', missing(state))
  const applied = await migratePostgres({ owner: target, login: state.login, log })
  if (applied.length > 0) log.info({ applied }, 'the schema was brought up to date')
}

function missing({ login, schema, member }: SchemaState): string {
  const what =
    schema && !member ? `${login} may not use its tables` : 'its schema is not up to date'
  return `The database is not ready: ${what}. Run \`locket migrate --database-url OWNER_URL --login ${login}\`.`
}
