/** A narrow question over a long log looks back a bounded way at a time, and misses nothing. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openLocket } from '../../../test/harness.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { appendEvent } from './append.ts'
import { jobEvent } from './event.ts'

/** A log in which an event stands far back, and that was never given places. */
async function openLongLog(t: TestContext) {
  const { app, call, instance, tenant } = await openLocket(t)
  await app.jobs.stop()
  const stored = await call('POST', '/v1/memories', { body: { space: 'org', text: 'tea' } })
  await instance.database.write(async (tx) => {
    const store = tenantStore(tx, instance.keys, tenant as Id<'ten'>)
    for (let at = 0; at <= limits.auditScan_rows; at++) {
      await appendEvent(store, jobEvent(instance.clock(), 'filler', {}), instance.clock)
    }
  }, 'relaxed')
  return { call, id: String(stored.body.id) }
}

test('an event far back is found by following the cursor', async (t) => {
  const { call, id } = await openLongLog(t)
  // The one is looked for backwards, the other among what waits, of which there never should be so many.
  for (const query of ['action=memory.stored', `resource=${id}`]) {
    const path = `/v1/audit-events?${query}`
    const first = await call('GET', path)
    assert.deepEqual(first.body.items, [], query)
    const second = await call('GET', `${path}&cursor=${first.body.nextCursor}`)
    assert.equal(second.body.items[0].resourceId, id, query)
    assert.equal(second.body.nextCursor, null, query)
  }
})
