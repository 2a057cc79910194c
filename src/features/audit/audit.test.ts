import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refuseEvents } from '../../../test/data-files.ts'
import { type Call, type Locket, openLocket } from '../../../test/harness.ts'
import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { per, rateBudgets } from '../../throttles/budgets.ts'

const space = 'user:alice'

interface Event {
  id: string
  time: string
  action: string
  class: string
  outcome: string
  code: string | null
  actor: { id: string; kind: string; credentialId: string } | null
  resourceId: string | null
  spaceId: string | null
  requestId: string
  decision: string | null
  address: string | null
  userAgent: string | null
  details: Record<string, unknown>
  erased: boolean
}

async function events(locket: Locket, query = ''): Promise<Event[]> {
  const { body } = await locket.call('GET', `/v1/audit-events?limit=100${query}`)
  return body.items
}

/** What was logged by what `work` did, the oldest first; listing events is an event as well. */
async function loggedBy(locket: Locket, work: () => Promise<unknown>): Promise<Event[]> {
  const before = new Set((await events(locket)).map((event) => event.id))
  await work()
  const found = (await events(locket)).filter((event) => !before.has(event.id))
  return found.filter((event) => event.action !== 'audit.listed').reverse()
}

type Who = 'admin' | 'stranger' | 'viewer'
type Case = readonly [who: Who, request: string, call: Call, logged: string]

const text = 'tea'
const none = 'mem_00000000000000000000000000'

/** Who calls what, and the one event of it: action, class, outcome and code. */
const cases: readonly Case[] = [
  ['admin', 'POST /v1/memories', { body: { space, text } }, 'memory.stored write allowed'],
  ['admin', 'GET /v1/memories/ID', {}, 'memory.read read allowed'],
  ['admin', 'GET /v1/principals', {}, 'principal.listed admin allowed'],
  [
    'admin',
    'POST /v1/memories/recall',
    { body: { space, query: text } },
    'memory.recalled read allowed',
  ],
  [
    'viewer',
    'POST /v1/memories',
    { body: { space, text } },
    'memory.stored security denied permission_denied',
  ],
  ['stranger', 'GET /v1/memories/ID', {}, 'memory.read security denied not_found'],
  ['admin', `GET /v1/memories/${none}`, {}, 'memory.read security denied not_found'],
  ['admin', 'POST /v1/memories', { body: { space } }, 'memory.stored write failed invalid_input'],
  ['admin', 'POST /v1/memories', { body: '{' }, 'memory.stored write failed invalid_json'],
  [
    'admin',
    'PATCH /v1/memories/ID',
    { body: {}, headers: { 'If-Match': 'x' } },
    'memory.updated write failed invalid_header',
  ],
  [
    'admin',
    'PATCH /v1/memories/ID',
    { body: { version: 9 } },
    'memory.updated write failed version_conflict',
  ],
  [
    'admin',
    'POST /v1/principals',
    { body: { handle: 'user:bob' } },
    'principal.created admin allowed',
  ],
]

test('every call leaves exactly one event, however it ends', async (t) => {
  const locket = await openLocket(t)
  const keys: Record<Who, string> = {
    admin: locket.admin,
    stranger: (await locket.person('user:carol')).key,
    viewer: (await locket.person('user:vera', { role: 'viewer' })).key,
  }
  const { body: stored } = await locket.call('POST', '/v1/memories', { body: { space, text } })
  for (const [who, request, call, logged] of cases) {
    const [method = '', path = ''] = request.replace('ID', stored.id).split(' ')
    const found = await loggedBy(locket, () =>
      locket.call(method, path, { ...call, key: keys[who] }),
    )
    const told = found.map(({ action, class: kind, outcome, code }) =>
      [action, kind, outcome, ...(code ? [code] : [])].join(' '),
    )
    assert.deepEqual(told, [logged], `${who}: ${request}`)
  }
})

test('an event tells who, from where, by which request, by which grant and about what', async (t) => {
  const start = Date.parse('2026-01-01T00:00:00.000Z')
  const locket = await openLocket(t, { clock: () => start })
  const alice = await locket.person(space)
  const me = (await locket.call('GET', '/v1/whoami', { key: alice.key })).body
  const grants = (await locket.call('GET', `/v1/grants?principalId=${alice.id}`)).body
  await locket.call('POST', '/v1/memories', { key: alice.key, body: { text: 'first' } })
  let requestId: string | null = null
  let memoryId = ''
  const [event, read] = await loggedBy(locket, async () => {
    const reply = await locket.call('POST', '/v1/memories', {
      key: alice.key,
      body: { text: 'secret words' },
      address: '192.0.2.7',
      headers: { 'User-Agent': `agent ${'x'.repeat(1000)}` },
    })
    requestId = reply.headers.get('x-request-id')
    memoryId = reply.body.id
    await locket.call('GET', `/v1/memories/${memoryId}`, { key: alice.key })
  })
  assert.ok(event)
  assert.deepEqual([read?.resourceId, read?.decision], [memoryId, grants.items[0].id])
  assert.equal(event.time, '2026-01-01T00:00:00.000Z')
  const { credentialId } = me
  assert.deepEqual(event.actor, { id: alice.id, kind: 'user', credentialId, method: 'api-key' })
  assert.equal(event.requestId, requestId)
  assert.equal(event.decision, grants.items[0].id)
  assert.equal(event.address, '192.0.2.7')
  assert.equal(event.userAgent?.length, limits.userAgent_characters_max)
  assert.equal(event.resourceId, memoryId)
  const [change] = event.details['changes'] as { id: string; version: number; mac: string }[]
  assert.deepEqual([change?.id, change?.version], [memoryId, 1])
  assert.match(change?.mac ?? '', /^[\w-]{43}$/, 'ties the event to the content')
  assert.ok(!JSON.stringify(event).includes('secret'))
})

