/** What a period has ended for is no fault; whatever else is missing is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultsOf, grow } from '../../../test/audit-logs.ts'
import { timedLog } from '../../../test/retention.ts'
import { limits } from '../../core/limits.ts'

test('an event that is missing is named, unless its class and time are before what was purged', async (t) => {
  const { locket, pass } = await timedLog(t)
  await grow(locket, 270)
  await pass(8)
  await grow(locket, 3)
  await pass(4)
  const [{ gone = 0 } = {}] = await locket.sql(
    'select count(*) as gone from audit_events where tenant_id = ? and leaf > 0 and leaf < 270',
    locket.tenant,
  )
  assert.ok(Number(gone) < 10, 'they are purged, also after the last full tile')
  assert.deepEqual(await faultsOf(locket), [])
  const young = `select leaf from audit_events
    where tenant_id = ? and class = ? and leaf >= 0 order by leaf limit 1`
  for (const kind of ['read', 'admin']) {
    await t.test(`one of class ${kind} that is not so old`, async () => {
      const [{ leaf = -1 } = {}] = await locket.sql(young, locket.tenant, kind)
      const of = 'where tenant_id = ? and leaf = ?'
      await locket.sql('create table kept as select * from audit_events')
      await locket.sql(`delete from audit_events ${of}`, locket.tenant, leaf)
      const faults = await faultsOf(locket)
      const isNamed = faults.some(
        (one) => one.startsWith(`leaf ${leaf} `) || one.startsWith(`leaf ${leaf}:`),
      )
      assert.ok(isNamed && faults.length < 5, faults.join('\n'))
      await locket.sql('delete from audit_events')
      await locket.sql('insert into audit_events select * from kept')
      await locket.sql('drop table kept')
    })
  }

  for (const change of ["outcome = 'failed'", 'body = origin', 'body = null']) {
    await t.test(`the word of the event that tells it: ${change}`, async () => {
      const told = "where tenant_id = ? and action = 'audit-events.purged'"
      await locket.sql('create table kept as select * from audit_events')
      await locket.sql(`update audit_events set ${change} ${told}`, locket.tenant)
      const faults = await faultsOf(locket)
      await locket.sql('delete from audit_events')
      await locket.sql('insert into audit_events select * from kept')
      await locket.sql('drop table kept')
      assert.ok(faults.filter((one) => one.includes('no event stands there')).length > 90)
    })
  }
})

test('an event that was over when a purge began, and is held since, is named', async (t) => {
  const { locket, pass } = await timedLog(t)
  await grow(locket, 3)
  await pass(5)
  await grow(locket, 3)
  // As after a step of a purge that has much before it: a hold is placed before the next.
  const of = "where tenant_id = ? and action = 'memory.recalled' and leaf is not null"
  const rows = await locket.sql(
    `select event_id, leaf from audit_events ${of} order by leaf`,
    locket.tenant,
  )
  assert.equal(rows.length, 6)
  const bounds: { auditPurge_rows: number; auditPurges_max: number } = limits
  t.mock.property(bounds, 'auditPurge_rows', 3)
  t.mock.property(bounds, 'auditPurges_max', 1)
  await pass(12)
  const body = { reason: 'case 7' }
  assert.equal((await locket.call('POST', '/v1/legal-hold', { body })).status, 200)
  const [held] = await locket.sql(
    `select leaf from audit_events ${of} order by leaf desc limit 1`,
    locket.tenant,
  )
  assert.equal(held?.['leaf'], rows.at(-1)?.['leaf'])
  assert.deepEqual(await faultsOf(locket), [])
  await locket.sql(
    'delete from audit_events where tenant_id = ? and leaf = ?',
    locket.tenant,
    Number(held?.['leaf']),
  )
  const faults = await faultsOf(locket)
  assert.ok(
    faults.some((one) => one.startsWith(`leaf ${held?.['leaf']} `)),
    faults.join('\n'),
  )
})

test('what the events of earlier purges told is told on when they are purged themselves', async (t) => {
  const { locket, pass } = await timedLog(t)
  const body = { days: { system: 5 } }
  assert.equal((await locket.call('PATCH', '/v1/audit-retention', { body })).status, 200)
  await grow(locket, 20)
  await pass(12)
  await pass(7)
  const [purge] = await locket.sql(
    "select count(*) as kept from audit_events where tenant_id = ? and action = 'audit-events.purged'",
    locket.tenant,
  )
  assert.equal(
    Number(purge?.['kept']),
    1,
    'there was one since, of the class of the earlier ones alone',
  )
  assert.deepEqual(await faultsOf(locket), [])
})
