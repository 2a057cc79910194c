/** PostgreSQL as it is: the data, and what the server says of the connection and of its own walls. */
import type { Clock } from '../core/clock.ts'
import { LocketError } from '../core/errors.ts'
import { instanceTenant } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Change, Look } from './look.ts'
import { appRole, systemRole } from './migrations/postgres.ts'
import { migrations } from './migrations.ts'
import { openPostgres } from './postgres.ts'
import { type PoolClient, type PostgresTarget, withClient } from './postgres-connection.ts'
import { inspectPostgres } from './postgres-login.ts'
import { postgresSchema } from './query.ts'

/** Opens it as it is: nothing is migrated. */
export function lookAtPostgres(target: PostgresTarget, log: Log): Look {
  const database = openPostgres({ target, log })
  return {
    engine: 'postgres',
    pending: async () => {
      const { schema, member, login, pending } = await inspectPostgres(target, log)
      if (!schema || member) return schema ? pending : null
      throw new LocketError('unavailable', `${login} may not use the tables of Locket.`)
    },
    read: (work) => database.read(work),
    rehearse: async (change: Change) => {
      const undo = new Error('this was only a rehearsal')
      const rehearsal = database.write(
        async (tx) => {
          await change(tx)
          throw undo
        },
        { durability: 'relaxed', turn: null },
      )
      await rehearsal.catch((thrown: unknown) => {
        if (thrown !== undo) throw thrown
      })
    },
    close: () => database.close(),
  }
}

export interface ConnectionState {
  /** The version of TLS; null: plain text. */
  readonly tls: string | null
  readonly server: string
  /** How far the server's clock is ahead of ours, and how exactly that could be told. */
  readonly ahead_ms: number
  readonly uncertainty_ms: number
}

const stateOfConnection = `
  SELECT ssl.version AS tls, current_setting('server_version') AS server,
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now
  FROM pg_stat_ssl AS ssl WHERE ssl.pid = pg_backend_pid()`

export async function connectionState(
  target: PostgresTarget,
  log: Log,
  clock: Clock,
): Promise<ConnectionState> {
  return withClient(target, log, async (client) => {
    const before = clock()
    const { rows } = await client.query(stateOfConnection)
    const after = clock()
    const { tls, server, now } = rows[0] as { tls: string | null; server: string; now: number }
    const middle = (before + after) / 2
    return { tls, server, ahead_ms: Math.round(now - middle), uncertainty_ms: after - before }
  })
}

/** What is wrong with the second wall, one sentence each. Needs a login that is in both roles. */
export async function rowSecurityFaults(
  target: PostgresTarget,
  log: Log,
): Promise<readonly string[]> {
  return withClient(target, log, async (client) => {
    await client.query(`BEGIN READ ONLY; SET LOCAL ROLE ${appRole}`)
    const faults = [
      ...(await openTables(client)),
      ...(await wrongPolicies(client)),
      ...(await changeableEvents(client)),
      ...(await readableByStrangers(client)),
    ]
    await client.query('COMMIT')
    return faults
  })
}

/** The policies that the migrations have made, by table. */
const made = Map.groupBy(
  migrations
    .flatMap(({ postgres }) => postgres)
    .flatMap((statement) => {
      const [, name = '', table = ''] =
        /^CREATE POLICY (\w+) ON locket\.(\w+)/.exec(statement) ?? []
      return name === '' ? [] : [{ name, table }]
    }),
  ({ table }) => table,
)

const tables = [...made.keys()]

/** By the column, so that a table which somebody added is seen too; the directory is for all. */
const tenantTables = `
  SELECT relname AS name, relrowsecurity AS enabled, relforcerowsecurity AS forced
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE nspname = '${postgresSchema}' AND relkind IN ('r', 'p', 'm', 'f')
    AND relname <> 'credential_directory' AND EXISTS (SELECT FROM pg_attribute
      WHERE attrelid = pg_class.oid AND attname = 'tenant_id' AND NOT attisdropped)
  ORDER BY relname`

