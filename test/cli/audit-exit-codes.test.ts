/** What `locket audit verify` tells the shell of a server whose database somebody has changed. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { sqliteData } from '../sqlite.ts'
import { temporaryDirectory } from '../temporary-directory.ts'
import type { Sql } from '../test-data.ts'
import { type Ended, locket, startLocket } from './program.ts'

const wait_ms = 20_000

/** A server, and its database past it. */
async function openServer(t: TestContext) {
  const cwd = temporaryDirectory(t)
  const data = join(cwd, 'data')
  const server = startLocket(t, ['start', '--port', '0', '--json', '--data-dir', data], { cwd })
  const [line = ''] = await server.lines(1)
  const { url, apiKey } = JSON.parse(line) as { url: string; apiKey: string }
  const env = { LOCKET_URL: url, LOCKET_API_KEY: apiKey }
  const { sql } = sqliteData(join(data, 'locket.db'))
  return { run: (...args: readonly string[]) => locket(t, args, { cwd, env }), sql }
}

type Run = Awaited<ReturnType<typeof openServer>>['run']

/** Until all that was asked of it has its place. */
async function verifiedAt(run: Run, sql: Sql): Promise<Ended> {
  const deadline = performance.now() + wait_ms
  while ((await sql('select 1 from audit_events where leaf is null')).length > 0) {
    assert.ok(performance.now() < deadline, 'events get their places')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return run('audit', 'verify')
}

test('0 where it is sound, 1 where not, with what and where, 2 where it could not be looked at', async (t) => {
  const { run, sql } = await openServer(t)
  for (const text of ['Likes tea', 'Has a garden']) {
    assert.equal((await run('store', 'user:alice', text)).code, 0)
  }
  const sound = await verifiedAt(run, sql)
  assert.deepEqual([sound.code, sound.stderr], [0, ''])

  const last = "(select max(leaf) from audit_events where action = 'memory.stored')"
  await sql(
    `update audit_events set action = 'x' where action = 'memory.stored' and leaf = ${last}`,
  )
  const altered = await verifiedAt(run, sql)
  assert.equal(altered.code, 1)
  assert.match(altered.stdout, /verdict +not sound: \d+ faults/)
  assert.match(altered.stderr, /^leaf \d+ \(evt_\w+\): event-altered: The row is not/m)
  const told = await run('audit', 'verify', '--json')
  const { sound: isSound, faultCount, data } = JSON.parse(told.stdout)
  assert.deepEqual([told.code, isSound, faultCount > 0], [1, false, true])
  assert.ok(data.faults.length > 0)

  await testFirst(run, sql)
  await testMissing(run, sql)

  await sql('update audit_logs set size = size + 1')
  const broken = await run('audit', 'verify')
  assert.equal(broken.code, 1)
  assert.match(broken.stderr, /^log: /m)

  assert.equal((await run('audit', 'verify', '--key', 'x')).code, 2)
})

/** The log has something wrong at a later leaf, and is looked at before the server tells of this one. */
async function testFirst(run: Run, sql: Sql): Promise<void> {
  const of = "where action = 'memory.stored'"
  const [row] = await sql(`select leaf, event_id from audit_events ${of}`)
  await sql(`update audit_events set proof = commitment ${of}`)
  const { stdout, stderr } = await run('audit', 'verify')
  const first = `leaf ${row?.['leaf']} (${row?.['event_id']}): event-altered: The row is not`
  assert.ok(stdout.includes(`\nfirst    ${first}`), stdout)
  const ofLeaves = stderr.split('\n').filter((line) => line.startsWith('leaf '))
  assert.ok(ofLeaves[0]?.startsWith(first), stderr)
  const { firstFault, faults } = JSON.parse((await run('audit', 'verify', '--json')).stdout)
  assert.deepEqual([firstFault.leaf, firstFault.event], [row?.['leaf'], row?.['event_id']])
  assert.ok(faults[0].leaf > firstFault.leaf, 'the log itself tells of a later one alone')
}

/** Of the tail of a log the server gives nothing when an event of it is gone: that is told, and not taken for where it is. */
async function testMissing(run: Run, sql: Sql): Promise<void> {
  const ofTenant = `tenant_id = (select tenant_id from audit_events where action = 'memory.stored')`
  await sql(`delete from audit_events where leaf = 0 and ${ofTenant}`)
  const { stdout, stderr } = await run('audit', 'verify')
  assert.match(stdout, /^first +leaf 0[:( ].*event-missing/m)
  assert.match(stderr, /^log: tile\/entries\/000\.p\/\d+ is not there$/m)
  const exported = await run('audit', 'export', 'copy')
  assert.equal(exported.code, 1)
  assert.match(exported.stderr, /^\d+ tiles are not there, the first tile\/entries\/000\.p\/\d+: /)
  assert.equal((await run('audit', 'verify', '--directory', 'copy')).code, 1)
}
