/** Doctor only looks: beside a server, after one, after a crash, and where there is nothing. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { locket, root } from '../../test/cli/program.ts'
import { assertFound, examined, finding, findingIn } from '../../test/doctor.ts'
import { engine, onlyOn } from '../../test/engine.ts'
import { openLocket } from '../../test/harness.ts'
import { type Data, initData, startServer } from '../../test/server-process.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { migrations } from '../storage/migrations.ts'
import { checks } from './checks.ts'
import { outcomeOf } from './examine.ts'
import { statuses } from './finding.ts'
import type { Scene } from './scene.ts'

const text = 'Zwetschgenknoedel with poppy seeds'
const handle = 'user:canary-zwetschge'

/** Every file with its bytes, mode and time of change. */
function traces(directory: string, except: RegExp = /^$/): Record<string, string> {
  const files = readdirSync(directory).filter((file) => !except.test(file))
  return Object.fromEntries(
    files.sort().map((file) => {
      const path = join(directory, file)
      const { mode, mtimeMs } = statSync(path)
      const digest = createHash('sha256').update(readFileSync(path)).digest('hex')
      return [file, `${digest} ${mode.toString(8)} ${mtimeMs}`]
    }),
  )
}

async function stored(t: TestContext, signal: 'SIGTERM' | 'SIGKILL' | null): Promise<Data> {
  const data = await initData()
  const server = await startServer(data)
  t.after(async () => {
    await server.end('SIGTERM')
    await data.remove()
  })
  const answer = await fetch(`${server.url}/v1/memories`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${data.key}`,
      'Content-Type': 'application/json',
      // With it all events have their places, and the server writes nothing more by itself.
      Prefer: 'receipt',
    },
    body: JSON.stringify({ space: handle, text }),
  })
  assert.equal(answer.status, 201)
  assert.ok(answer.headers.get('locket-receipt'))
  if (signal !== null) await server.end(signal)
  return data
}

async function doctor(t: TestContext, data: Data) {
  const ended = await locket(t, ['doctor', ...data.flags, '--json'], { cwd: root })
  for (const secret of [text, 'canary-zwetschge', data.key, rootKeyOf(data.directory)]) {
    assert.ok(!`${ended.stdout}${ended.stderr}`.includes(secret), 'no secret is printed')
  }
  assert.equal(ended.stderr, '')
  return { code: ended.code, report: JSON.parse(ended.stdout) }
}

function rootKeyOf(directory: string): string {
  return readFileSync(join(directory, 'root.key'), 'utf8').trim()
}

const wholly: readonly string[] = [
  'root-key-fits',
  'database',
  'tombstones',
  'row-macs',
  'records',
  'clock',
  'data-files',
]

test('after a server that was stopped, everything is seen and nothing is changed', async (t) => {
  const data = await stored(t, 'SIGTERM')
  const before = traces(data.directory)
  const { code, report } = await doctor(t, data)
  assert.deepEqual(traces(data.directory), before)
  assert.equal(code, 0)
  for (const id of [...wholly, 'audit-writable']) assert.equal(findingIn(report, id).status, 'pass')
  assertFound(findingIn(report, 'records'), 'pass', /^1 record opened$/)
  const ids = report.checks.map((one: { id: string }) => one.id)
  assert.deepEqual(
    ids,
    checks.map(({ id }) => id),
  )
  assert.deepEqual(Object.keys(report), ['version', 'mode', 'checks', 'summary'])
  assert.deepEqual(Object.keys(report.summary), [...statuses])
})

test('beside a server, everything is seen and nothing is changed', async (t) => {
  const data = await stored(t, null)
  // The index of the log is memory that the processes share.
  const before = traces(data.directory, /-shm$/)
  const { code, report } = await doctor(t, data)
  assert.deepEqual(traces(data.directory, /-shm$/), before)
  assert.equal(code, 0)
  for (const id of [...wholly, 'audit-writable']) assert.equal(findingIn(report, id).status, 'pass')
})

test('after a crash, all but writing is seen and nothing is changed', async (t) => {
  const data = await stored(t, 'SIGKILL')
  const before = traces(data.directory)
  if (engine === 'sqlite') assert.ok(before['locket.db-wal'], 'the log was not settled')
  const { report } = await doctor(t, data)
  assert.deepEqual(traces(data.directory), before)
  for (const id of wholly) assert.equal(findingIn(report, id).status, 'pass', id)
  assertFound(findingIn(report, 'records'), 'pass', /^1 record opened$/)
  const expected = engine === 'sqlite' ? 'unknown' : 'pass'
  assert.equal(findingIn(report, 'audit-writable').status, expected)
})

test('writing leaves nothing in the audit', async (t) => {
  const made = await openLocket(t)
  const count = () => made.sql('select count(*) as count from audit_events')
  const before = await count()
  assertFound(await finding(made, 'audit-writable'), 'pass', /written, and undone/)
  assert.deepEqual(await count(), before)
})

test('where there is nothing, what needs data is unknown, and nothing is made', async (t) => {
  const directory = join(temporaryDirectory(t), 'absent')
  const report = await examined({ directory })
  assert.equal(existsSync(directory), false)
  const needData = ['database', 'root-key-file', 'root-key-fits', 'row-macs', 'audit-writable']
  for (const id of needData)
    assertFound(findingIn(report, id), 'unknown', /^there is no Locket in /)
  assertFound(findingIn(report, 'disk'), 'unknown', /there is no directory/)
  assert.equal(report.summary.fail, 0)
})

test('a root key that is not there fails, and what needs it is unknown', async (t) => {
  const made = await openLocket(t)
  rmSync(join(made.directory, 'root.key'))
  const report = await examined(made)
  assertFound(findingIn(report, 'root-key-file'), 'fail', /root\.key is not there$/)
  needsKey(report)
})

test('a root key that others can read fails, and what needs it is unknown', async (t) => {
  const made = await openLocket(t)
  chmodSync(join(made.directory, 'root.key'), 0o640)
  const report = await examined(made)
  assertFound(findingIn(report, 'root-key-file'), 'fail', /others can reach .*mode 0640/)
  needsKey(report)
})

test('a root key that is none is told without a part of it', async (t) => {
  const made = await openLocket(t)
  writeFileSync(join(made.directory, 'root.key'), 'geheim-geheim')
  const report = await examined(made)
  assertFound(findingIn(report, 'root-key-file'), 'fail', /must be 32 random bytes/)
  assert.ok(!JSON.stringify(report).includes('geheim'))
})

test('another root key fails, and what needs it is unknown', async (t) => {
  const made = await openLocket(t)
  const other = Buffer.alloc(32, 7).toString('base64')
  writeFileSync(join(made.directory, 'root.key'), `${other}\n`)
  const report = await examined(made)
  assert.equal(findingIn(report, 'root-key-file').status, 'pass')
  assertFound(findingIn(report, 'root-key-fits'), 'fail', /not the one of this data/)
  needsKey(report, /not the one of this data/)
  assert.ok(!JSON.stringify(report).includes(other))
})

test('a rotation that was cut short is said', async (t) => {
  const made = await openLocket(t)
  writeFileSync(join(made.directory, 'root.key.next'), rootKeyOf(made.directory), { mode: 0o600 })
  assertFound(await finding(made, 'root-key-fits'), 'warn', /cut short/)
})

function needsKey(report: Parameters<typeof findingIn>[0], saw = /root key cannot be had/): void {
  for (const id of ['bootstrap-key', 'tombstones', 'row-macs', 'records', 'audit-writable']) {
    assertFound(findingIn(report, id), 'unknown', saw)
  }
}

test('a database that is damaged fails', onlyOn('sqlite', 'it is a file'), async (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(
    join(directory, 'locket.db'),
    'this is no database, whatever it is called'.repeat(99),
  )
  assertFound(await finding({ directory }, 'database'), 'fail', /damaged/)
})

test('a database of a newer Locket fails, of an older one warns', async (t) => {
  const made = await openLocket(t)
  await made.sql('insert into migrations (name) values (?)', '999-later')
  assertFound(await finding(made, 'database'), 'fail', /newer Locket \(migration 999-later\)/)
  await made.sql('delete from migrations')
  const report = await examined(made)
  assertFound(findingIn(report, 'database'), 'warn', /001-spine/)
  assertFound(findingIn(report, 'row-macs'), 'unknown', /schema is not up to date/)
  // The next test may be given the same database.
  for (const { name } of migrations)
    await made.sql('insert into migrations (name) values (?)', name)
})

test('an audit that cannot be written fails', async (t) => {
  const made = await openLocket(t)
  const allow = await made.data.refuseInserts('audit_events')
  assertFound(await finding(made, 'audit-writable'), 'fail', /the database refuses it/)
  await allow()
})

test(
  'a database that another writes to all the time is unknown',
  onlyOn('sqlite', 'one writer'),
  async (t) => {
    const made = await openLocket(t)
    const release = await holdWriter(made)
    assertFound(await finding(made, 'audit-writable'), 'unknown', /looking failed/)
    await release()
  },
)

/** Writes in the server, without an end until it is told. */
async function holdWriter(made: Awaited<ReturnType<typeof openLocket>>) {
  const end = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const writing = made.instance.database.write(async () => {
    begun.resolve()
    await end.promise
  }, 'full')
  await begun.promise
  return async () => {
    end.resolve()
    await writing
  }
}

test('a check that takes too long, or throws, is unknown and says no more', async () => {
  const scene = {} as Scene
  const never = await outcomeOf({ look: () => new Promise(() => undefined) }, scene, 10)
  assertFound(never, 'unknown', /took longer/)
  const secret = new Error('the password is geheim')
  const thrown = await outcomeOf({ look: () => Promise.reject(secret) }, scene)
  assertFound(thrown, 'unknown', /^looking failed$/)
  const now = await outcomeOf(
    {
      look: () => {
        throw Object.assign(new Error('geheim'), { code: 'EACCES' })
      },
    },
    scene,
  )
  assertFound(now, 'unknown', /^looking failed \(EACCES\)$/)
})

test('every check has an id of its own and says when it does what', () => {
  assert.equal(new Set(checks.map(({ id }) => id)).size, checks.length)
  for (const { id, about, warns, fails, unknown } of checks) {
    assert.match(id, /^[a-z]+(-[a-z]+)*$/)
    for (const said of [about, warns, fails, unknown]) if (said) assert.match(said, /^[A-Z`].*\.$/)
  }
})
