import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { faultsOf, grow, openLog } from '../../../test/audit-logs.ts'
import { type Locket, openLocket } from '../../../test/harness.ts'
import type { Id } from '../../core/ids.ts'
import { type AskedLog, NotSound, type ResumedLog, resumeLog } from './resume-log.ts'

const resume = (locket: Locket, asked: Partial<AskedLog> = {}): Promise<ResumedLog> =>
  resumeLog(locket.instance, { tenant: null, firstIndex: null, ...asked })

const stateOf = async (locket: Locket, key = locket.admin): Promise<string> =>
  (await locket.call('GET', '/v1/audit-log', { key })).body.state

const eventsOf = async (locket: Locket, action: string, log = 'tenant') =>
  (await locket.call('GET', `/v1/audit-events?action=${action}&log=${log}`)).body.items

async function refuses(locket: Locket, asked: Partial<AskedLog>, why: RegExp): Promise<void> {
  await assert.rejects(resume(locket, asked), (thrown: Error) => {
    assert.ok(thrown instanceof NotSound, thrown.stack)
    assert.match(thrown.message, why)
    return true
  })
  assert.equal(await stateOf(locket), 'broken')
}

interface Broken {
  readonly locket: Locket
  readonly mend: () => Promise<void>
}

/** A log that stands still after the change, and what undoes the change. */
async function broken(t: TestContext, change: string): Promise<Broken> {
  const locket = await openLocket(t)
  await locket.app.jobs.stop()
  await grow(locket, 270)
  for (const table of ['audit_events', 'audit_tiles']) {
    await locket.sql(`create table kept_${table} as select * from ${table}`)
  }
  await locket.restart(() => locket.sql(change, locket.tenant))
  await locket.app.jobs.stop()
  await grow(locket, 1)
  assert.equal(await stateOf(locket), 'broken')
  const mend = async (): Promise<void> => {
    await locket.sql('delete from audit_tiles')
    await locket.sql('insert into audit_tiles select * from kept_audit_tiles')
    const lost = `insert into audit_events select * from kept_audit_events kept where not exists
      (select 1 from audit_events now where now.event_id = kept.event_id)`
    await locket.sql(lost)
  }
  return { locket, mend }
}

describe('a log that stands still', () => {
  const changes: readonly (readonly [string, string, RegExp])[] = [
    [
      'a tile above is gone',
      'delete from audit_tiles where tenant_id = ? and level = 1',
      /signed root/,
    ],
    [
      'an event after the last full tile is gone',
      'delete from audit_events where tenant_id = ? and leaf = 260',
      /signed root/,
    ],
  ]
  for (const [name, change, why] of changes) {
    test(`${name}: it goes on when that is mended, and no sooner`, async (t) => {
      const { locket, mend } = await broken(t, change)
      const { checkpoint } = await openLog(locket)
      await refuses(locket, {}, why)
      assert.equal(await stateOf(locket), 'broken')
      await mend()
      const resumed = await resume(locket)
      assert.equal(resumed.state, 'resumed')
      await grow(locket, 3)
      assert.equal(await stateOf(locket), 'growing')
      assert.deepEqual(await faultsOf(locket, checkpoint), [])
      const { size } = (await locket.call('GET', '/v1/audit-log')).body
      assert.ok(size > resumed.size, 'what waited has its place')
    })
  }

  test('its row was altered: no more of it is believed than its checkpoint signs', async (t) => {
    const change = 'update audit_logs set size = 3, first_index = 256 where tenant_id = ?'
    const { locket } = await broken(t, change)
    const { checkpoint } = await openLog(locket)
    const { state, firstIndex } = await resume(locket)
    assert.deepEqual([state, firstIndex], ['resumed', 0])
    await grow(locket, 3)
    assert.deepEqual(await faultsOf(locket, checkpoint), [])
  })

  test('an older row was put back: it does not go on from there, which were a fork', async (t) => {
    const locket = await openLocket(t)
    await locket.app.jobs.stop()
    await grow(locket, 5)
    await locket.sql('create table kept as select * from audit_logs')
    await grow(locket, 5)
    await locket.restart(async () => {
      await locket.sql('delete from audit_logs')
      await locket.sql('insert into audit_logs select * from kept')
      await locket.sql('update audit_logs set signed_at = 1')
    })
    await locket.app.jobs.stop()
    await grow(locket, 1)
    assert.equal(await stateOf(locket), 'broken')
    await refuses(locket, {}, /beyond the end/)
  })

  test('tiles are gone for good: it goes on from where they are there, and that is told', async (t) => {
    const { locket } = await broken(t, `update audit_logs set signed_at = 1 where tenant_id = ?`)
    await locket.sql(
      'delete from audit_tiles where tenant_id = ? and tile = 0 and level <= 0',
      locket.tenant,
    )
    await refuses(locket, {}, /missing from entry 0 on/)
    await refuses(locket, { firstIndex: 100 }, /entry 100 does not begin a bundle/)
    await refuses(locket, { firstIndex: 5120 }, /has no entry 5120/)
    assert.equal((await resume(locket, { firstIndex: 256 })).firstIndex, 256)
    const [event] = await eventsOf(locket, 'audit-log.reopened')
    const { size: _, ...told } = event.details
    assert.deepEqual(told, { firstIndex: 256, firstIndexBefore: 0 })
  })
})

test('that a log stands still and goes on is told in it, and in that of the instance', async (t) => {
  const locket = await openLocket(t)
  await locket.app.jobs.stop()
  const made = await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })
  const tenant: Id<'ten'> = made.body.id
  const key: string = made.body.apiKey
  await locket.call('GET', '/v1/whoami', { key })
  await locket.app.jobs.runAll()
  await locket.sql('update audit_logs set signed_at = 1 where tenant_id = ?', tenant)
  await locket.call('GET', '/v1/whoami', { key })
  await locket.app.jobs.runAll()
  assert.equal(await stateOf(locket, key), 'broken')
  assert.equal((await resume(locket)).state, 'growing', 'the first tenant’s did not stand still')
  assert.equal((await resume(locket, { tenant })).state, 'resumed')
  assert.equal(await stateOf(locket, key), 'growing')
  for (const action of ['audit-log.broken', 'audit-log.reopened']) {
    const path = `/v1/audit-events?action=${action}`
    const { items } = (await locket.call('GET', path, { key })).body
    assert.equal(items.length, 1, action)
    const [copy, ...more] = await eventsOf(locket, action, 'instance')
    assert.deepEqual([copy.resourceId, more.length], [tenant, 0], action)
  }
  const unknown = { tenant: 'ten_00000000000000000000000001' } as const
  await assert.rejects(resume(locket, unknown), { code: 'not_found' })
})
