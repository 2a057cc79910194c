/** What an audit log is kept in cannot be written: nothing of it changes, and it goes on when it can. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grow, openLog, told, verified } from './audit-logs.ts'
import { refuseEvents } from './data-files.ts'
import { type Locket, openLocket } from './harness.ts'

interface Fault {
  readonly table: string
  /** What a call is answered meanwhile. */
  readonly status: number
}

/** Calls need their event alone: its place in the log is given afterwards. */
const faults: readonly Fault[] = [
  { table: 'audit_events', status: 503 },
  { table: 'audit_tiles', status: 200 },
  { table: 'audit_logs', status: 200 },
]

/** All that there is of the log, and which events have a place. */
async function stateOf({ sql, tenant }: Locket): Promise<string> {
  const rows = await Promise.all([
    sql('select * from audit_logs where tenant_id = ?', tenant),
    sql('select * from audit_tiles where tenant_id = ? order by level, tile', tenant),
    sql(
      'select event_id, leaf from audit_events where tenant_id = ? and leaf >= 0 order by leaf',
      tenant,
    ),
  ])
  return JSON.stringify(rows)
}

for (const { table, status } of faults) {
  test(`${table} cannot be written: the log stays as it is, and goes on afterwards [V16.5.3]`, async (t) => {
    const locket = await openLocket(t)
    await locket.app.jobs.stop()
    await grow(locket, 250)
    const { checkpoint, key } = await openLog(locket)
    await locket.app.jobs.runAll()
    const before = await stateOf(locket)
    const isOfEvents = table === 'audit_events'
    const mend = await (isOfEvents ? refuseEvents(locket) : locket.data.refuseInserts(table))
    // Enough of them to fill a tile.
    for (let made = 0; made < 10; made += 1) {
      assert.equal((await locket.call('GET', '/v1/whoami')).status, status)
    }
    await locket.app.jobs.runAll()
    await locket.app.jobs.runAll()
    assert.ok((await stateOf(locket)) === before, 'no place, no tile and no checkpoint')
    await mend()
    await locket.app.jobs.runAll()
    await grow(locket, 10)
    const after = await openLog(locket)
    assert.equal(after.key, key)
    const outcome = await verified(after, { since: checkpoint })
    assert.deepEqual(told(outcome), [])
    assert.ok(outcome.size > 256)
    const waiting = await locket.sql(
      `select event_id from audit_events where leaf is null and action <> 'audit-log.read'
        and action <> 'checkpoint.read' and action <> 'tile.read' and action <> 'leaf.listed'`,
    )
    assert.equal(waiting.length, 0, 'none is left behind')
    const path = '/v1/audit-events?log=instance&action=job.failed'
    const failed: { details: { job: string } }[] = (await locket.call('GET', path)).body.items
    const jobs = failed.map(({ details }) => details.job)
    assert.equal(jobs.includes('audit-logs.sequence'), status === 200, 'who operates it is told')
  })
}
