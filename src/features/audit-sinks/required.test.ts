/** What is refused while a required sink takes nothing, what is not, and how that ends. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { doThings, toldIn } from '../../../test/audit-sinks.ts'
import { examined, findingIn } from '../../../test/doctor.ts'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { temporaryDirectory } from '../../../test/temporary-directory.ts'
import { day_ms, hour_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { stateOf } from './measure.ts'
import { type AuditSinkSettings, noSinks } from './sinks.ts'

const queue_events_max = 100

let latest = Date.now()

interface Blocked {
  readonly locket: Locket
  readonly path: string
  /** Lets the sink take events. */
  mend(): void
  pass(time_ms: number): void
}

/** A Locket whose sink takes nothing, since the directory of its file is not there. */
async function blocked(t: TestContext, required: boolean): Promise<Blocked> {
  const directory = join(temporaryDirectory(t), 'later')
  const path = join(directory, 'audit.jsonl')
  // Ids of events rise in a process, whatever its clock says: each test is later than the one before.
  latest += hour_ms
  let now = latest
  const auditSinks: AuditSinkSettings = {
    ...noSinks,
    file: { path, size_bytes_max: 1e9, kept_max: 1 },
    required: required ? ['file'] : [],
    queue_events_max,
  }
  const locket = await openLocket(t, { auditSinks, clock: () => now })
  return {
    locket,
    path,
    mend: () => mkdirSync(directory),
    pass: (time_ms) => {
      now += time_ms
      latest = now
    },
  }
}

/** Calls until the queue is full: on a slow machine a job has seen it before the last of them. */
async function fill(locket: Locket): Promise<void> {
  for (let count = 0; count < queue_events_max; count += 1) {
    const { status } = await locket.call('GET', '/v1/whoami')
    if (status === 503) return
    assert.equal(status, 200)
  }
  await locket.app.jobs.runAll()
}

const actionsOf = async ({ sql }: Locket): Promise<readonly unknown[]> => {
  const rows = await sql(
    "select action from audit_events where action in ('audit-sink.behind', 'audit-sink.full', 'audit-sink.recovered') order by event_id",
  )
  return rows.map(({ action }) => action)
}

const calls: readonly (readonly [string, string, object?])[] = [
  ['GET', '/v1/whoami'],
  ['POST', '/v1/memories', { space: 'user:alice', text: 'drinks coffee' }],
  ['POST', '/v1/memories/recall', { space: 'user:alice', query: 'coffee' }],
  ['GET', '/v1/audit-events'],
  ['GET', '/v1/audit-sinks'],
  ['POST', '/v1/sign-ins', { tenant: 'default', login: 'alice', password: 'a long password' }],
]

