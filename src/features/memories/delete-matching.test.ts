import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { limits } from '../../core/limits.ts'

const space = 'user:alice'
const remove = async (locket: Locket, body: object, key = locket.admin) =>
  (await locket.call('POST', '/v1/memories/delete', { key, body })).body
const texts = async (locket: Locket, handle = space): Promise<string[]> => {
  const { body } = await locket.call('POST', '/v1/memories/list', { body: { space: handle } })
  return body.items.map((item: { text: string }) => item.text).reverse()
}

async function filled(locket: Locket): Promise<void> {
  const items = [
    { text: 'a', tags: ['x'], sessionId: 'one' },
    { text: 'b', tags: ['x'], sessionId: 'two' },
    { text: 'c', sessionId: 'one' },
    { text: 'd', tags: ['x'], space: 'user:bob', sessionId: 'one' },
  ]
  await locket.call('POST', '/v1/memories/batch', { body: { space, items } })
}

const cases: readonly (readonly [what: string, body: object, left: string[]])[] = [
  ['a filter', { filter: { tags: { contains: 'x' } } }, ['c']],
  ['a session', { sessionId: 'one' }, ['b']],
  ['both', { sessionId: 'one', filter: { tags: { contains: 'x' } } }, ['b', 'c']],
  ['what nothing is', { filter: { type: 'goal' } }, ['a', 'b', 'c']],
  ['a filter that accepts everything', { filter: {} }, []],
]

for (const [what, body, left] of cases) {
  test(`deleting by ${what} deletes that, tells how many, and nothing elsewhere`, async (t) => {
    const locket = await openLocket(t)
    await filled(locket)
    const { deleted, more } = await remove(locket, { space, ...body })
    assert.deepEqual([deleted, more], [3 - left.length, false])
    assert.deepEqual(await texts(locket), left)
    assert.deepEqual(await texts(locket, 'user:bob'), ['d'])
    const { body: events } = await locket.call('GET', '/v1/audit-events?limit=3')
    const event = events.items.find(
      (item: { action: string }) => item.action === 'memory.deleted-matching',
    )
    assert.equal(event.details.deleted, 3 - left.length)
  })
}

test('what says neither a filter nor a session is refused', async (t) => {
  const locket = await openLocket(t)
  await filled(locket)
  for (const body of [{}, { filter: null }, { sessionId: null }, { sessionId: '' }]) {
    assert.equal((await remove(locket, { space, ...body })).code, 'invalid_input')
  }
  assert.equal((await remove(locket, { space, filter: { space: 'x' } })).code, 'invalid_filter')
  assert.deepEqual(await texts(locket), ['a', 'b', 'c'])
})

test('who may read but not delete deletes nothing', async (t) => {
  const locket = await openLocket(t)
  const vera = await locket.person(space, { role: 'viewer' })
  const alice = await locket.person('user:carol')
  await filled(locket)
  assert.equal((await remove(locket, { space, filter: {} }, vera.key)).code, 'permission_denied')
  assert.equal((await remove(locket, { space, filter: {} }, alice.key)).code, 'not_found')
  assert.deepEqual(await texts(locket), ['a', 'b', 'c'])
})

test('of a space that is not there nothing is deleted', async (t) => {
  const locket = await openLocket(t)
  const reply = await remove(locket, { space: 'team:x', filter: {} })
  assert.deepEqual(reply, { deleted: 0, more: false })
})

test('one call deletes so many, the newest first, and says that there are more', async (t) => {
  const locket = await openLocket(t)
  const most = limits.delete_matching_max
  assert.ok(most <= 1_000, 'all of them are deleted in one transaction')
  for (let left = most + 1; left > 0; left -= limits.batch_items_max) {
    const items = Array.from({ length: Math.min(left, limits.batch_items_max) }, (_, at) => ({
      text: left === most + 1 && at === 0 ? 'the first' : `another ${left} ${at}`,
    }))
    await locket.call('POST', '/v1/memories/batch', { body: { space, items } })
  }
  assert.deepEqual(await remove(locket, { space, filter: {} }), { deleted: most, more: true })
  assert.deepEqual(await texts(locket), ['the first'])
  assert.deepEqual(await remove(locket, { space, filter: {} }), { deleted: 1, more: false })
})
