import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { assertWhole, doThings, type Told, toldIn } from '../../../test/audit-sinks.ts'
import { onlyOn } from '../../../test/engine.ts'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { temporaryDirectory } from '../../../test/temporary-directory.ts'
import { isSigned, startReceiver } from '../../../test/webhook-receiver.ts'
import { limits } from '../../core/limits.ts'
import type { SinkFormat } from '../../sinks/sink.ts'
import { type AuditSinkSettings, noSinks } from './sinks.ts'

const size_bytes_max = 64 * 1024 * 1024

function fileSettings(t: TestContext, more: Partial<AuditSinkSettings> = {}) {
  const path = join(temporaryDirectory(t), 'audit.jsonl')
  const auditSinks: AuditSinkSettings = {
    ...noSinks,
    file: { path, size_bytes_max, kept_max: 3 },
    required: [],
    queue_events_max: 1_000,
    ...more,
  }
  return { path, auditSinks }
}

/** Two runs: what the first makes leaves of, and notes of its own, goes out by then. */
async function runJobs(locket: Pick<Locket, 'app'>): Promise<void> {
  await locket.app.jobs.runAll()
  await locket.app.jobs.runAll()
}

function ownIn(path: string, { tenant }: Locket): readonly Told[] {
  return toldIn(path).filter(({ log }) => log.includes(tenant))
}

describe('a sink', () => {
  test('has every event of every log once, in the order of its leaves', async (t) => {
    const { path, auditSinks } = fileSettings(t)
    const locket = await openLocket(t, { auditSinks })
    await doThings(locket, limits.auditSinkBatch_events + 40)
    await runJobs(locket)
    await locket.restart()
    await doThings(locket, 3)
    await runJobs(locket)
    const told = toldIn(path)
    assert.ok(told.length > limits.auditSinkBatch_events + 40)
    assert.ok(told.every(({ repeated }) => !repeated))
    await assertWhole(locket, told)
  })

  test('is told what an auditor is shown [V16.4.3]', async (t) => {
    const { path, auditSinks } = fileSettings(t)
    const locket = await openLocket(t, { auditSinks })
    await doThings(locket, 1)
    await runJobs(locket)
    const { items } = (await locket.call('GET', '/v1/audit-events?action=memory.recalled')).body
    const [event] = toldIn(path).filter(({ action }) => action === 'memory.recalled')
    assert.ok(event)
    const { log, leaf, repeated, tenantId, ...said } = event
    assert.deepEqual({ ...said, leaf }, items[0])
    assert.equal(tenantId, locket.tenant)
    assert.equal(repeated, false)
    assert.match(log, /^locket-[0-9a-f]{16}\/ten_/)
    const { body } = await locket.call('GET', `/v1/audit-log/leaves?from=${leaf}&limit=1`)
    assert.equal(body.items[0].event.id, event.id, 'by its leaf it is found in the log')
  })

  test('is told in OCSF what an export in OCSF says, where that is asked for', async (t) => {
    const { path, auditSinks } = fileSettings(t, { format: 'ocsf' })
    const locket = await openLocket(t, { auditSinks })
    await doThings(locket, 3)
    await runJobs(locket)
    const { lines } = (
      await locket.call('POST', '/v1/audit-events/export', { body: { format: 'ocsf' } })
    ).body
    const { origin } = (await locket.call('GET', '/v1/audit-log')).body
    const told = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ metadata }) => metadata.log_name === origin)
    assert.ok(told.length >= 3)
    const exported = lines.slice(0, told.length).map((line: string) => JSON.parse(line))
    const shipped = exported.map(({ metadata, unmapped, ...event }: Record<string, object>) => ({
      ...event,
      metadata: { ...metadata, log_name: origin },
      unmapped: { ...unmapped, repeated: false },
    }))
    assert.deepEqual(told, shipped)
    assert.deepEqual(
      told.map(({ metadata }) => metadata.sequence),
      told.map((_, at) => at),
    )
  })

  test('is told that the content of an event is gone, or damaged', async (t) => {
    const { path, auditSinks } = fileSettings(t)
    const locket = await openLocket(t, { auditSinks })
    const body = { space: 'user:alice', text: 'drinks coffee' }
    const { space } = (await locket.call('POST', '/v1/memories', { body })).body
    const spaces = (await locket.call('GET', '/v1/spaces')).body.items
    const { id } = spaces.find(({ owner }: { owner: string }) => owner === space) ?? spaces[0]
    assert.equal((await locket.call('DELETE', `/v1/spaces/${id}`)).status, 200)
    await locket.call('GET', '/v1/whoami')
    const damage = "update audit_events set body = ? where action = 'self.read'"
    await locket.sql(damage, Buffer.from([1]))
    await runJobs(locket)
    const told = toldIn(path)
    const stored = told.find(({ action }) => action === 'memory.stored')
    assert.equal(stored?.['erased'], true)
    assert.deepEqual(stored?.['details'], {})
    const damaged = told.filter((one) => one['damaged'] === true)
    assert.equal(damaged.length, 1, 'and the others follow')
    await assertWhole(locket, told)
  })

  test('that takes nothing keeps what it has not taken, and is asked again', async (t) => {
    let now = Date.now()
    const directory = join(temporaryDirectory(t), 'later')
    const file = { path: join(directory, 'audit.jsonl'), size_bytes_max, kept_max: 1 }
    const { auditSinks } = fileSettings(t, { file })
    const locket = await openLocket(t, { auditSinks, clock: () => now })
    await doThings(locket, 5)
    await runJobs(locket)
    const { failure, waiting } = (await locket.call('GET', '/v1/audit-sinks')).body.items[0]
    assert.deepEqual([failure.fault, failure.detail, failure.tries], ['failed', 'ENOENT', 1])
    assert.ok(waiting >= 5)
    mkdirSync(directory)
    await runJobs(locket)
    assert.deepEqual(toldIn(file.path), [], 'it is left alone for a moment')
    now += 2_000
    await runJobs(locket)
    const told = toldIn(file.path)
    assert.ok(told.length >= 5)
    await assertWhole(locket, told)
    assert.equal((await locket.call('GET', '/v1/audit-sinks')).body.items[0].failure, null)
  })

  test('whose place in a log somebody has altered is sent all anew, and marked', async (t) => {
    const { path, auditSinks } = fileSettings(t)
    const locket = await openLocket(t, { auditSinks })
    await doThings(locket, 5)
    await runJobs(locket)
    const before = ownIn(path, locket)
    // As if all that is still to come had been taken.
    await locket.sql('update audit_sinks set next_leaf = 100000 where tenant_id = ?', locket.tenant)
    await runJobs(locket)
    await doThings(locket, 3)
    await runJobs(locket)
    const again = ownIn(path, locket).slice(before.length)
    assert.deepEqual(
      again.map(({ leaf }) => leaf),
      again.map((_, at) => at),
    )
    const marked = again.filter(({ repeated }) => repeated)
    assert.ok(marked.length >= before.length, `${marked.length} of ${again.length} are marked`)
    assert.ok(
      again.slice(-3).every(({ repeated }) => !repeated),
      'what is new is not',
    )
    const query = '?log=instance&action=audit-sink.restarted'
    const { items } = (await locket.call('GET', `/v1/audit-events${query}`)).body
    assert.deepEqual(
      items.map((one: { resourceId: string; details: object }) => [one.resourceId, one.details]),
      [[locket.tenant, { sink: 'file' }]],
    )
  })

  test('goes on with what is left where events were removed before their turn', async (t) => {
    const { path, auditSinks } = fileSettings(t)
    const locket = await openLocket(t, { auditSinks })
    locket.app.pipeline.services.auditSinks.stop()
    await doThings(locket, 10)
    await locket.app.jobs.runAll()
    const which = 'tenant_id = ? and leaf in (0, 3, 9)'
    await locket.restart(() => locket.sql(`delete from audit_events where ${which}`, locket.tenant))
    await runJobs(locket)
    const leaves = toldIn(path).flatMap(({ log, leaf }) =>
      log.includes(locket.tenant) ? [leaf] : [],
    )
    assert.deepEqual(leaves.slice(0, 7), [1, 2, 4, 5, 6, 7, 8])
    const { waiting } = (await locket.call('GET', '/v1/audit-sinks')).body.items[0]
    assert.ok(waiting <= 2, `${waiting} wait`)
  })
})