test('a recall tells which memories were given out, and not what was asked', async (t) => {
  const locket = await openLocket(t)
  const stored = await locket.call('POST', '/v1/memories', { body: { space, text: 'green tea' } })
  const body = { space, query: 'tea secretly' }
  const [event] = await loggedBy(locket, () => locket.call('POST', '/v1/memories/recall', { body }))
  assert.deepEqual(event?.details, { items: [stored.body.id] })
  assert.ok(!JSON.stringify(event).includes('secretly'))
})

test('events are narrowed by what is asked, and read page by page, newest first', async (t) => {
  const time = { now: Date.parse('2031-01-01T00:00:00.000Z') }
  const locket = await openLocket(t, { clock: () => time.now })
  const alice = await locket.person(space)
  for (const text of ['a', 'b', 'c', '']) {
    time.now += minute_ms
    await locket.call('POST', '/v1/memories', { key: alice.key, body: { text } })
  }
  const stored = await events(locket, '&action=memory.stored')
  assert.deepEqual(
    stored.map((event) => event.outcome),
    ['failed', 'allowed', 'allowed', 'allowed'],
  )
  const [, third, second, first] = stored.map((event) => event.id)
  const ids = async (query: string) =>
    (await events(locket, `&action=memory.stored${query}`)).map((event) => event.id)
  assert.equal((await ids('&outcome=failed')).length, 1)
  assert.deepEqual(await ids('&outcome=denied'), [])
  assert.deepEqual(await ids(`&resource=${stored[1]?.resourceId}`), [third])
  assert.equal((await ids(`&actor=${alice.id}`)).length, 4)
  assert.deepEqual(await ids('&actor=usr_00000000000000000000000000'), [])
  assert.deepEqual(await ids('&until=2031-01-01T00:02:00Z'), [first])
  assert.deepEqual(await ids('&from=2031-01-01T00:02:00Z&until=2031-01-01T01:03:00%2B01:00'), [
    second,
  ])
  const pages: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const more: string = cursor === '' ? '' : `&cursor=${cursor}`
    const path = `/v1/audit-events?limit=2&action=memory.stored${more}`
    const { body } = await locket.call('GET', path)
    pages.push(...body.items.map((event: Event) => event.id))
    cursor = body.nextCursor
  }
  assert.deepEqual(pages, await ids(''))
})

test('events are for who may read them, of their own tenant', async (t) => {
  const locket = await openLocket(t)
  const ops = await locket.person('service:ops', { role: 'operator' })
  const dev = await locket.person('service:dev', { role: 'developer' })
  const status = async (key: string, query = '') =>
    (await locket.call('GET', `/v1/audit-events${query}`, { key })).status
  assert.equal(await status(ops.key), 200)
  assert.equal(await status(dev.key), 403)
  assert.equal(await status(ops.key, '?log=instance'), 403)
  const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body.apiKey
  const theirs = await locket.call('GET', '/v1/audit-events?limit=100', { key: other })
  const actions = theirs.body.items.map((item: { action: string }) => item.action)
  assert.deepEqual(actions, ['tenant.created'], 'nothing else happened there yet')
})

async function instanceEvents(locket: Locket): Promise<Event[]> {
  const all = await events(locket, '&log=instance')
  return all.filter((event) => event.outcome === 'denied').reverse()
}

test('unknown callers go to the log of the instance, a flood of them as a number', async (t) => {
  const locket = await openLocket(t)
  const bad = (address: string, key: string | null = 'lk_bad') =>
    locket.call('GET', '/v1/whoami', { key, address })
  const wrong = `${locket.admin.slice(0, 20)}${'0'.repeat(43)}`
  for (let at = 0; at < 20; at += 1) await bad('192.0.2.1', at % 2 ? null : wrong)
  await bad('192.0.2.2')
  const told = async () =>
    (await instanceEvents(locket)).map(({ action, address, code, actor, details }) => {
      assert.equal(actor, null)
      return [action, address, code, details['count'] ?? 1]
    })
  const atOnce = [
    ['self.read', '192.0.2.1', 'unauthenticated', 1],
    ['self.read', '192.0.2.2', 'unauthenticated', 1],
  ]
  assert.deepEqual(await told(), atOnce)
  await locket.app.jobs.runAll()
  const counted = ['requests.refused', '192.0.2.1', 'unauthenticated', 19]
  assert.deepEqual(await told(), [...atOnce, counted])
  await bad('192.0.2.1')
  assert.equal((await told()).length, 4, 'a new window begins')
  assert.ok((await events(locket)).every((event) => event.code !== 'unauthenticated'))
})