async function openTables(client: PoolClient): Promise<readonly string[]> {
  const { rows } = await client.query(tenantTables)
  const found = rows as { name: string; enabled: boolean; forced: boolean }[]
  const missing = tables.filter((name) => !found.some((one) => one.name === name))
  return [
    ...found.filter((one) => !one.enabled).map(({ name }) => `Row security is off on ${name}.`),
    ...found
      .filter((one) => one.enabled && !one.forced)
      .map(({ name }) => `Row security is not forced on ${name}: its owner passes.`),
    ...missing.map((name) => `The table ${name} is not there.`),
  ]
}

interface Policy {
  readonly table: string
  readonly name: string
  readonly roles: string
  readonly permissive: string
  readonly cmd: string
  readonly qual: string | null
  readonly check: string | null
}

const policies = `
  SELECT tablename AS "table", policyname AS name, array_to_string(roles, ',') AS roles,
    permissive, cmd, qual, with_check AS check
  FROM pg_policies WHERE schemaname = '${postgresSchema}' ORDER BY tablename, policyname`

/** A policy more opens as much as one less; a restrictive one only closes. */
async function wrongPolicies(client: PoolClient): Promise<readonly string[]> {
  const found = (await client.query(policies)).rows as Policy[]
  const opening = found.filter(({ permissive }) => permissive === 'PERMISSIVE')
  const unknown = opening.filter((one) => !isOurs(one))
  const lacking = tables.flatMap((table) =>
    policiesOf(table)
      .filter((name) => !opening.some((one) => one.table === table && one.name === name))
      .map((name) => `The policy ${name} of ${table} is not there.`),
  )
  return [
    ...unknown.map(({ table, name }) => `The policy ${name} of ${table} is not Locket’s.`),
    ...lacking,
  ]
}

function policiesOf(table: string): readonly string[] {
  return (made.get(table) ?? []).map(({ name }) => name)
}

function isOurs({ table, name, roles, cmd, qual, check }: Policy): boolean {
  if (cmd !== 'ALL' || !policiesOf(table).includes(name)) return false
  if (name === 'of_all') return roles === systemRole
  const isHeld = [qual, check].every((text) => text?.includes("current_setting('locket.tenant'"))
  return roles === appRole && isHeld
}

/** Events are only ever added; jobs say which leaf one is, and of which stretch, and remove those whose time is over. */
async function changeableEvents(client: PoolClient): Promise<readonly string[]> {
  const events = `${postgresSchema}.audit_events`
  const { rows } = await client.query(
    `SELECT rolname AS role FROM pg_roles WHERE rolname IN ('${appRole}', '${systemRole}')
      AND (has_table_privilege(rolname, '${events}', 'UPDATE, TRUNCATE')
        OR (rolname <> '${systemRole}' AND has_table_privilege(rolname, '${events}', 'DELETE'))
        OR EXISTS (SELECT FROM pg_attribute
          WHERE attrelid = '${events}'::regclass AND attnum > 0 AND NOT attisdropped
            AND NOT (rolname = '${systemRole}' AND attname IN ('leaf', 'stretch'))
            AND has_column_privilege(rolname, attrelid, attnum, 'UPDATE')))`,
  )
  return rows.map(({ role }) => `The role ${role} may change audit events.`)
}

/** The proof of it: whoever is nobody sees nothing. */
async function readableByStrangers(client: PoolClient): Promise<readonly string[]> {
  const nobody = instanceTenant.replace(/0$/, '1')
  await client.query(`SELECT set_config('locket.tenant', '${nobody}', true)`)
  const { rows: there } = await client.query(tenantTables)
  const names = tables.filter((table) => there.some((row) => row.name === table))
  const seen: string[] = []
  for (const name of names) {
    const { rows } = await client.query(
      `SELECT EXISTS (SELECT FROM ${postgresSchema}.${name}) AS seen`,
    )
    if (rows[0].seen === true) seen.push(`A transaction of another tenant sees rows of ${name}.`)
  }
  return seen
}
