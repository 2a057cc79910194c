/** What doctor says of keys and of what is stored, each altered past the server. */
import assert from 'node:assert/strict'
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeCosignature, makePosition } from '../../test/audit-log-rows.ts'
import { assertFound, examined, finding, findingIn, settingsOf } from '../../test/doctor.ts'
import { onlyOn } from '../../test/engine.ts'
import { type Locket, openLocket } from '../../test/harness.ts'
import { device, enrolPasskey } from '../../test/passkeys.ts'
import { signIn } from '../../test/signed-in.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { tokensOf } from '../../test/tokens.ts'
import { otherLog } from '../../test/witnessing.ts'
import { day_ms, systemClock } from '../core/clock.ts'
import { instanceTenant } from '../core/ids.ts'
import { createLog } from '../core/log.ts'
import { noSinks } from '../features/audit-sinks/sinks.ts'
import { powerTables } from '../storage/sampling.ts'
import { tables } from '../storage/tables.ts'
import { lookedAt } from './keys.ts'
import { openScene } from './scene.ts'
import { eachTenant } from './tenants.ts'

const production = { flags: { mode: 'production' } }

async function remember(made: Locket, space: string, text: string): Promise<void> {
  const { status } = await made.call('POST', '/v1/memories', { body: { space, text } })
  assert.equal(status, 201)
}

/** A Locket that was made so many days ago. */
function madeBefore(days: number) {
  return { clock: () => systemClock() - days * day_ms }
}

