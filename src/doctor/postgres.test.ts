/** What doctor says of PostgreSQL: its login, its walls, the way to it. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { assertFound, examined, finding, findingIn } from '../../test/doctor.ts'
import { onlyOn } from '../../test/engine.ts'
import { openLocket } from '../../test/harness.ts'
import { createDatabase, type PostgresData } from '../../test/postgres.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'

describe('PostgreSQL', onlyOn('postgres', 'it is what is looked at'), () => {
  test('a login that owns nothing passes', async (t) => {
    const made = await openLocket(t)
    assertFound(await finding(made, 'database'), 'pass', /^PostgreSQL 1\d\..*, schema up to date$/)
    assertFound(await finding(made, 'database-login'), 'pass', /^locket owns nothing/)
    assertFound(await finding(made, 'row-security'), 'pass', /a stranger sees no row/)
    assertFound(await finding(made, 'database-tls'), 'pass', /plain text, on this machine/)
    assertFound(await finding(made, 'database-disk'), 'unknown', /does not tell/)
  })

  test('plain text to what is not known to be this machine', async (t) => {
    const made = await openLocket(t)
    // The resolver takes it for 127.0.0.1; nobody else has to.
    const url = made.config.database?.url.replace('127.0.0.1', '127.1') ?? ''
    const flags = { 'database-url': `${url}?sslmode=disable` }
    const found = await finding(made, 'database-tls', { flags })
    assertFound(found, 'warn', /plain text to another machine/)
  })

  test('a superuser and the owner warn, and fail in production [V13.2.2]', async (t) => {
    const { data, directory } = await openData(t)
    const look = (url: string, mode: string) =>
      finding({ directory }, 'database-login', { flags: { 'database-url': url, mode } })
    assertFound(await look(data.superUrl, 'development'), 'warn', /is a superuser/)
    assertFound(await look(data.superUrl, 'production'), 'fail', /is a superuser/)
    assertFound(await look(data.ownerUrl, 'development'), 'warn', /owns the schema/)
    assertFound(await look(data.ownerUrl, 'production'), 'fail', /owns the schema/)
  })

  test('each gap in row security fails', async (t) => {
    const { data, directory } = await openData(t)
    const gaps: readonly (readonly [gap: string, mended: string, saw: RegExp])[] = [
      [
        'alter table memories disable row level security',
        'alter table memories enable row level security',
        /^Row security is off on memories\./,
      ],
      [
        'alter table grants no force row level security',
        'alter table grants force row level security',
        /^Row security is not forced on grants/,
      ],
      [
        'create policy more on api_keys to locket_app using (true)',
        'drop policy more on api_keys',
        /^The policy more of api_keys is not Locket/,
      ],
      [
        'alter policy of_all on spaces rename to of_some',
        'alter policy of_some on spaces rename to of_all',
        /^The policy of_some of spaces is not Locket’s\. And 1 more/,
      ],
      [
        'grant update on audit_events to locket_app',
        'revoke update on audit_events from locket_app',
        /^The role locket_app may change audit events/,
      ],
      [
        'grant update (leaf) on audit_events to locket_app',
        'revoke update (leaf) on audit_events from locket_app',
        /^The role locket_app may change audit events/,
      ],
      [
        'grant update (outcome) on audit_events to locket_system',
        'revoke update (outcome) on audit_events from locket_system',
        /^The role locket_system may change audit events/,
      ],
      [
        'create table copied (tenant_id text)',
        'drop table copied',
        /^Row security is off on copied\./,
      ],
    ]
    const look = () => finding({ directory, data }, 'row-security')
    for (const [gap, mended, saw] of gaps) {
      await data.sql(gap)
      assertFound(await look(), 'fail', saw)
      await data.sql(mended)
      assertFound(await look(), 'pass', /enabled and forced/)
    }
  })

  test('a policy that lets strangers in fails, whatever it is called', async (t) => {
    const made = await openLocket(t)
    const own = "tenant_id = nullif(current_setting('locket.tenant', true), '')"
    const alter = (using: string) =>
      made.sql(`alter policy of_tenant on encryption_keys using (${using}) with check (${own})`)
    await alter(`${own} or true`)
    const found = await finding(made, 'row-security')
    assertFound(found, 'fail', /A transaction of another tenant sees rows of encryption_keys/)
  })

  test('a database that cannot be reached fails, and what needs it is unknown', async (t) => {
    const directory = temporaryDirectory(t)
    const flags = { 'database-url': 'postgres://locket:geheim@127.0.0.1:9/locket' }
    const report = await examined({ directory }, { flags })
    assertFound(findingIn(report, 'database'), 'fail', /^The database cannot be used: /)
    for (const id of ['database-login', 'row-security', 'database-tls', 'row-macs']) {
      assertFound(findingIn(report, id), 'unknown', /^The database cannot be used: /)
    }
    assert.ok(!JSON.stringify(report).includes('geheim'))
  })

  test('a database without a schema is unknown, and gets none', async (t) => {
    const directory = temporaryDirectory(t)
    const data = await createDatabase(t, { migrated: false })
    const report = await examined({ directory, data })
    assertFound(findingIn(report, 'database'), 'unknown', /there is no Locket in the database/)
    assertFound(findingIn(report, 'row-security'), 'unknown', /there is no Locket/)
    const schemas = await data.sql("select 1 as it from pg_namespace where nspname = 'locket'")
    assert.deepEqual(schemas, [])
  })

  test('a table that is locked keeps doctor no longer than it has', async (t) => {
    const made = await openLocket(t)
    const data = made.data
    await data.sql('begin')
    await data.sql('lock table audit_events in access exclusive mode')
    const begun = performance.now()
    const report = await examined(made, { flags: { 'database-statement-timeout': '1000' } })
    await data.sql('rollback')
    assertFound(findingIn(report, 'audit-writable'), 'unknown', /looking failed/)
    assertFound(findingIn(report, 'row-macs'), 'pass', /as they were written/)
    assert.ok(performance.now() - begun < 20_000)
  })
})

async function openData(t: TestContext): Promise<{ data: PostgresData; directory: string }> {
  return { data: await createDatabase(t), directory: temporaryDirectory(t) }
}
