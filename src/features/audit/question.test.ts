/** What a question finds is what anybody would pick out of all events. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Locket, openLocket } from '../../../test/harness.ts'
import type { AuditEvent } from './event.ts'

const space = 'user:alice'

/** Some of all: common and rare actions, refusals, several actors and spaces. */
async function aLife(locket: Locket): Promise<void> {
  const { call } = locket
  const alice = await locket.person(space)
  const vera = await locket.person('user:vera', { role: 'viewer' })
  for (const key of [alice.key, vera.key, locket.admin]) {
    const stored = await call('POST', '/v1/memories', { key, body: { space, text: 'tea' } })
    await call('GET', `/v1/memories/${stored.body.id}`, { key })
    await call('POST', '/v1/memories/recall', { key, body: { space: 'org', query: 'tea' } })
    await call('POST', '/v1/memories', { key, body: { text: '' } })
    await call('GET', '/v1/principals', { key })
    await call('DELETE', `/v1/memories/${stored.body.id}`, { key })
  }
  await call('POST', '/v1/roles', { body: { name: 'reader', permissions: ['memory:read'] } })
  await locket.app.jobs.runAll()
}

async function pages(locket: Locket, query: URLSearchParams): Promise<AuditEvent[]> {
  const found: AuditEvent[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    if (cursor !== '') query.set('cursor', cursor)
    const { status, body } = await locket.call('GET', `/v1/audit-events?${query}`)
    assert.equal(status, 200, JSON.stringify(body))
    assert.ok(body.items.length <= Number(query.get('limit')))
    found.push(...body.items)
    cursor = body.nextCursor
  }
  return found
}

type Asked = Readonly<Record<string, string | undefined>>

/** The same, as plainly as it can be said. */
function isAskedFor(event: AuditEvent, asked: Asked): boolean {
  const time = Date.parse(event.time)
  const { action } = asked
  return (
    (action === undefined || event.action === action || isBelow(event.action, action)) &&
    (asked['class'] ?? event.class) === event.class &&
    (asked['outcome'] ?? event.outcome) === event.outcome &&
    (asked['code'] ?? event.code) === event.code &&
    (asked['actor'] ?? event.actor?.id) === event.actor?.id &&
    (asked['resource'] ?? event.resourceId) === event.resourceId &&
    (asked['space'] ?? event.spaceId) === event.spaceId &&
    (asked['requestId'] ?? event.requestId) === event.requestId &&
    time >= Date.parse(asked['from'] ?? '1970-01-01T00:00:00Z') &&
    time < Date.parse(asked['until'] ?? '2999-01-01T00:00:00Z')
  )
}

const isBelow = (action: string, prefix: string): boolean =>
  prefix.endsWith('.') && action.startsWith(prefix)

test('what a question finds is what it asks for of all events, each once and in order', async (t) => {
  const locket = await openLocket(t)
  await aLife(locket)
  const until = new Date().toISOString()
  const all = await pages(locket, new URLSearchParams({ limit: '100', until, order: 'oldest' }))
  assert.ok(all.length > 20 && all.some(({ leaf }) => leaf !== null))
  const of = (pick: (event: AuditEvent) => string | null | undefined): fc.Arbitrary<string> =>
    fc.constantFrom(...new Set(all.map(pick).filter((value) => typeof value === 'string')))
  const asked = fc.record(
    {
      action: fc.oneof(
        of(({ action }) => action),
        of(({ action }) => action.replace(/\..*/, '.')),
      ),
      class: of((event) => event.class),
      outcome: of(({ outcome }) => outcome),
      code: of(({ code }) => code),
      actor: of(({ actor }) => actor?.id),
      resource: of(({ resourceId }) => resourceId),
      space: of(({ spaceId }) => spaceId),
      requestId: of(({ requestId }) => requestId),
      from: of(({ time }) => time),
      until: of(({ time }) => time),
      order: fc.constantFrom('newest', 'oldest'),
      limit: fc.constantFrom('2', '7', '100'),
    },
    { requiredKeys: ['limit', 'until'] },
  )
  await fc.assert(
    fc.asyncProperty(asked, async (question) => {
      const found = await pages(locket, new URLSearchParams(question))
      const meant = all.filter((event) => isAskedFor(event, question))
      if (question.order !== 'oldest') meant.reverse()
      assert.deepEqual(found, meant)
    }),
    { numRuns: 60 },
  )
})

test('each event tells its place in the log, by which it is proven', async (t) => {
  const locket = await openLocket(t)
  await locket.call('POST', '/v1/memories', { body: { space, text: 'tea' } })
  const newest = async () =>
    (await locket.call('GET', '/v1/audit-events?action=memory.stored')).body.items[0]
  await locket.app.jobs.runAll()
  const { id, leaf } = await newest()
  const { body: proof } = await locket.call('GET', `/v1/audit-log/proof?event=${id}`)
  assert.match(proof, new RegExp(`^index ${leaf}$`, 'm'))
})

test('an event enters the indexes with its place in the log, and is found before', async (t) => {
  const locket = await openLocket(t)
  await locket.app.jobs.stop()
  const alice = await locket.person(space)
  await locket.call('POST', '/v1/memories', { key: alice.key, body: { text: 'tea' } })
  await locket.call('DELETE', '/v1/roles/rol_00000000000000000000000000')
  const asked = [`actor=${alice.id}`, 'action=role.deleted', 'outcome=denied', 'class=write']
  const found = async (query: string) =>
    (await locket.call('GET', `/v1/audit-events?${query}`)).body.items
  for (const query of asked) {
    const [event, ...others] = await found(query)
    assert.deepEqual([event?.leaf, others], [null, []], query)
  }
  await locket.app.jobs.runAll()
  for (const query of asked) {
    const [event, ...others] = await found(query)
    assert.ok(event?.leaf >= 0, query)
    assert.deepEqual(others, [], query)
  }
})