test('a bootstrap key warns while it is alive, and fails in production', async (t) => {
  const made = await openLocket(t)
  const id = 'bootstrap-key'
  assertFound(await finding(made, id), 'warn', /^alive: key_\w+ \(until /)
  const report = await examined(made, production)
  assertFound(findingIn(report, id), 'fail', /^alive: key_/)
  assert.ok(!JSON.stringify(report).includes(made.admin))
  const body = { name: 'own' }
  const own = (await made.call('POST', '/v1/api-keys', { body })).body.key
  const [key = ''] = /key_\w+/.exec((await finding(made, id)).saw) ?? []
  const revoked = await made.call('DELETE', `/v1/api-keys/${key}`, { key: own })
  assert.ok(revoked.status < 300, `${revoked.status}`)
  assertFound(await finding(made, id, production), 'pass', /none is alive/)
})

test('a root key that has been in use for more than a year warns', async (t) => {
  const made = await openLocket(t, madeBefore(366))
  const id = 'root-key-age'
  assertFound(await finding(made, id), 'warn', /in use for 366 days/)
  const rotated = 'update audit_events set action = ?, time = ? where tenant_id = ?'
  await made.sql(rotated, 'root-key.rotated', systemClock() - 30 * day_ms, instanceTenant)
  assertFound(await finding(made, id), 'pass', /in use for 30 days/)
})

test('keys that seal for more than two years warn', async (t) => {
  const made = await openLocket(t, madeBefore(731))
  const id = 'encryption-key-age'
  assertFound(await finding(made, id), 'warn', /older than 730 days: .*2 of tenants/)
  await made.sql('update encryption_keys set created_at = ?', systemClock())
  assertFound(await finding(made, id), 'pass', /none is older/)
})

test('a signing key that should have been replaced long ago', async (t) => {
  const made = await openLocket(t, madeBefore(101))
  const id = 'signing-key-age'
  assertFound(await finding(made, id), 'warn', /^it has signed for 101 days$/)
  await made.sql('delete from signing_keys')
  assertFound(await finding(made, id), 'pass', /^there is none yet/)
})

test('API keys that are old, or that nobody uses', async (t) => {
  const made = await openLocket(t, madeBefore(800))
  await made.person('user:alice')
  const report = await examined(made)
  assertFound(
    findingIn(report, 'api-key-age'),
    'warn',
    /^older than 730 days: key_\w+ \(one, of 800 days\)$/,
  )
  assertFound(findingIn(report, 'api-keys-unused'), 'warn', /^unused for 90 days: key_\w+$/)
  const [{ key_id: key = '' } = {}] = await made.sql(
    'select key_id from api_keys where expires_at is null',
  )
  const use = 'insert into api_key_uses (tenant_id, key_id, last_used_at) values (?, ?, ?)'
  await made.sql(use, made.tenant, key, systemClock() - day_ms)
  assertFound(await finding(made, 'api-keys-unused'), 'pass', /none was left unused/)
  await made.sql('update api_keys set created_at = ?', systemClock())
  assertFound(await finding(made, 'api-key-age'), 'pass', /none is older/)
})

test('many keys that nobody uses are counted, and a few are named', async (t) => {
  const made = await openLocket(t, madeBefore(100))
  for (const name of ['alice', 'bob', 'carol', 'dave']) await made.person(`user:${name}`)
  const { saw } = await finding(made, 'api-keys-unused')
  assert.match(saw, /^unused for 90 days: 4, such as key_\w+, key_\w+, key_\w+$/)
})

test('tombstones: there, whole, signed, one for each destroyed space', async (t) => {
  const made = await openLocket(t)
  const file = join(made.directory, 'tombstones')
  const id = 'tombstones'
  await remember(made, 'user:alice', 'tea')
  const [{ space_id: space } = {}] = await made.sql('select space_id from spaces')
  assert.equal((await made.call('DELETE', `/v1/spaces/${space}`)).status, 200)
  assertFound(await finding(made, id), 'pass', /1 destroyed key, every signature verified/)
  const good = readFileSync(file, 'utf8')

  writeFileSync(file, '')
  assertFound(await finding(made, id), 'fail', /^1 destroyed space without a tombstone/)
  writeFileSync(file, good.replace('"v":1', '"v":2'))
  assertFound(await finding(made, id), 'fail', /^line 1 of .* was altered/)
  writeFileSync(file, `${good}{"v":1,"ten`)
  assertFound(await finding(made, id), 'warn', /last line .* is cut off/)
  assert.match(readFileSync(file, 'utf8'), /"ten$/, 'it was not mended')
  rmSync(file)
  assertFound(await finding(made, id), 'fail', /without a tombstone/)
})

test('tombstones that are not there, or cannot be written', async (t) => {
  const made = await openLocket(t)
  const file = join(made.directory, 'tombstones')
  renameSync(file, `${file}.aside`)
  symlinkSync(`${file}.aside`, file)
  assertFound(await finding(made, 'tombstones'), 'fail', /cannot be appended to, or is a link/)
  rmSync(file)
  mkdirSync(file)
  assertFound(await finding(made, 'tombstones'), 'fail', /cannot be read/)
  rmdirSync(file)
  assertFound(await finding(made, 'tombstones'), 'warn', /is not there/)
})

/** Something in every table whose rows carry a MAC. */
async function fillAll(made: Locket): Promise<void> {
  const post = async (path: string, body: object): Promise<Record<string, string>> => {
    const reply = await made.call('POST', path, { body })
    assert.ok(reply.status < 300, `${path}: ${JSON.stringify(reply.body)}`)
    return reply.body
  }
  const { id: principalId } = await made.person('user:alice')
  await remember(made, 'user:alice', 'tea')
  await post('/v1/roles', { name: 'tea-maker', description: '', permissions: ['memory:read'] })
  await tokensOf(made)
  const { token } = await post('/v1/invitations', { handle: 'user:bob' })
  const password = 'umber canary with seven hats'
  await post('/v1/invitations/accept', { token, password })
  const browser = await signIn(made, { login: 'bob', password })
  await enrolPasskey(made, browser, device())
  await post('/v1/invitations', { handle: 'user:carol' })
  const provider = { name: 'idp', issuer: 'https://idp.example/tea', rules: [] }
  const { id: providerId } = await post('/v1/identity-providers', provider)
  await post('/v1/external-identities', { providerId, subject: 'tea', principalId })
  await post('/v1/blocked-addresses', { network: '203.0.113.7' })
  await post('/v1/witnessed-logs', { verifierKey: otherLog('log.example').verifierKey })
}

/** One of these is in each of them; it is a number, or an id. */
const altered = [
  'created_at',
  'updated_at',
  'expires_at',
  'principal_id',
  'signed_at',
  'tried_at',
  'next_leaf',
]

test('a row that grants power and was altered fails, in every table', async (t) => {
  const nowhere = { host: '127.0.0.1', port: 1, tls: 'off', from: 'locket@corp.example' } as const
  const mailSettings = { ...nowhere, caFile: null, login: null, timeout_ms: 1_000 }
  const passkeyParty = { id: 'localhost', origin: 'http://localhost' }
  const reached = { publicUrl: 'http://127.0.0.1', passkeyParty }
  const path = join(temporaryDirectory(t), 'audit.jsonl')
  const file = { path, size_bytes_max: 1e9, kept_max: 1 }
  const auditSinks = { ...noSinks, file }
  const made = await openLocket(t, { ...reached, mailSettings, auditSinks })
  await fillAll(made)
  await makeCosignature(made.instance, made.tenant)
  await makePosition(made.instance, made.tenant)
  const mailed = { handle: 'user:mailed', email: 'mailed@corp.example' }
  await made.call('POST', '/v1/invitations', { body: mailed })
  await made.app.jobs.runAll()
  // What ships would mend its row meanwhile.
  made.app.pipeline.services.auditSinks.stop()
  assertFound(await finding(made, 'row-macs'), 'pass', /rows as they were written/)
  for (const table of powerTables) {
    const ofInstance = [
      'signing_keys',
      'blocked_addresses',
      'checkpoint_keys',
      'witness_keys',
      'witnessed_logs',
    ]
    const tenant = ofInstance.includes(table) ? instanceTenant : made.tenant
    const column = altered.find((name) => name in tables[table]) ?? ''
    const [{ was = null } = {}] = await made.sql(
      `select ${column} as was from ${table} where tenant_id = ? limit 1`,
      tenant,
    )
    assert.ok(was !== null, table)
    const change = `update ${table} set ${column} = ? where tenant_id = ? and ${column} = ?`
    const other = typeof was === 'string' ? `${was.slice(0, -1)}_` : Number(was) + 1
    await made.sql(change, other, tenant, was)
    assertFound(await finding(made, 'row-macs'), 'fail', new RegExp(`\\d of ${table}`))
    await made.sql(change, was, tenant, other)
  }
  assertFound(await finding(made, 'row-macs'), 'pass', /rows as they were written/)
})

test('rows and records of other tenants are looked at, too', async (t) => {
  const made = await openLocket(t)
  const body = { slug: 'other', name: 'Other' }
  const other = await made.call('POST', '/v1/tenants', { body })
  assert.equal(other.status, 201, JSON.stringify(other.body))
  const { id, apiKey } = other.body
  const memory = { space: 'user:alice', text: 'tea' }
  const stored = await made.call('POST', '/v1/memories', { key: apiKey, body: memory })
  assert.equal(stored.status, 201)
  assertFound(await finding(made, 'records'), 'pass', /^1 record opened$/)
  await made.sql('update memories set seq = seq + 1 where tenant_id = ?', id)
  await made.sql('update spaces set seq = seq + 1 where tenant_id = ?', id)
  assertFound(await finding(made, 'records'), 'fail', /does not open in 1 space/)
  await made.sql('update grants set created_at = 1 where tenant_id = ?', id)
  assertFound(await finding(made, 'row-macs'), 'fail', /1 of grants/)
})

test('what there was no time for does not pass', async (t) => {
  const made = await openLocket(t)
  const options = { log: createLog('silent'), clock: systemClock }
  const scene = openScene({ settings: settingsOf(made), ...options })
  t.after(() => scene.close())
  const data = await scene.data()
  const whole = await eachTenant(data, async () => undefined)
  assert.deepEqual(whole, { tenants: 1, complete: true })
  assertFound(lookedAt(whole, 'none'), 'pass', /^none$/)
  const late = await eachTenant(data, async () => undefined, -1)
  assert.deepEqual(late, { tenants: 0, complete: false })
  assertFound(lookedAt(late, 'none'), 'unknown', /^none in the first 0 tenants, for more/)
})

test('a record that was moved or altered fails', async (t) => {
  const made = await openLocket(t)
  await remember(made, 'user:alice', 'tea')
  await remember(made, 'user:alice', 'milk')
  await remember(made, 'user:bob', 'coffee')
  assertFound(await finding(made, 'records'), 'pass', /^3 records opened$/)
  await made.sql(
    `update memories set record = (select record from memories order by memory_id desc limit 1)
      where memory_id = (select min(memory_id) from memories)`,
  )
  const report = await examined(made)
  assertFound(findingIn(report, 'records'), 'fail', /does not open in 1 space: spc_/)
  assert.ok(!/alice|coffee|milk/.test(JSON.stringify(report)))
})

test('a key whose wrap was altered fails', async (t) => {
  const made = await openLocket(t)
  await remember(made, 'user:alice', 'tea')
  await made.sql(
    `update encryption_keys set wrapped = (select wrapped from encryption_keys
      where tenant_id = ? and scope = 'pepper') where tenant_id = ? and scope = 'lookup'`,
    made.tenant,
    made.tenant,
  )
  assertFound(await finding(made, 'row-macs'), 'fail', /not as they were written/)
})

test('a clock that is behind the newest event fails', async (t) => {
  const made = await openLocket(t)
  assertFound(await finding(made, 'clock'), 'pass', /after every event/)
  const clock = () => systemClock() - 120_000
  assertFound(await finding(made, 'clock', { clock }), 'fail', /behind the newest audit event/)
  // No event of a job may come after it.
  await made.app.jobs.stop()
  await made.sql('update audit_events set time = ?', systemClock() + 3_600_000)
  assertFound(await finding(made, 'clock'), 'fail', /behind the newest audit event/)
})

test(
  'a clock that is set meanwhile warns',
  onlyOn('sqlite', 'no other clock to compare'),
  async (t) => {
    const made = await openLocket(t)
    const begun = systemClock()
    let asked = 0
    // Later and later, by far more than the time that passes.
    const clock = () => begun + 3_000 * asked++
    assertFound(await finding(made, 'clock', { clock }), 'warn', /was set while/)
  },
)

test(
  'a clock that is not the database’s',
  onlyOn('postgres', 'it has a clock of its own'),
  async (t) => {
    const made = await openLocket(t)
    assertFound(await finding(made, 'clock'), 'pass', /of the database’s$/)
    const off = (ms: number) => ({ clock: () => systemClock() + ms })
    assertFound(await finding(made, 'clock', off(10_000)), 'warn', /10 seconds off/)
    assertFound(await finding(made, 'clock', off(120_000)), 'fail', /120 seconds off/)
  },
)
