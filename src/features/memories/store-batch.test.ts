import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { limits } from '../../core/limits.ts'

const space = 'user:alice'
const batch = (locket: Locket, body: object, key = locket.admin) =>
  locket.call('POST', '/v1/memories/batch', { key, body })

interface Result {
  memory: { id: string; text: string; space: string; version: number } | null
  error: { code: string; detail: string } | null
}

const told = ({ items }: { items: Result[] }): (string | undefined)[] =>
  items.map(({ memory, error }) => memory?.text ?? error?.code)

async function texts(locket: Locket, handle = space): Promise<string[]> {
  const { body } = await locket.call('POST', '/v1/memories/list', { body: { space: handle } })
  return body.items.map((item: { text: string }) => item.text)
}

test('each item has its own result, in order; one that fails does not undo the others', async (t) => {
  const locket = await openLocket(t)
  const items = [
    { text: 'one' },
    { text: '' },
    { text: 'two', tenant: 'ten_1' },
    'no object',
    null,
    { text: 'three', metadata: { owner: 'me' } },
    { text: 'four', expiresAt: '2000-01-01T00:00:00Z' },
    { text: 'five' },
  ]
  const { status, body } = await batch(locket, { space, items })
  assert.equal(status, 200)
  const wrong = 'invalid_input'
  assert.deepEqual(told(body), ['one', wrong, wrong, wrong, wrong, wrong, wrong, 'five'])
  assert.deepEqual(await texts(locket), ['five', 'one'])
  const { body: spaces } = await locket.call('GET', '/v1/spaces')
  assert.equal(spaces.items[0].memories, 2)
})

test('of an item that is refused the place is told and nothing of what was there', async (t) => {
  const locket = await openLocket(t)
  const items = [{ text: 'x', importance: 'secret' }]
  const { body } = await batch(locket, { space, items })
  assert.match(body.items[0].error.detail, /^importance: /)
  assert.ok(!JSON.stringify(body).includes('secret'))
})

test('items of one key are versions of one memory, in their order', async (t) => {
  const locket = await openLocket(t)
  const items = ['a', 'b', 'c'].map((text) => ({ text, key: 'k' }))
  const { body } = await batch(locket, { space, items })
  const memories = body.items.map((item: Result) => item.memory)
  assert.deepEqual(
    memories.map((memory: { version: number }) => memory.version),
    [1, 2, 3],
  )
  assert.equal(new Set(memories.map((memory: { id: string }) => memory.id)).size, 1)
  assert.deepEqual(await texts(locket), ['c'])
})

test('items may go to several spaces, which are authorised together', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person(space)
  await batch(locket, { space: 'user:bob', items: [{ text: 'of bob' }] })
  const items = [{ text: 'mine' }, { text: 'his', space: 'user:bob' }]
  const refused = await batch(locket, { items }, alice.key)
  assert.equal(refused.body.code, 'not_found')
  assert.deepEqual(await texts(locket), [], 'not even what alone would have been allowed')
  const { body } = await batch(locket, { space, items })
  assert.deepEqual(
    body.items.map((item: Result) => item.memory?.space),
    [space, 'user:bob'],
  )
})

test('the bounds: 1 to 100 items, in up to 8 spaces', async (t) => {
  const locket = await openLocket(t)
  const many = (count: number) => Array.from({ length: count }, (_, at) => ({ text: `${at}` }))
  for (const count of [0, limits.batch_items_max + 1]) {
    const reply = await batch(locket, { space, items: many(count) })
    assert.equal(reply.body.code, 'invalid_input')
  }
  const full = await batch(locket, { space, items: many(limits.batch_items_max) })
  assert.ok(full.body.items.every((item: Result) => item.memory))
  const spread = (count: number) =>
    many(count).map((item, at) => ({ ...item, space: `team:${at}` }))
  assert.equal((await batch(locket, { items: spread(9) })).body.code, 'invalid_input')
  assert.equal((await batch(locket, { items: spread(8) })).status, 200)
})

test('of an item that fails half-way nothing stays', async (t) => {
  const locket = await openLocket(t)
  await batch(locket, { space, items: [{ text: 'first' }] })
  await locket.sql('update spaces set memories = ?', limits.memories_perSpace_max - 1)
  const items = [{ text: 'fits' }, { text: 'too many' }, { text: 'too many, too' }]
  const { body } = await batch(locket, { space, items })
  assert.deepEqual(told(body), ['fits', 'quota_exceeded', 'quota_exceeded'])
  const [row] = await locket.sql('select seq, memories from spaces')
  assert.deepEqual([row?.['seq'], row?.['memories']], [2, limits.memories_perSpace_max])
})

test('an item without a space goes to the own space of a user, and else to none', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person(space)
  const items = [{ text: 'mine' }]
  assert.deepEqual(told((await batch(locket, { items }, alice.key)).body), ['mine'])
  assert.equal((await batch(locket, { items })).body.code, 'space_required')
})

test('a batch is one event, which tells how many were stored and ties each to its content', async (t) => {
  const locket = await openLocket(t)
  await batch(locket, { space, items: [{ text: 'a' }, { text: '' }, { text: 'b' }] })
  const { body } = await locket.call('GET', '/v1/audit-events?action=memory.stored-batch')
  assert.equal(body.items.length, 1)
  const { items, stored, changes } = body.items[0].details
  assert.deepEqual([items, stored, changes.length], [3, 2, 2])
})
