/** The second wall: what PostgreSQL itself keeps apart, whatever SQL a transaction is made to run. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { Client } from 'pg'
import { noSinks } from '../src/features/audit-sinks/sinks.ts'
import type { Column } from '../src/storage/column.ts'
import { tables } from '../src/storage/tables.ts'
import { makeCosignature } from './audit-log-rows.ts'
import { onlyOn } from './engine.ts'
import { freePort } from './free-port.ts'
import { type Locket, openLocket } from './harness.ts'
import { device, enrolPasskey, pageOrigin } from './passkeys.ts'
import { browserOf, origin } from './signed-in.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { otherLog } from './witnessing.ts'

const ofTenants = Object.entries(tables)
  .filter(([name, columns]) => 'tenant_id' in columns && name !== 'credential_directory')
  .map(([name]) => name)

/** These have rows of the instance alone. */
const ofInstance = [
  'signing_keys',
  'blocked_addresses',
  'checkpoint_keys',
  'witness_keys',
  'witnessed_logs',
]

/** Two tenants, each with something in most tables; and the tenant that is looked for from the other. */
async function twoTenants(t: TestContext): Promise<{ locket: Locket; other: string }> {
  // Nobody takes a mail there, so that they wait.
  const nowhere = {
    host: '127.0.0.1',
    port: await freePort(),
    tls: 'off',
    from: 'l@x.example',
  } as const
  const mailSettings = { ...nowhere, caFile: null, login: null, timeout_ms: 1_000 }
  const passkeyParty = { id: 'localhost', origin: pageOrigin }
  const path = join(temporaryDirectory(t), 'audit.jsonl')
  const auditSinks = { ...noSinks, file: { path, size_bytes_max: 1e9, kept_max: 1 } }
  const settings = { publicUrl: origin, passkeyParty, mailSettings, auditSinks }
  const locket = await openLocket(t, settings)
  const made = await locket.call('POST', '/v1/tenants', { body: { slug: 'other', name: 'Other' } })
  assert.equal(made.status, 201)
  const { apiKey, id } = made.body
  for (const key of [locket.admin, apiKey]) {
    const call = (path: string, body: object) => locket.call('POST', path, { key, body })
    const stored = await call('/v1/memories', { space: 'team:tea', text: 'tea' })
    assert.equal(stored.status, 201)
    await locket.call('PATCH', `/v1/memories/${stored.body.id}`, { key, body: { text: 'milk' } })
    await call('/v1/principals', { handle: 'agent:tea', maxMemories: 10 })
    await call('/v1/roles', { name: 'reader', permissions: ['memory:read'] })
    const { token, principalId } = (await call('/v1/invitations', { handle: 'user:tea' })).body
    await call('/v1/invitations/accept', { token, password: 'milk and no sugar' })
    await call('/v1/password-resets', { principalId })
    await call('/v1/invitations', { handle: 'user:mailed', email: 'tea@corp.example' })
    const issuer = 'https://idp.example'
    const { id: providerId } = (await call('/v1/identity-providers', { name: 'idp', issuer })).body
    await call('/v1/external-identities', { providerId, subject: 'tea', principalId })
    const bounded = await call('/v1/api-keys', { operationsPerDay: 10 })
    await locket.call('GET', '/v1/whoami', { key: bounded.body.key })
    const slug = key === locket.admin ? 'default' : 'other'
    const login = { tenant: slug, login: 'tea', password: 'milk and no sugar' }
    const browser = browserOf(locket, await call('/v1/sign-ins', login))
    await enrolPasskey(locket, browser, device())
    await call('/v1/tokens', {})
    await call('/v1/blocked-addresses', { network: '203.0.113.7' })
    await call('/v1/witnessed-logs', { verifierKey: otherLog('tea.example').verifierKey })
    const tenant = key === locket.admin ? locket.tenant : id
    await makeCosignature(locket.instance, tenant)
    for (const table of ['provider_sign_ins', 'passkey_challenges']) {
      const spent = `insert into ${table} (tenant_id, hash, expires_at) values (?, ?, 9e15)`
      await locket.sql(spent, tenant, new Uint8Array(32))
    }
    const purge = 'insert into audit_purges (tenant_id, class, next_leaf) values (?, ?, 1)'
    await locket.sql(purge, tenant, 'read')
    // Far from where the log grows.
    const tile = 'insert into audit_tiles (tenant_id, level, tile, data) values (?, 6, 9, ?)'
    await locket.sql(tile, key === apiKey ? id : locket.tenant, new Uint8Array(32))
    await locket.call('POST', '/v1/spaces', {
      key,
      body: { handle: 'team:more' },
      headers: { 'Idempotency-Key': 'once' },
    })
  }
  await locket.app.jobs.runAll()
  return { locket, other: id }
}

