/**
 * What the first tables are in PostgreSQL. The statements of the embedded engine are read as they
 * stand, with the types that the other one has for the same values: ids sort by their bytes in both.
 * Then the second wall: each table is closed to all but the two roles that transactions take on, and
 * a tenant's rows to every transaction but the tenant's own.
 */
import { instanceTenant } from '../../core/ids.ts'

/** The roles that transactions take on; nobody logs in as one of them. */
export const appRole = 'locket_app'
export const systemRole = 'locket_system'

/** "use" in ASCII, among the advisory locks of the database: who has it open, and who must be alone. */
export const presenceLock = 0x757365
/** SQLSTATE of a change that may not be made now. */
export const notNow = 'LK001'

/** The tenant of the transaction; null outside of one. */
const tenant = `nullif(current_setting('locket.tenant', true), '')`

/** A statement of the embedded engine, for tables in the schema of this one. */
export function translated(statement: string): string {
  return statement
    .replaceAll(/\bTEXT\b/g, 'text COLLATE "C"')
    .replaceAll(/\bINTEGER\b/g, 'bigint')
    .replaceAll(/\bBLOB\b/g, 'bytea')
    .replace(/\) STRICT$/, ')')
    .replace(/^(CREATE|ALTER) TABLE /, '$1 TABLE locket.')
    .replace(/^(CREATE (?:UNIQUE )?INDEX \w+\s+ON )/, '$1locket.')
}

/** What each role may do with a table that has tenants. `system`: of every tenant. */
interface Rights {
  readonly app: string
  readonly system?: readonly string[]
}

/**
 * The least that works: events are only ever added, keys are overwritten and never removed, and
 * jobs see of memories and spaces no more than where they are and when they end.
 */
export const spineRights: Readonly<Record<string, Rights>> = {
  tenants: { app: 'SELECT, INSERT, UPDATE' },
  encryption_keys: {
    app: 'SELECT, INSERT, UPDATE',
    system: ['SELECT', 'UPDATE (seals, wrapped)'],
  },
  principals: { app: 'SELECT, INSERT, UPDATE' },
  api_keys: { app: 'SELECT, INSERT, UPDATE' },
  api_key_uses: { app: 'SELECT, INSERT, UPDATE' },
  roles: { app: 'SELECT, INSERT, UPDATE, DELETE' },
  grants: { app: 'SELECT, INSERT, UPDATE, DELETE' },
  spaces: { app: 'SELECT, INSERT, UPDATE', system: ['SELECT (tenant_id, space_id, state)'] },
  memories: {
    app: 'SELECT, INSERT, UPDATE, DELETE',
    system: ['SELECT (tenant_id, space_id, memory_id, state, expires_at)'],
  },
  memory_versions: { app: 'SELECT, INSERT, UPDATE, DELETE' },
  audit_events: { app: 'SELECT, INSERT' },
  idempotency_keys: {
    app: 'SELECT, INSERT, UPDATE, DELETE',
    system: ['SELECT (key_hash, expires_at), DELETE'],
  },
}

/** Closes the table of a tenant's rows: forced, so that its owner is held to it as well. */
export function closed(table: string, { app, system = [] }: Rights): readonly string[] {
  const own = `tenant_id = ${tenant}`
  // The instance's own view has the list of tenants.
  const visible = table === 'tenants' ? `${own} OR ${tenant} = '${instanceTenant}'` : own
  return [
    `ALTER TABLE locket.${table} ENABLE ROW LEVEL SECURITY`,
    `ALTER TABLE locket.${table} FORCE ROW LEVEL SECURITY`,
    `CREATE POLICY of_tenant ON locket.${table} TO ${appRole}
      USING (${visible}) WITH CHECK (${own})`,
    `GRANT ${app} ON locket.${table} TO ${appRole}`,
    ...(system.length === 0
      ? []
      : [`CREATE POLICY of_all ON locket.${table} TO ${systemRole} USING (true)`]),
    ...system.map((rights) => `GRANT ${rights} ON locket.${table} TO ${systemRole}`),
  ]
}

/** What belongs to no tenant, and is the same for all. */
export const opened: readonly string[] = [
  `GRANT USAGE ON SCHEMA locket TO ${appRole}, ${systemRole}`,
  `GRANT SELECT ON locket.migrations TO ${appRole}`,
  `GRANT SELECT, INSERT ON locket.instance TO ${appRole}`,
  `GRANT SELECT, INSERT ON locket.credential_directory TO ${appRole}`,
]

/**
 * `scrub` writes the table of keys anew without the versions that were overwritten, which only its
 * owner may do. `enter` begins every change; what it finds holds until the change has ended. Room in
 * a space's row lets its counters change where they stand.
 */
export const kept: readonly string[] = [
  `CREATE FUNCTION locket.scrub() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      CLUSTER locket.encryption_keys USING encryption_keys_pkey;
    END $$`,
  `CREATE FUNCTION locket.enter() RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF NOT pg_try_advisory_xact_lock_shared(${presenceLock}) THEN
        RAISE EXCEPTION 'one who must be alone is at work' USING ERRCODE = '${notNow}';
      END IF;
      IF EXISTS (SELECT FROM locket.instance WHERE name = 'departure') THEN
        RAISE EXCEPTION 'the data was moved elsewhere' USING ERRCODE = '${notNow}';
      END IF;
    END $$`,
  'REVOKE ALL ON FUNCTION locket.scrub(), locket.enter() FROM PUBLIC',
  `GRANT EXECUTE ON FUNCTION locket.enter() TO ${appRole}`,
  `GRANT EXECUTE ON FUNCTION locket.scrub() TO ${appRole}`,
  'ALTER TABLE locket.spaces SET (fillfactor = 50)',
  'ALTER TABLE locket.tenants SET (fillfactor = 50)',
  'ALTER TABLE locket.api_key_uses SET (fillfactor = 50)',
]
