import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import { defaultDays, standardDays } from '../../kernel/retention-policy.ts'

const path = '/v1/audit-retention'
const change = (locket: Locket, body: object): Promise<Reply> =>
  locket.call('PATCH', path, { body })

async function eventsOf(locket: Locket, action: string, log = 'tenant'): Promise<Reply['body'][]> {
  const reply = await locket.call('GET', `/v1/audit-events?action=${action}&log=${log}`)
  return reply.body.items
}

describe('a policy', () => {
  test('has defaults, and is changed in parts', async (t) => {
    const locket = await openLocket(t)
    const { body } = await locket.call('GET', path)
    assert.deepEqual(body, {
      days: defaultDays,
      standards: [],
      floorDays: 0,
      prunes: false,
      hold: null,
    })
    const changed = await change(locket, { days: { read: 30 } })
    assert.deepEqual(changed.body.days, { ...defaultDays, read: 30 })
    const [event] = await eventsOf(locket, 'audit-retention.updated')
    assert.equal(event.details.read, 30)
  })

  test('refuses what is shorter than the standards that it names ask for', async (t) => {
    const locket = await openLocket(t)
    for (const [standard, days] of Object.entries(standardDays)) {
      const short = await change(locket, { standards: [standard] })
      assert.deepEqual([short.status, short.body.code], [400, 'invalid_input'], standard)
      assert.match(short.body.detail, new RegExp(`read.* ${days} days that ${standard}`))
    }
    const all = { read: 366, write: 366, admin: 366, security: 366, system: 366 }
    const kept = await change(locket, { standards: ['pci-dss'], days: all })
    assert.deepEqual([kept.status, kept.body.floorDays], [200, 366])
    assert.equal((await change(locket, { days: { security: 365 } })).status, 400)
    assert.deepEqual(
      (await locket.call('GET', path)).body.days,
      all,
      'what is refused changes nothing',
    )
  })

  test('of the instance is another one, of who administers it', async (t) => {
    const locket = await openLocket(t)
    const changed = await change(locket, { log: 'instance', days: { system: 800 } })
    assert.deepEqual(changed.body.days, { ...defaultDays, system: 800 })
    const body = { log: 'instance', reason: 'case 9' }
    assert.equal((await locket.call('POST', '/v1/legal-hold', { body })).body.hold.state, 'on')
    assert.equal((await locket.call('GET', path)).body.hold, null)
    const instance = (await locket.call('GET', `${path}?log=instance`)).body
    assert.deepEqual([instance.days.system, instance.hold.state], [800, 'on'])
    for (const action of ['audit-retention.updated', 'legal-hold.placed']) {
      const [own] = await eventsOf(locket, action)
      const [copy, ...more] = await eventsOf(locket, action, 'instance')
      assert.deepEqual([copy.details.requestId, more.length], [own.requestId, 0])
    }
    const made = await locket.call('POST', '/v1/tenants', {
      body: { slug: 'other', name: 'Other' },
    })
    const key = made.body.apiKey
    for (const [method, at, sent] of [
      ['GET', `${path}?log=instance`, undefined],
      ['PATCH', path, { log: 'instance', prunes: true }],
      ['POST', '/v1/legal-hold/lift', body],
    ] as const) {
      const reply = await locket.call(method, at, { key, ...(sent && { body: sent }) })
      assert.equal(reply.status, 403, `${method} ${at}`)
    }
    assert.equal((await locket.call('PATCH', path, { key, body: { prunes: true } })).status, 200)
    assert.equal((await locket.call('GET', path)).body.prunes, false, 'of another tenant')
  })

  test('is read by who may read the log, and changed by its administrators alone', async (t) => {
    const locket = await openLocket(t)
    const { id } = await locket.person('user:carol')
    const role = await locket.call('POST', '/v1/roles', {
      body: { name: 'looks', permissions: ['audit:read'] },
    })
    const { key } = await locket.person('user:dora')
    assert.equal((await locket.call('GET', path, { key })).status, 403)
    const own = (await locket.call('POST', '/v1/api-keys', { body: { principalId: id } })).body.key
    const grant = { body: { principalId: id, role: role.body.id } }
    assert.equal((await locket.call('POST', '/v1/grants', grant)).status, 201)
    assert.equal((await locket.call('GET', path, { key: own })).status, 200)
    const body = { reason: 'mine' }
    assert.equal((await locket.call('POST', '/v1/legal-hold', { key: own, body })).status, 403)
  })
})