/** A connection of the application's own login, as whoever has stolen its password would have. */
async function asApplication(t: TestContext, { config }: Locket): Promise<Client> {
  const client = new Client(config.database?.url)
  await client.connect()
  t.after(() => client.end())
  return client
}

/** What a transaction of one tenant is, and then any SQL. */
async function inTenant(client: Client, tenant: string, sql: string): Promise<unknown[]> {
  await client.query('BEGIN')
  try {
    await client.query('SET LOCAL ROLE locket_app')
    await client.query("SELECT set_config('locket.tenant', $1, true)", [tenant])
    return (await client.query(sql)).rows
  } finally {
    await client.query('ROLLBACK')
  }
}

describe('in PostgreSQL', onlyOn('postgres', 'SQLite has no roles and no row security'), () => {
  test('the planner keeps no sample of what is sealed', async (t) => {
    const { sql } = await openLocket(t)
    const rows = await sql(`
      SELECT relname || '.' || attname AS name
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
      WHERE relnamespace = 'locket'::regnamespace AND relkind = 'r' AND attstattarget = 0
        AND attnum > 0`)
    const sealed = Object.entries(tables).flatMap(([table, columns]) =>
      Object.entries<Column<unknown>>(columns)
        .filter(([, { classification }]) => classification !== 'public')
        .map(([column]) => `${table}.${column}`),
    )
    assert.deepEqual(rows.map(({ name }) => name).sort(), sealed.sort())
  })

  test('a transaction that names one tenant reaches no row of another [V13.2.2] [V8.4.1]', async (t) => {
    const { locket, other } = await twoTenants(t)
    const client = await asApplication(t, locket)
    for (const table of ofTenants) {
      const [all] = await locket.sql(
        `select count(*) as n from ${table} where tenant_id = ?`,
        other,
      )
      const rows = await inTenant(client, locket.tenant, `select * from locket.${table}`)
      assert.equal(rows.length > 0, !ofInstance.includes(table), `${table} has rows of its own`)
      const foreign = (rows as { tenant_id: string }[]).filter(
        (row) => row.tenant_id !== locket.tenant,
      )
      assert.deepEqual(foreign, [], `${table}: ${all?.['n']} rows of the other tenant are there`)
    }
  })

  test('nor changes, adds or removes one', async (t) => {
    const { locket, other } = await twoTenants(t)
    const client = await asApplication(t, locket)
    const where = `where tenant_id = '${other}'`
    const touched = async (sql: string) =>
      (await inTenant(client, locket.tenant, `with t as (${sql} returning 1) select * from t`))
        .length
    assert.equal(await touched(`update locket.principals set state = 'active' ${where}`), 0)
    assert.equal(await touched(`update locket.encryption_keys set seals = 0 ${where}`), 0)
    assert.equal(await touched(`delete from locket.memories ${where}`), 0)
    assert.equal(await touched('delete from locket.memories where true'), 1)
    const moving = `update locket.memories set tenant_id = '${other}'`
    await assert.rejects(inTenant(client, locket.tenant, moving), /row-level security/)
    for (const own of [
      'update locket.audit_events set leaf = 0',
      'update locket.audit_tiles set tile = 1',
      'update locket.audit_logs set size = 0',
      'update locket.audit_sinks set next_leaf = 9',
      'delete from locket.audit_events',
      'delete from locket.audit_tiles',
      'delete from locket.audit_logs',
      'update locket.audit_purges set next_leaf = 9',
      'delete from locket.audit_purges',
      'delete from locket.audit_sinks',
    ]) {
      await assert.rejects(inTenant(client, locket.tenant, own), /permission denied/, own)
    }
    const adding = `insert into locket.api_key_uses values ('${other}', 'key_x', 1)`
    await assert.rejects(inTenant(client, locket.tenant, adding), /row-level security/)
  })

  test('without a tenant there are no rows, and without a role no tables', async (t) => {
    const { locket } = await twoTenants(t)
    const client = await asApplication(t, locket)
    for (const table of ofTenants) {
      assert.deepEqual(await inTenant(client, '', `select * from locket.${table}`), [], table)
    }
    await assert.rejects(client.query('select * from locket.memories'), /permission denied/)
    await assert.rejects(client.query('create table locket.mine (id int)'), /permission denied/)
    await assert.rejects(
      client.query('drop table locket.memories'),
      /permission denied|must be owner/,
    )
  })

  test('a tenant that was set is over with the transaction', async (t) => {
    const { locket } = await twoTenants(t)
    const client = await asApplication(t, locket)
    await inTenant(client, locket.tenant, 'select 1')
    const { rows } = await client.query(
      "select current_user as role, current_setting('locket.tenant', true) as tenant",
    )
    assert.deepEqual(rows, [{ role: 'locket', tenant: '' }])
  })

  test('the jobs see where things are and nothing of what they are', async (t) => {
    const { locket } = await twoTenants(t)
    const client = await asApplication(t, locket)
    const asSystem = async (sql: string) => {
      await client.query('BEGIN; SET LOCAL ROLE locket_system')
      try {
        return (await client.query(sql)).rows
      } finally {
        await client.query('ROLLBACK')
      }
    }
    assert.equal((await asSystem('select distinct tenant_id from locket.memories')).length, 2)
    for (const sql of [
      'select record from locket.memories',
      'select profile from locket.spaces',
      'select * from locket.principals',
      'select answer from locket.idempotency_keys',
      'select * from locket.audit_events',
      "update locket.spaces set state = 'active'",
      'delete from locket.memories',
    ]) {
      await assert.rejects(asSystem(sql), /permission denied/, sql)
    }
  })

  test('the log is only ever added to', async (t) => {
    const { locket } = await twoTenants(t)
    const client = await asApplication(t, locket)
    for (const sql of [
      'delete from locket.audit_events',
      "update locket.audit_events set outcome = 'allowed'",
      'truncate locket.audit_events',
    ]) {
      await assert.rejects(inTenant(client, locket.tenant, sql), /permission denied/, sql)
    }
  })

  test('every table with rows of tenants is held by row security, its owner too', async (t) => {
    const { sql } = await openLocket(t)
    const held = await sql(`
      select relname as name, (relrowsecurity and relforcerowsecurity)::int as forced,
        (select count(*) from pg_policies where tablename = relname and 'locket_app' = any (roles))
          as policies
      from pg_class where relnamespace = 'locket'::regnamespace and relkind = 'r'
      order by relname`)
    const expected = [...ofTenants].sort().map((name) => ({ name, forced: 1, policies: 1 }))
    assert.deepEqual(
      held.filter((row) => row['forced'] === 1),
      expected,
    )
    const rest = held.filter((row) => row['forced'] !== 1).map((row) => row['name'])
    assert.deepEqual(rest, ['credential_directory', 'instance', 'migrations'])
  })
})
