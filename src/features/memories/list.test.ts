import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'

const space = 'user:alice'
const store = async (locket: Locket, body: object, key = locket.admin) =>
  (await locket.call('POST', '/v1/memories', { key, body })).body
const list = async (locket: Locket, body: object, key = locket.admin) =>
  (await locket.call('POST', '/v1/memories/list', { key, body })).body
const textsOf = ({ items }: { items: { text: string }[] }): string[] =>
  items.map((item) => item.text)

async function numbered(locket: Locket, count: number): Promise<void> {
  for (let at = 1; at <= count; at += 1) {
    await store(locket, { space, text: `number ${at}`, tags: [at % 2 ? 'odd' : 'even'] })
  }
}

test('pages follow one another, newest first, whatever is stored or deleted meanwhile', async (t) => {
  const locket = await openLocket(t)
  await numbered(locket, 7)
  const first = await list(locket, { space, limit: 3 })
  assert.deepEqual(textsOf(first), ['number 7', 'number 6', 'number 5'])
  await store(locket, { space, text: 'newer' })
  await locket.call('DELETE', `/v1/memories/${first.items[2].id}`)
  await locket.call('DELETE', `/v1/memories/${first.items[1].id}`)
  await locket.call('PATCH', `/v1/memories/${first.items[0].id}`, { body: { text: 'changed' } })
  const second = await list(locket, { space, limit: 3, cursor: first.nextCursor })
  assert.deepEqual(textsOf(second), ['number 4', 'number 3', 'number 2'])
  const third = await list(locket, { space, limit: 3, cursor: second.nextCursor })
  assert.deepEqual(textsOf(third), ['number 1'])
  assert.equal(third.nextCursor, null)
})

test('a page that ends where the list ends says so', async (t) => {
  const locket = await openLocket(t)
  await numbered(locket, 4)
  const first = await list(locket, { space, limit: 2 })
  const second = await list(locket, { space, limit: 2, cursor: first.nextCursor })
  assert.equal(second.nextCursor, null)
})

test('pages of a filter hold only what it accepts', async (t) => {
  const locket = await openLocket(t)
  await numbered(locket, 9)
  const filter = { tags: { contains: 'odd' } }
  const seen: string[] = []
  let cursor: string | null | undefined
  do {
    const page = await list(locket, { space, filter, limit: 2, ...(cursor && { cursor }) })
    seen.push(...textsOf(page))
    cursor = page.nextCursor
  } while (cursor)
  assert.deepEqual(
    seen,
    [9, 7, 5, 3, 1].map((at) => `number ${at}`),
  )
})

test('a cursor is good for its own list only', async (t) => {
  const locket = await openLocket(t)
  await numbered(locket, 3)
  const { nextCursor } = (await locket.call('GET', '/v1/audit-events?limit=1')).body
  for (const cursor of [nextCursor, 'x', '', 'é']) {
    assert.equal((await list(locket, { space, cursor })).code, 'invalid_cursor', cursor)
  }
})

test('only a user may leave the space out, and it is his own', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person(space)
  const bot = await locket.person('agent:bot', { role: 'service' })
  await store(locket, { text: 'mine' }, alice.key)
  assert.deepEqual(textsOf(await list(locket, {}, alice.key)), ['mine'])
  for (const key of [locket.admin, bot.key]) {
    assert.equal((await list(locket, {}, key)).code, 'space_required')
    assert.equal((await store(locket, { text: 'x' }, key)).code, 'space_required')
    const body = { query: 'x' }
    const recalled = await locket.call('POST', '/v1/memories/recall', { key, body })
    assert.equal(recalled.body.code, 'space_required')
    const deleted = await locket.call('POST', '/v1/memories/delete', { key, body: { filter: {} } })
    assert.equal(deleted.body.code, 'space_required')
  }
})

test('an absent space is empty for who could make it, and for nobody else', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person(space)
  assert.deepEqual(await list(locket, { space }, alice.key), { items: [], nextCursor: null })
  assert.deepEqual(textsOf(await list(locket, { space: 'team:x' })), [])
  assert.equal((await list(locket, { space: 'team:x' }, alice.key)).code, 'not_found')
  assert.deepEqual((await locket.call('GET', '/v1/spaces')).body.items, [], 'none was made')
})

test('sessions are told with how many memories they have and when', async (t) => {
  const locket = await openLocket(t)
  const moment = (hour: number) => `2026-01-01T0${hour}:00:00.000Z`
  for (const [sessionId, hour] of [
    ['a', 1],
    ['a', 3],
    ['b', 5],
    [null, 7],
  ] as const) {
    await store(locket, { space, text: 'x', sessionId, occurredAt: moment(hour) })
  }
  const { body } = await locket.call('GET', '/v1/spaces')
  const path = `/v1/spaces/${body.items[0].id}/sessions`
  const sessions = (await locket.call('GET', path)).body.items
  assert.deepEqual(sessions, [
    { sessionId: 'b', memories: 1, firstAt: moment(5), lastAt: moment(5) },
    { sessionId: 'a', memories: 2, firstAt: moment(1), lastAt: moment(3) },
  ])
  assert.equal((await locket.call('GET', `${path}?limit=1`)).body.items.length, 1)
  const { key } = await locket.person('user:bob')
  assert.equal((await locket.call('GET', path, { key })).body.code, 'not_found')
})
