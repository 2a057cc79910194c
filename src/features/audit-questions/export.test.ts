/** Events as lines: the same as the list tells, in each format, page after page, and an event each. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Call, type Locket, openLocket } from '../../../test/harness.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { appendEvent } from '../audit/append.ts'
import { type AuditEvent, jobEvent } from '../audit/event.ts'

const path = '/v1/audit-events/export'
const spy = "=cmd|' /C calc'!A0"

interface Page {
  readonly header: string | null
  readonly lines: readonly string[]
  readonly nextCursor: string | null
}

async function page({ call }: Locket, body: object, as: Call = {}): Promise<Page> {
  const reply = await call('POST', path, { ...as, body })
  assert.equal(reply.status, 200, JSON.stringify(reply.body))
  return reply.body
}

async function lines(locket: Locket, body: object): Promise<string[]> {
  const all: string[] = []
  let cursor: string | null = null
  do {
    const next: Page = await page(locket, { ...body, ...(cursor && { cursor }) })
    all.push(...next.lines)
    cursor = next.nextCursor
  } while (cursor !== null)
  return all
}

/** Some events, and the moment at which they end, so that to ask for them adds none. */
async function aLife(locket: Locket): Promise<string> {
  const { call } = locket
  const alice = await locket.person('user:alice')
  const headers = { 'User-Agent': spy }
  const stored = await call('POST', '/v1/memories', { key: alice.key, body: { text: 'tea' } })
  await call('GET', `/v1/memories/${stored.body.id}`, { headers, address: '192.0.2.9' })
  await call('POST', '/v1/memories/recall', { body: { space: 'user:alice', query: 'tea' } })
  await call('GET', '/v1/roles', { key: alice.key })
  await locket.app.jobs.runAll()
  return new Date().toISOString()
}

test('as JSON Lines it is what the list tells, and whose log it is', async (t) => {
  const locket = await openLocket(t)
  const until = await aLife(locket)
  const asked = `limit=100&order=oldest&until=${until}`
  const listed = (await locket.call('GET', `/v1/audit-events?${asked}`)).body.items
  for (const limit of [2, 500]) {
    const exported = (await lines(locket, { limit, until })).map((line) => JSON.parse(line))
    assert.deepEqual(
      exported,
      listed.map((event: AuditEvent) => ({ ...event, tenantId: locket.tenant })),
    )
  }
})

test('as CSV it has a header and no cell that a spreadsheet would run', async (t) => {
  const locket = await openLocket(t)
  const until = await aLife(locket)
  const { header, lines: rows } = await page(locket, { format: 'csv', until })
  assert.match(header ?? '', /^"id","tenantId","leaf","time"/)
  const [spied] = rows.filter((row) => row.includes('calc'))
  assert.ok(spied?.includes(`,"'${spy}",`), spied)
  for (const row of rows) assert.doesNotMatch(row, /(?:^|,)"?[=+\-@]/)
})

test('as OCSF each event has a class, and names the same event', async (t) => {
  const locket = await openLocket(t)
  const until = await aLife(locket)
  const { header, lines: rows } = await page(locket, { format: 'ocsf', until })
  const ids = (await lines(locket, { until })).map((line) => JSON.parse(line).id)
  const events = rows.map((row) => JSON.parse(row))
  assert.equal(header, null)
  assert.deepEqual(
    events.map(({ metadata }) => metadata.uid),
    ids,
  )
  const read = events.find(({ metadata }) => metadata.event_code === 'memory.read')
  assert.deepEqual([read.class_uid, read.type_uid], [6003, 600302])
  assert.deepEqual(
    [read.src_endpoint, read.http_request],
    [{ ip: '192.0.2.9' }, { user_agent: spy }],
  )
})

test('it narrows as a list does, and by subject', async (t) => {
  const locket = await openLocket(t)
  const until = await aLife(locket)
  const actions = async (body: object): Promise<string[]> =>
    (await lines(locket, { until, ...body })).map((line) => JSON.parse(line).action)
  assert.deepEqual(await actions({ outcome: 'denied' }), ['role.listed'])
  const inSpace = ['memory.stored', 'memory.read', 'memory.recalled']
  assert.deepEqual(await actions({ subject: 'user:alice', as: 'space' }), inSpace)
  const newest = { subject: 'user:alice', as: 'space', order: 'newest' }
  assert.deepEqual(await actions(newest), inSpace.toReversed())
})

test('every page is an event, which does not say who was asked for', async (t) => {
  const locket = await openLocket(t)
  const until = await aLife(locket)
  await page(locket, { until, subject: 'user:alice', as: 'space', format: 'csv', limit: 2 })
  const reply = await locket.call('GET', '/v1/audit-events?action=audit.exported')
  const [event, ...others] = reply.body.items
  assert.deepEqual(others, [])
  assert.deepEqual(event.details, { format: 'csv', log: 'tenant', items: 2, last: false })
  assert.ok(!JSON.stringify(event).includes('alice'))
})

test('a page of large events ends before it is too large', async (t) => {
  const locket = await openLocket(t)
  const { instance } = locket
  const details = { filler: 'x'.repeat(8_000) }
  const events = Math.ceil(limits.exportPage_bytes_max / 8_000) + 20
  await instance.database.write(async (tx) => {
    const store = tenantStore(tx, instance.keys, locket.tenant as Id<'ten'>)
    for (let at = 0; at < events; at++)
      await appendEvent(store, jobEvent(instance.clock(), 'filler', { details }), instance.clock)
  }, 'relaxed')
  const first = await page(locket, { action: 'filler' })
  assert.ok(first.lines.length < events && first.nextCursor !== null)
  const bytes = Buffer.byteLength(first.lines.join(''))
  assert.ok(bytes < limits.exportPage_bytes_max + 20_000, String(bytes))
  assert.equal((await lines(locket, { action: 'filler' })).length, events)
})

test('it is for who may read that log, and asks for what there is', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person('user:alice')
  const refused = async (body: object, as: Call = {}): Promise<string> =>
    (await locket.call('POST', path, { ...as, body })).body.code
  assert.equal(await refused({}, { key: alice.key }), 'permission_denied')
  assert.equal(await refused({ subject: 'user:alice', log: 'instance' }), 'invalid_input')
  assert.equal(await refused({ format: 'xlsx' }), 'invalid_input')
  assert.equal(await refused({ limit: limits.exportPage_items_max + 1 }), 'invalid_input')
  const { nextCursor } = await page(locket, { limit: 1 })
  const query = new URLSearchParams({ cursor: nextCursor ?? '' })
  const elsewhere = await locket.call('GET', `/v1/audit-events?${query}`)
  assert.equal(elsewhere.body.code, 'invalid_cursor')
  const [started] = await lines(locket, { log: 'instance', action: 'server.' })
  assert.equal(JSON.parse(started ?? '').action, 'server.started')
})