test('what was counted is written down when the server stops', async (t) => {
  const locket = await openLocket(t)
  for (let at = 0; at < 5; at += 1) await locket.call('GET', '/v1/whoami', { key: 'lk_bad' })
  await locket.restart()
  const counts = (await instanceEvents(locket)).map((event) => event.details['count'] ?? 1)
  assert.deepEqual(counts, [1, 4])
})

test('an address that keeps failing is limited, and that is logged once, too', async (t) => {
  const strict = { ...rateBudgets, 'failure.address': per(60_000, 3) }
  const locket = await openLocket(t, { rateBudgets: strict })
  const codes: string[] = []
  for (let at = 0; at < 6; at += 1) {
    codes.push((await locket.call('GET', '/v1/whoami', { key: 'lk_bad' })).body.code)
  }
  const limited = 'too_many_requests'
  assert.deepEqual(codes, [...Array(3).fill('unauthenticated'), ...Array(3).fill(limited)])
  const logged = (await instanceEvents(locket)).map((event) => event.code)
  assert.deepEqual(logged, ['unauthenticated', limited])
  assert.equal((await locket.call('GET', '/v1/whoami')).status, 200, 'who has a key is let in')
})

test('of the events of a deleted space only the outside is left', async (t) => {
  const locket = await openLocket(t)
  await locket.call('POST', '/v1/memories', { body: { space, text: 'tea' } })
  const [before] = await events(locket, '&action=memory.stored')
  assert.ok(before?.spaceId && !before.erased)
  await locket.call('DELETE', `/v1/spaces/${before.spaceId}`)
  const [after] = await events(locket, '&action=memory.stored')
  assert.ok(after)
  const { id, time, action, outcome, resourceId, erased, details, requestId } = after
  assert.deepEqual([id, time, action, outcome], [before.id, before.time, before.action, 'allowed'])
  assert.deepEqual([resourceId, erased, details, requestId], [before.resourceId, true, {}, null])
  const [deleted] = await events(locket, '&action=space.deleted')
  assert.deepEqual([deleted?.resourceId, deleted?.erased], [before.spaceId, false])
})

test('a caller over his budget is told once and counted, in the log of his tenant [V16.3.3]', async (t) => {
  const strict = { ...rateBudgets, 'read.credential': per(60_000, 2) }
  const locket = await openLocket(t, { rateBudgets: strict })
  const alice = await locket.person('user:alice')
  const all = await Promise.all(
    Array.from({ length: 50 }, () => locket.call('GET', '/v1/whoami', { key: alice.key })),
  )
  assert.equal(all.filter(({ status }) => status === 429).length, 48)
  await locket.app.jobs.runAll()
  const path = `/v1/audit-events?actor=${alice.id}&outcome=denied`
  const { body } = await locket.call('GET', path)
  const seen = body.items.map(({ action, code, details }: Event) => [action, code, details])
  assert.deepEqual(seen, [
    ['requests.refused', 'too_many_requests', { count: 47 }],
    ['self.read', 'too_many_requests', {}],
  ])
})

test('an event that was altered does not pass', async (t) => {
  const locket = await openLocket(t)
  await locket.call('POST', '/v1/memories', { body: { space, text: 'tea' } })
  const altered = "update audit_events set body = ? where action = 'memory.stored'"
  await locket.sql(altered, new Uint8Array(80))
  const reply = await locket.call('GET', '/v1/audit-events')
  assert.equal(reply.body.code, 'integrity_failed')
})

test('what cannot be logged is not done, and not answered', async (t) => {
  const locket = await openLocket(t)
  const stored = await locket.call('POST', '/v1/memories', { body: { space, text: 'tea' } })
  const mend = await refuseEvents(locket)
  const path = `/v1/memories/${stored.body.id}`
  for (const [method, body] of [
    ['GET', undefined],
    ['PATCH', { text: 'coffee' }],
    ['DELETE', undefined],
  ] as const) {
    const reply = await locket.call(method, path, { ...(body && { body }) })
    assert.equal(reply.body.code, 'unavailable', method)
    assert.ok(!JSON.stringify(reply.body).includes('tea'))
  }
  assert.equal((await locket.call('GET', path, { key: 'lk_bad' })).body.code, 'unavailable')
  await mend()
  assert.equal((await locket.call('GET', path)).body.text, 'tea')
})
