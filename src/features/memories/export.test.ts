import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import { limits } from '../../core/limits.ts'

const space = 'user:alice'

async function storeAll(locket: Locket, items: readonly object[]): Promise<Reply['body'][]> {
  const stored: Reply['body'][] = []
  for (let at = 0; at < items.length; at += 100) {
    const body = { space, items: items.slice(at, at + 100) }
    const reply = await locket.call('POST', '/v1/memories/batch', { body })
    for (const { memory } of reply.body.items) {
      const { deduplicated: _, ...plain } = memory
      stored.push(plain)
    }
  }
  return stored
}

const numbered = (count: number): object[] =>
  Array.from({ length: count }, (_, at) => ({
    text: `number ${at}`,
    tags: [at % 2 ? 'odd' : 'even'],
  }))

const page = async (locket: Locket, body: object = {}): Promise<Reply['body']> => {
  const reply = await locket.call('POST', '/v1/memories/export', { body: { space, ...body } })
  assert.equal(reply.status, 200, JSON.stringify(reply.body))
  return reply.body
}

async function pages(locket: Locket, body: object = {}): Promise<Reply['body'][][]> {
  const found: Reply['body'][][] = []
  let cursor: string | null = null
  do {
    const { items, nextCursor } = await page(locket, { ...body, ...(cursor && { cursor }) })
    found.push(items)
    cursor = nextCursor
  } while (cursor !== null)
  return found
}

test('pages hold every memory as a whole, in the order of ids', async (t) => {
  const locket = await openLocket(t)
  const stored = await storeAll(locket, [
    ...numbered(6),
    {
      text: 'all there is',
      key: 'k',
      type: 'event',
      metadata: { deep: { list: [1, null] } },
      importance: 8.5,
      privacyLevel: 'restricted',
      sessionId: 's',
      agentId: 'agent:a',
      occurredAt: '2024-02-29T12:00:00.000Z',
      expiresAt: '2999-01-01T00:00:00.000Z',
    },
  ])
  const found = await pages(locket, { limit: 3 })
  assert.deepEqual(found.flat(), stored)
  assert.deepEqual(
    found.map(({ length }) => length),
    [3, 3, 1],
  )
})

test('what is stored, changed and deleted meanwhile moves nothing', async (t) => {
  const locket = await openLocket(t)
  const stored = await storeAll(locket, numbered(8))
  const first = await page(locket, { limit: 4 })
  await locket.call('PATCH', `/v1/memories/${stored[0].id}`, { body: { text: 'changed' } })
  await locket.call('PATCH', `/v1/memories/${stored[5].id}`, { body: { text: 'changed, too' } })
  await locket.call('DELETE', `/v1/memories/${stored[3].id}`)
  await locket.call('DELETE', `/v1/memories/${stored[6].id}`)
  const [late] = await storeAll(locket, [{ text: 'late' }])
  const second = await page(locket, { cursor: first.nextCursor })
  assert.deepEqual(
    second.items.map(({ id, text }: Reply['body']) => [id, text]),
    [
      [stored[4].id, 'number 4'],
      [stored[5].id, 'changed, too'],
      [stored[7].id, 'number 7'],
      [late.id, 'late'],
    ],
  )
  assert.equal(second.nextCursor, null)
})

test('a page of large memories ends early, and the next goes on', async (t) => {
  const locket = await openLocket(t)
  const text = '€'.repeat(limits.text_codePoints_max)
  const large = Array.from({ length: 120 }, (_, at) => ({ text: `${at}${text.slice(5)}` }))
  for (let at = 0; at < large.length; at += 40) await storeAll(locket, large.slice(at, at + 40))
  const found = await pages(locket)
  assert.deepEqual(
    found.map(({ length }) => length),
    [50, 50, 20],
  )
  assert.equal(new Set(found.flat().map(({ id }) => id)).size, 120)
})

test('a filter narrows; what expired is not given out', async (t) => {
  let ahead_ms = 0
  const locket = await openLocket(t, { clock: () => Date.now() + ahead_ms })
  const expiresAt = new Date(Date.now() + 1000).toISOString()
  await storeAll(locket, [{ text: 'soon over', tags: ['odd'], expiresAt }, ...numbered(5)])
  ahead_ms = 2000
  const found = await pages(locket, { filter: { tags: { contains: 'odd' } }, limit: 1 })
  assert.deepEqual(
    found.flat().map(({ text }) => text),
    ['number 1', 'number 3'],
  )
})

test('a space that is not there is empty for who could make it', async (t) => {
  const locket = await openLocket(t)
  assert.deepEqual(await page(locket), { items: [], nextCursor: null })
})

test('reading is not exporting: it takes a permission of its own', async (t) => {
  const locket = await openLocket(t)
  const { key } = await locket.person('user:alice', { role: 'viewer' })
  await storeAll(locket, numbered(1))
  const listed = await locket.call('POST', '/v1/memories/list', { key, body: { space } })
  assert.equal(listed.body.items.length, 1)
  const refused = await locket.call('POST', '/v1/memories/export', { key, body: { space } })
  assert.deepEqual([refused.status, refused.body.code], [403, 'permission_denied'])
  const other = await locket.person('user:bob')
  const hidden = await locket.call('POST', '/v1/memories/export', {
    key: other.key,
    body: { space },
  })
  assert.deepEqual([hidden.status, hidden.body.code], [404, 'not_found'])
})

test('a right that was taken away ends an export with the page that it reached', async (t) => {
  const locket = await openLocket(t)
  const { id, key } = await locket.person('user:alice')
  await storeAll(locket, numbered(4))
  const ask = (cursor?: string): Promise<Reply> =>
    locket.call('POST', '/v1/memories/export', {
      key,
      body: { limit: 2, ...(cursor && { cursor }) },
    })
  const first = await ask()
  assert.equal(first.body.items.length, 2)
  const { body: grants } = await locket.call('GET', `/v1/grants?principalId=${id}`)
  await locket.call('DELETE', `/v1/grants/${grants.items[0].id}`)
  assert.equal((await ask(first.body.nextCursor)).status, 403)
})

test('each page leaves one audit event, which tells how many and never what', async (t) => {
  const locket = await openLocket(t)
  await storeAll(locket, numbered(3))
  await pages(locket, { limit: 2, filter: { not: { type: 'goal' } } })
  const { body } = await locket.call('GET', '/v1/audit-events?limit=20')
  const events = body.items.filter(({ action }: Reply['body']) => action === 'memory.exported')
  assert.deepEqual(
    events.map(({ details }: Reply['body']) => details),
    [
      { items: 1, filtered: true, last: true },
      { items: 2, filtered: true, last: false },
    ],
  )
  assert.ok(events.every(({ resourceId }: Reply['body']) => /^spc_/.test(resourceId)))
})

test('a cursor of another list, and too large a page, are refused', async (t) => {
  const locket = await openLocket(t)
  await storeAll(locket, numbered(3))
  const { body } = await locket.call('POST', '/v1/memories/list', { body: { space, limit: 1 } })
  const ask = (input: object): Promise<Reply> =>
    locket.call('POST', '/v1/memories/export', { body: { space, ...input } })
  const foreign = await ask({ cursor: body.nextCursor })
  assert.equal(foreign.body.code, 'invalid_cursor')
  const large = await ask({ limit: limits.exportPage_items_max + 1 })
  assert.equal(large.body.code, 'invalid_input')
})
