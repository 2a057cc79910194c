/** A narrow question over a long log looks back a bounded way at a time, and misses nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../../test/harness.ts'
import type { newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { appendEvent } from './append.ts'
import { jobEvent } from './event.ts'

test('an event far back is found by following the cursor', async (t) => {
  const { call, instance, tenant } = await openLocket(t)
  const stored = await call('POST', '/v1/memories', { body: { space: 'org', text: 'tea' } })
  await instance.database.write(async (tx) => {
    const store = tenantStore(tx, instance.keys, tenant as ReturnType<typeof newId<'ten'>>)
    for (let at = 0; at <= limits.auditScan_rows; at++) {
      await appendEvent(store, jobEvent(instance.clock(), 'filler', {}), instance.clock)
    }
  }, 'relaxed')
  const path = '/v1/audit-events?action=memory.stored'
  const first = await call('GET', path)
  assert.deepEqual(first.body.items, [])
  const second = await call('GET', `${path}&cursor=${first.body.nextCursor}`)
  assert.equal(second.body.items[0].resourceId, stored.body.id)
  assert.equal(second.body.nextCursor, null)
})
