/** What stands in clear of an event is committed to as well: no column of it is altered unnoticed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../../test/harness.ts'

const alterations: Readonly<Record<string, string>> = {
  action: "action = 'memory.read'",
  outcome: "outcome = 'denied'",
  class: "class = 'system'",
  time: 'time = time - 1000',
  resource: "resource_id = 'mem_00000000000000000000000000'",
}

for (const [what, change] of Object.entries(alterations)) {
  test(`an event whose ${what} was altered in the database is not shown as if it were true`, async (t) => {
    const { call, sql } = await openLocket(t)
    await call('POST', '/v1/memories', { body: { space: 'org', text: 'something' } })
    const before = await call('GET', '/v1/audit-events')
    assert.equal(before.status, 200)
    await sql(`update audit_events set ${change} where action = 'memory.stored'`)
    const after = await call('GET', '/v1/audit-events')
    assert.equal(after.status, 500)
    assert.equal(after.body.code, 'integrity_failed')
  })
}
