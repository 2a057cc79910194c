/** What a login of PostgreSQL is, what it may do, and how far the schema is that it sees. */
import type { Log } from '../core/log.ts'
import { appRole, systemRole } from './migrations/postgres.ts'
import { countApplied, migrations } from './migrations.ts'
import { type PoolClient, type PostgresTarget, withClient } from './postgres-connection.ts'

/** What the connection's own login is and may do. */
export interface LoginState {
  readonly login: string
  /** Row security does not hold a superuser, nor who may bypass it; nor who may act as one of these. */
  readonly superuser: boolean
  readonly bypassesRowSecurity: boolean
  readonly makesRoles: boolean
  /** Whether it has the rights of the two roles without taking one of them on. */
  readonly inherits: boolean
  /** Whether it may read or write files of the server, or run programs there. */
  readonly reachesServer: boolean
  /** Whether the schema is there. */
  readonly schema: boolean
  /** Whether it owns the schema, or may act as who does. */
  readonly owner: boolean
  /** Whether it may make a schema. */
  readonly mayCreate: boolean
  /** Whether it is in both roles that transactions take on. */
  readonly member: boolean
}

const stateOfLogin = `
  WITH own AS (SELECT * FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER'))
  SELECT rolname AS login,
    EXISTS (SELECT FROM own WHERE rolsuper) AS superuser,
    EXISTS (SELECT FROM own WHERE rolbypassrls) AS "bypassesRowSecurity",
    EXISTS (SELECT FROM own WHERE rolcreaterole) AS "makesRoles",
    EXISTS (SELECT FROM own WHERE rolname IN ('${appRole}', '${systemRole}')
      AND pg_has_role(session_user, oid, 'USAGE')) AS inherits,
    rolreplication OR EXISTS (SELECT FROM own WHERE rolname IN ('pg_read_all_data',
      'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files',
      'pg_execute_server_program')) AS "reachesServer",
    EXISTS (SELECT FROM pg_namespace WHERE nspname = 'locket') AS schema,
    EXISTS (SELECT FROM pg_namespace
      WHERE nspname = 'locket' AND pg_has_role(session_user, nspowner, 'MEMBER'))
      OR EXISTS (SELECT FROM pg_class
        WHERE relnamespace = to_regnamespace('locket') AND pg_has_role(session_user, relowner, 'MEMBER'))
      AS owner,
    has_database_privilege(session_user, current_database(), 'CREATE') AS "mayCreate",
    (SELECT count(*) = 2 FROM pg_roles AS roles WHERE roles.rolname IN ('${appRole}', '${systemRole}')
      AND pg_has_role(session_user, roles.oid, 'MEMBER')) AS member
  FROM pg_roles WHERE rolname = session_user`

export async function loginState(client: PoolClient): Promise<LoginState> {
  const { rows } = await client.query(stateOfLogin)
  return rows[0] as LoginState
}

export interface SchemaState extends LoginState {
  /** Migrations that this program knows and the database has not had. */
  readonly pending: readonly string[]
}

/** Looks and changes nothing. Refuses a database that a newer Locket wrote. */
export async function inspectPostgres(target: PostgresTarget, log: Log): Promise<SchemaState> {
  return withClient(target, log, async (client) => {
    const state = await loginState(client)
    const known = migrations.map((migration) => migration.name)
    if (!state.schema || !(state.member || state.owner)) return { ...state, pending: known }
    await client.query(`BEGIN READ ONLY${state.owner ? '' : `; SET LOCAL ROLE ${appRole}`}`)
    const { rows } = await client.query('SELECT name FROM locket.migrations ORDER BY name')
    await client.query('COMMIT')
    const names = rows.map((row) => row.name as string)
    return { ...state, pending: known.slice(countApplied(names, migrations)) }
  })
}