test('a webhook that was down has every event in its order, what it may have had before marked', async (t) => {
  let now = Date.now()
  const { received, settings, allow } = await startReceiver(t, [{ status: 503 }])
  const locket = await openLocket(t, {
    auditSinks: { ...noSinks, webhook: settings },
    egressAllow: allow,
    clock: () => now,
  })
  await doThings(locket, limits.auditSinkBatch_events + 10)
  for (let count = 0; count < 4; count += 1) {
    await locket.app.jobs.runAll()
    now += limits.auditSinkRest_ms_max
  }
  assert.ok(received.every((one) => isSigned(one)))
  const [failed, again] = received
  assert.equal(failed?.headers['webhook-id'], again?.headers['webhook-id'])
  const taken = received.filter(({ status }) => status === 204)
  const told = taken.flatMap(({ body }) => JSON.parse(body).data.events as Told[])
  await assertWhole(locket, told)
  const marked = told.filter(({ repeated }) => repeated).map(({ id }) => id)
  const first = JSON.parse(failed?.body ?? '').data.events as Told[]
  assert.deepEqual(
    marked,
    first.map(({ id }) => id),
  )
})

// 266 recalls, of which a database hears nothing that it does not hear in the others.
test(
  'a batch that was not taken goes again as it was, in whichever format that now is',
  onlyOn('sqlite', 'a batch is the same on both'),
  async (t) => {
    const { received, settings, allow } = await startReceiver(t, [{ status: 204 }, { status: 503 }])
    const auditSinks = { ...noSinks, webhook: settings, format: 'json' as SinkFormat }
    let now = Date.now()
    const locket = await openLocket(t, { auditSinks, egressAllow: allow, clock: () => now })
    locket.app.pipeline.services.auditSinks.stop()
    for (let count = 0; count < 50; count += 1) {
      const body = { space: 'user:alice', text: `coffee number ${count}` }
      await locket.call('POST', '/v1/memories', { body })
    }
    const recall = { space: 'user:alice', query: 'coffee', limit: 50 }
    for (let count = 0; count < limits.auditSinkBatch_events + 10; count += 1) {
      await locket.call('POST', '/v1/memories/recall', { body: recall })
    }
    await locket.restart()
    await locket.app.jobs.runAll()
    // The first was of the instance's log.
    const [, failed] = received.splice(0)
    assert.ok(failed?.status === 503)
    auditSinks.format = 'ocsf'
    now += limits.auditSinkRest_ms_max
    await locket.restart()
    await runJobs(locket)
    const again = received.find(
      ({ headers }) => headers['webhook-id'] === failed.headers['webhook-id'],
    )
    assert.ok(again, 'it is the same message')
    const [before, after] = [failed, again].map(({ body }) => JSON.parse(body).data)
    assert.equal(after.until, before.until)
    assert.equal(after.events.length, before.events.length)
    assert.ok(
      again.body.length > limits.auditSinkBatch_bytes_max,
      'though longer than a new one may be',
    )
    assert.equal(after.events[0].unmapped.repeated, true)
  },
)
