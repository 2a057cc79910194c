/** The steps of a check. What all is found in them is the matter of test/audit-tampering.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askOf, grow } from '../../../test/audit-logs.ts'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { checkData } from '../../cli/check-data.ts'
import { limits } from '../../core/limits.ts'
import { checkFaults } from './audit-check.ts'
import { Verified } from './verify.ts'

type Step = ReturnType<typeof Verified.parse>

async function step(locket: Locket, body: object, key = locket.admin): Promise<Step> {
  const reply = await locket.call('POST', '/v1/audit-log/verify', { body, key })
  assert.equal(reply.status, 200, JSON.stringify(reply.body))
  return Verified.parse(reply.body)
}

async function allSteps(locket: Locket, log = 'tenant', key = locket.admin): Promise<Step[]> {
  const steps = [await step(locket, { log }, key)]
  for (let cursor = steps[0]?.nextCursor; cursor; cursor = steps.at(-1)?.nextCursor) {
    assert.ok(steps.length < 50, 'a check comes to its end')
    steps.push(await step(locket, { log, cursor }, key))
  }
  return steps
}

const looked = (steps: readonly Step[], part: Step['part']): number =>
  steps.reduce((sum, one) => sum + (one.part === part ? one.looked : 0), 0)

async function makeWorld(locket: Locket): Promise<void> {
  await locket.app.jobs.stop()
  for (let made = 0; made < 30; made += 1) {
    const body = { space: 'user:alice', text: `Fact ${made}` }
    assert.equal((await locket.call('POST', '/v1/memories', { body })).status, 201)
  }
  for (let made = 0; made < 260; made += 1) await locket.call('GET', '/v1/whoami')
  await locket.app.jobs.runAll()
}

test('a check of a log goes step by step over its entries, its events and the memories', async (t) => {
  const locket = await openLocket(t)
  await makeWorld(locket)
  const { size } = (await locket.call('GET', '/v1/audit-log')).body
  const steps = await allSteps(locket)
  assert.deepEqual(
    steps.flatMap(({ items }) => items),
    [],
  )
  assert.equal(looked(steps, 'leaves'), size)
  assert.ok(looked(steps, 'rows') > size, 'its own events wait')
  assert.equal(looked(steps, 'memories'), 30)
  assert.ok(steps.filter(({ part }) => part === 'leaves').length > 1)
  assert.ok(steps.filter(({ part }) => part === 'memories').length > 1)

  await t.test('of the instance, too', async () => {
    const own = await allSteps(locket, 'instance')
    assert.ok(looked(own, 'leaves') > 0)
    assert.equal(own.flatMap(({ items }) => items).length, 0)
  })

  await t.test('and says what is wrong where', async () => {
    const where = 'where tenant_id = ? and leaf = 20'
    const [row] = await locket.sql(`select event_id from audit_events ${where}`, locket.tenant)
    await locket.sql(`update audit_events set action = 'x' ${where}`, locket.tenant)
    const found = (await allSteps(locket)).flatMap(({ items }) => items)
    const about = { leaf: 20, event: row?.['event_id'], memory: null }
    assert.deepEqual(found.slice(0, 2), [
      { fault: 'event-altered', ...about },
      { fault: 'content-altered', ...about },
    ])
  })

  await t.test('for who may read the audit, each log for its own', async () => {
    const { key } = await locket.person('user:bob')
    const auditor = await locket.person('user:carol', { role: 'operator' })
    const asked = (log: string, of: string) =>
      locket.call('POST', '/v1/audit-log/verify', { body: { log }, key: of })
    assert.equal((await asked('tenant', key)).status, 403)
    assert.equal((await asked('tenant', auditor.key)).status, 200)
    assert.equal((await asked('instance', auditor.key)).status, 403)
  })

  await t.test('not from a cursor of something else, or of no place', async () => {
    for (const cursor of ['x', 'bGVhdmVzOjE', '']) {
      const body = { cursor }
      const reply = await locket.call('POST', '/v1/audit-log/verify', { body })
      assert.ok(['invalid_cursor', 'invalid_input'].includes(reply.body.code), cursor)
    }
  })
})

// Before a clock is moved: ids rise in a process, and would be ahead of memories.
test('a memory is known by its event, however many events were just before', async (t) => {
  const locket = await openLocket(t)
  await grow(locket, limits.sweep_rows + 20)
  const memory = { space: 'user:alice', text: 'likes tea' }
  assert.equal((await locket.call('POST', '/v1/memories', { body: memory })).status, 201)
  await locket.app.jobs.runAll()
  const { looked, unknown, faults } = await checkData(askOf(locket), 'tenant', () => undefined)
  assert.deepEqual([looked.memories, unknown, faults], [1, 0, []])
})

test('an event that waits too long is told, and one that was just made is not', async (t) => {
  let now = Date.now()
  const locket = await openLocket(t, { clock: () => now })
  await locket.app.jobs.stop()
  await locket.call('GET', '/v1/whoami')
  const faults = async () => (await allSteps(locket)).flatMap(({ items }) => items)
  assert.deepEqual(await faults(), [])
  now += 61_000
  const found = await faults()
  assert.ok(found.length > 0)
  assert.ok(found.every(({ fault, event }) => fault === 'event-waiting' && event !== null))
})

test('each fault says in a sentence what it is', () => {
  for (const said of Object.values(checkFaults)) assert.match(said, /^[A-Z].*\.$/)
})
