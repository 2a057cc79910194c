/** What stands in clear of an event is committed to as well: no column of it is altered unnoticed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../../test/harness.ts'
import { type Id, newId } from '../../core/ids.ts'
import { insertEvent } from '../../storage/insert-event.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { commitmentOf } from '../../tlog/commitment.ts'

const body = {
  code: null,
  actor: { kind: 'user', credentialId: 'key_01KX00000000000000000000EF' },
  requestId: 'req_01KX00000000000000000000GH',
  door: 'http',
  decision: 'own',
  details: { items: 2, name: 'Zoë "quoted"\n' },
}
const origin = { address: '192.0.2.1', userAgent: 'tester/1' }
const salt = 'AAECAwQFBgcICQoLDA0ODw'
const clear = {
  time: 1_790_000_000_000,
  class: 'read',
  action: 'memory.recalled',
  outcome: 'allowed',
  actor_id: null,
  resource_id: null,
} as const

/** What the first version computed: the bytes that are hashed may never change. */
const known = '4b9bb82a1a709d83ecb2335816833ffeb874d3a32407cf69bfc643fb453113a2'

test('a commitment is what it always was', () => {
  const made = commitmentOf(
    {
      ...clear,
      event_id: 'evt_01KX00000000000000000000AB',
      actor_id: 'usr_01KX00000000000000000000CD',
    },
    { salt, body: JSON.stringify(body), origin: JSON.stringify(origin) },
  )
  assert.equal(Buffer.from(made).toString('hex'), known)
})

test('an event that was sealed as one value is shown as it was', async (t) => {
  const { call, instance, tenant } = await openLocket(t)
  const id = newId('evt', instance.clock)
  const json = { body: JSON.stringify(body), origin: JSON.stringify(origin) }
  await instance.database.write(async (tx) => {
    const store = tenantStore(tx, instance.keys, tenant as Id<'ten'>)
    const cell = { table: 'audit_events', row: id } as const
    await store.run(insertEvent, {
      ...clear,
      event_id: id,
      scope: 'tenant',
      commitment: commitmentOf({ ...clear, event_id: id }, { salt, ...json }),
      proof: null,
      origin: await store.seal('tenant', { ...cell, column: 'origin' }, origin),
      body: await store.seal('tenant', { ...cell, column: 'body' }, { salt, ...body }),
    })
  }, 'full')
  const { status, body: page } = await call('GET', '/v1/audit-events?action=memory.recalled')
  assert.equal(status, 200)
  assert.equal(page.items[0].id, id)
  assert.deepEqual(page.items[0].details, body.details)
  assert.equal(page.items[0].userAgent, origin.userAgent)
})

const alterations: Readonly<Record<string, string>> = {
  action: "action = 'memory.read'",
  outcome: "outcome = 'denied'",
  class: "class = 'system'",
  time: 'time = time - 1000',
  resource: "resource_id = 'mem_00000000000000000000000000'",
  'action, with what it says taken away,': "action = 'memory.read', body = null, origin = null",
  'action, with all that could tell,': "action = 'memory.read', body = null, proof = null",
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