describe('a required sink', () => {
  test('has everything refused while its queue is full, until it has caught up [V16.5.3]', async (t) => {
    const { locket, path, mend, pass } = await blocked(t, true)
    await fill(locket)
    const events = async () => (await locket.sql('select event_id from audit_events')).length
    const before = await events()
    for (const [method, path, body] of calls) {
      for (const key of [locket.admin, null]) {
        const { status, body: problem, headers } = await locket.call(method, path, { body, key })
        assert.deepEqual([status, problem.code], [503, 'audit_sink_full'], path)
        assert.equal(headers.get('retry-after'), String(limits.auditSinkRetry_s))
      }
    }
    assert.ok((await events()) - before < calls.length, 'refusals do not make the queue longer')
    assert.equal((await locket.call('GET', '/livez')).status, 200)
    assert.equal((await locket.call('GET', '/readyz')).status, 503)
    const doctor = await examined(locket, {
      env: {
        LOCKET_AUDIT_FILE: path,
        LOCKET_AUDIT_REQUIRED: 'file',
        LOCKET_AUDIT_QUEUE: String(queue_events_max),
      },
    })
    const { status, saw } = findingIn(doctor, 'audit-sinks')
    assert.equal(status, 'fail')
    assert.match(
      saw,
      /^file: .*audit\.jsonl \(required\), 1\d\d events wait, .* this time\. \(ENOENT\)$/,
    )

    mend()
    pass(limits.auditSinkRest_ms_max)
    await locket.app.jobs.runAll()
    for (const [method, path, body] of calls.slice(0, 5)) {
      assert.ok((await locket.call(method, path, { body })).status < 300, path)
    }
    assert.equal((await locket.call('GET', '/readyz')).status, 200)
    await locket.app.jobs.runAll()
    const refused = toldIn(path).filter(({ action }) => action === 'requests.refused')
    assert.ok(
      refused.some(({ code }) => code === 'audit_sink_full'),
      'they are told afterwards',
    )
    // Whether it was seen to be behind before it was full is a matter of time.
    const told = (await actionsOf(locket)).filter((action) => action !== 'audit-sink.behind')
    assert.deepEqual(told, ['audit-sink.full', 'audit-sink.recovered'])
  })

  test('is full from the first request on where it was full before', async (t) => {
    const { locket } = await blocked(t, true)
    await fill(locket)
    await locket.restart()
    assert.equal((await locket.call('GET', '/v1/whoami')).status, 503)
  })

  test('has events whose time is over kept until it has taken them', async (t) => {
    const { locket, path, mend, pass } = await blocked(t, true)
    const recalled = async () => {
      const which = "action = 'memory.recalled'"
      return (await locket.sql(`select event_id from audit_events where ${which}`)).length
    }
    await doThings(locket, 20)
    await locket.app.jobs.runAll()
    pass(1_000 * day_ms)
    await locket.app.jobs.runAll()
    assert.equal(await recalled(), 20)
    mend()
    pass(limits.auditSinkRest_ms_max)
    await locket.app.jobs.runAll()
    await locket.app.jobs.runAll()
    assert.equal(await recalled(), 0, 'then they go')
    const told = toldIn(path).filter(({ action }) => action === 'memory.recalled')
    assert.equal(told.length, 20)
  })

  test('lacks what has no place, too: a log that stands still does not silence it', async (t) => {
    const { locket, mend } = await blocked(t, true)
    mend()
    await doThings(locket, 3)
    await locket.app.jobs.runAll()
    await locket.sql('update audit_logs set signed_at = 1 where tenant_id = ?', locket.tenant)
    await doThings(locket, queue_events_max)
    await locket.app.jobs.runAll()
    assert.equal((await locket.call('GET', '/v1/whoami')).status, 503)
  })

  test('that is not required stops nothing, and what it lacks is seen', async (t) => {
    const { locket, pass } = await blocked(t, false)
    await doThings(locket, queue_events_max + 1)
    await locket.app.jobs.runAll()
    pass(5_000)
    const { items } = (await locket.call('GET', '/v1/audit-sinks')).body
    assert.equal(items[0].state, 'full')
    assert.ok(items[0].waiting > queue_events_max)
    assert.equal(items[0].failure.detail, 'ENOENT')
    const text = await locket.app.pipeline.services.metrics.text()
    assert.match(text, /locket_audit_sink_waiting\{sink="file"\} 1\d\d\n/)
    assert.match(text, /locket_audit_sink_waiting_max\{sink="file"\} 100\n/)
    assert.match(text, /locket_audit_sink_oldest_waiting_seconds\{sink="file"\} 5(\.\d+)?\n/)
    assert.match(text, /locket_audit_sink_required\{sink="file"\} 0\n/)
    assert.match(text, /locket_audit_sink_failures_total\{sink="file",fault="failed"\} 1\n/)
  })

  test('is behind when an event has waited for a minute, and one event says so', async (t) => {
    const { locket, mend, pass } = await blocked(t, true)
    await doThings(locket, 3)
    await locket.app.jobs.runAll()
    assert.deepEqual(await actionsOf(locket), [])
    pass(limits.auditSinkBehind_ms + 1_000)
    for (let count = 0; count < 3; count += 1) await locket.app.jobs.runAll()
    assert.deepEqual(await actionsOf(locket), ['audit-sink.behind'])
    mend()
    pass(limits.auditSinkRest_ms_max)
    for (let count = 0; count < 3; count += 1) await locket.app.jobs.runAll()
    assert.deepEqual(await actionsOf(locket), ['audit-sink.behind', 'audit-sink.recovered'])
  })
})

test('a sink does not come and go between two states', () => {
  const now = 1_000_000
  const state = (
    waiting: number,
    age_ms: number,
    before: Parameters<typeof stateOf>[1]['before'],
  ) => stateOf({ waiting, oldest: now - age_ms }, { before, max: 100, now })
  assert.equal(state(99, 0, 'behind'), 'behind')
  assert.equal(state(100, 0, 'behind'), 'full')
  assert.equal(state(95, 0, 'full'), 'full')
  assert.equal(state(89, 0, 'full'), 'behind')
  assert.equal(state(40, 0, 'current'), 'current')
  assert.equal(state(40, 0, 'behind'), 'behind')
  assert.equal(state(10, 59_000, 'current'), 'current')
  assert.equal(state(10, 61_000, 'current'), 'behind')
  assert.equal(state(10, 59_000, 'behind'), 'behind')
  assert.equal(state(10, 29_000, 'behind'), 'current')
})
