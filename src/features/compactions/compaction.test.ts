import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import { day_ms, hour_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'

const start = Date.parse('2026-01-01T10:20:30.000Z')
const at = (offset_ms: number): string => new Date(start + offset_ms).toISOString()
const space = 'user:alice'

type Body = Reply['body']

/** A Locket whose time only moves when it is told to. */
async function scene(t: TestContext) {
  const time = { now: start }
  const locket = await openLocket(t, { clock: () => time.now })
  // The first key is good for a week only.
  const { key } = (await locket.call('POST', '/v1/api-keys', { body: {} })).body
  const call = async (method: string, path: string, body?: object): Promise<Body> =>
    (await locket.call(method, path, { key, ...(body && { body }) })).body
  return {
    locket,
    call,
    pass: (ms: number): void => {
      time.now += ms
    },
    store: (body: object) => call('POST', '/v1/memories', { space, ...body }),
    get: (id: string) => call('GET', `/v1/memories/${id}`),
    compact: (body: object) =>
      call('POST', '/v1/memories/compact', { space, dryRun: false, ...body }),
    list: async (body: object = {}): Promise<string[]> =>
      (await call('POST', '/v1/memories/list', { space, ...body })).items.map(({ id }: Body) => id),
    recall: async (query: string): Promise<string[]> =>
      (await call('POST', '/v1/memories/recall', { space, query })).items.map(({ id }: Body) => id),
  }
}

const duplicates = { strategy: 'duplicates' }

test('nothing is done unless it is asked for', async (t) => {
  const { locket, store, call, list } = await scene(t)
  const first = await store({ text: 'Likes tea.' })
  const second = await store({ text: 'likes  TEA' })
  const before = await locket.sql('SELECT * FROM memories')
  const told = await call('POST', '/v1/memories/compact', { space, ...duplicates })
  assert.deepEqual(told.groups, [{ kept: first.id, replaced: [second.id] }])
  assert.deepEqual([told.dryRun, told.replaced, told.looked], [true, [second.id], 2])
  assert.equal(told.restorableUntil, null)
  assert.deepEqual(await locket.sql('SELECT * FROM memories'), before)
  assert.equal((await list()).length, 2)
})

test('duplicates become the first of them, with all that the others say', async (t) => {
  const { store, get, compact, list, recall, call, pass } = await scene(t)
  const bot = { text: 'likes tea', importance: 2, sessionId: 'later', tags: ['b'] }
  const kept = await store({ text: 'Likes tea.', tags: ['a'], privacyLevel: 'public' })
  pass(hour_ms)
  const second = await store({ ...bot, metadata: { a: 1 }, occurredAt: at(-day_ms) })
  const third = await store({ text: 'LIKES   TEA!', privacyLevel: 'restricted', importance: 8 })
  const other = await store({ text: 'likes tea', type: 'goal' })
  const done = await compact(duplicates)
  assert.deepEqual(done.replaced, [second.id, third.id])
  assert.equal(done.restorableUntil, at(hour_ms + 30 * day_ms))
  assert.ok(done.bytes > 0)
  const now = await get(kept.id)
  const { deduplicated: _, ...before } = kept
  assert.deepEqual(now, {
    ...before,
    tags: ['a', 'b'],
    metadata: { a: 1 },
    importance: 8,
    privacyLevel: 'restricted',
    occurredAt: at(-day_ms),
    updatedAt: at(hour_ms),
    version: 2,
    derivedFrom: [second.id, third.id],
  })
  assert.deepEqual((await list()).sort(), [kept.id, other.id].sort())
  assert.ok(!(await recall('tea')).includes(second.id))
  assert.equal((await call('GET', `/v1/memories/${kept.id}/history`)).items.length, 2)
  assert.deepEqual((await compact(duplicates)).replaced, [], 'a second time there is nothing to do')
})

test('what was replaced says when, why, by what and until when', async (t) => {
  const { store, get, compact, call, list } = await scene(t)
  const kept = await store({ text: 'likes tea' })
  const gone = await store({ text: 'Likes tea!' })
  await compact({ ...duplicates, restorableDays: 7 })
  const shown = await get(gone.id)
  assert.equal(shown.status, 'superseded')
  assert.deepEqual(shown.superseded, {
    at: at(0),
    strategy: 'duplicates',
    by: kept.id,
    until: at(7 * day_ms),
  })
  assert.equal(shown.text, 'Likes tea!')
  assert.deepEqual(await list({ status: 'superseded' }), [gone.id])
  const changed = await call('PATCH', `/v1/memories/${gone.id}`, { text: 'x' })
  assert.equal(changed.code, 'superseded')
})

test('what was replaced comes back as it was, and is recalled at once', async (t) => {
  const { store, get, compact, call, list, recall } = await scene(t)
  await store({ text: 'likes tea' })
  const gone = await store({ text: 'Likes tea!', tags: ['x'] })
  const before = await get(gone.id)
  await compact(duplicates)
  assert.deepEqual(await call('POST', `/v1/memories/${gone.id}/restore`), before)
  assert.deepEqual(await get(gone.id), before)
  assert.ok((await recall('tea')).includes(gone.id))
  assert.deepEqual(await list({ status: 'superseded' }), [])
  const again = await store({ text: 'Likes tea!' })
  assert.deepEqual([again.id, again.deduplicated], [gone.id, true], 'it is found as a duplicate')
})

test('a key is free while its memory is replaced, and is not taken back from another', async (t) => {
  const { store, compact, call } = await scene(t)
  const one = await store({ text: 'likes tea', key: 'one' })
  const two = await store({ text: 'Likes tea', key: 'two' })
  await compact(duplicates)
  const heir = await store({ text: 'coffee', key: 'two' })
  assert.notEqual(heir.id, two.id)
  assert.equal((await call('POST', `/v1/memories/${two.id}/restore`)).code, 'already_exists')
  await call('DELETE', `/v1/memories/${heir.id}`)
  assert.equal((await call('POST', `/v1/memories/${two.id}/restore`)).status, 'active')
  assert.equal((await store({ text: 'milk', key: 'two' })).id, two.id)
  assert.equal((await store({ text: 'milk', key: 'one' })).id, one.id)
})

test('a duplicate with a key stays rather than one without', async (t) => {
  const { store, compact } = await scene(t)
  const loose = await store({ text: 'likes tea' })
  const keyed = await store({ text: 'Likes tea', key: 'k' })
  assert.deepEqual((await compact(duplicates)).groups, [{ kept: keyed.id, replaced: [loose.id] }])
})

test('a result is trusted as little as the least trusted of what it is made of', async (t) => {
  const { locket, store, get, compact } = await scene(t)
  const user = await locket.person(space)
  const agent = await locket.person('agent:bot', { role: 'service' })
  const storeAs = async (key: string, text: string): Promise<Body> =>
    (await locket.call('POST', '/v1/memories', { key, body: { space, text } })).body
  const first = await storeAs(user.key, 'likes tea')
  await store({ text: 'Likes tea' })
  assert.equal((await get(first.id)).provenance.kind, 'user')
  await compact(duplicates)
  assert.equal((await get(first.id)).provenance.kind, 'service')
  const last = await storeAs(agent.key, 'LIKES tea')
  await compact(duplicates)
  assert.deepEqual((await get(first.id)).provenance, last.provenance)
  assert.equal((await get(first.id)).createdBy, user.id)
})

test('after 30 days what was replaced is deleted, content and versions', async (t) => {
  const { locket, store, get, compact, call, pass } = await scene(t)
  await store({ text: 'likes tea' })
  const gone = await store({ text: 'likes milk' })
  await call('PATCH', `/v1/memories/${gone.id}`, { text: 'Likes tea' })
  await compact(duplicates)
  pass(30 * day_ms - 1)
  await locket.app.jobs.runAll()
  assert.equal((await get(gone.id)).status, 'superseded')
  pass(1)
  assert.equal((await get(gone.id)).code, 'not_found')
  assert.equal((await call('POST', `/v1/memories/${gone.id}/restore`)).code, 'not_found')
  pass(hour_ms)
  await locket.app.jobs.runAll()
  const [row] = await locket.sql('SELECT state, record FROM memories WHERE memory_id = ?', gone.id)
  assert.deepEqual({ ...row }, { state: 'deleted', record: null })
  const versions = await locket.sql('SELECT * FROM memory_versions WHERE memory_id = ?', gone.id)
  assert.equal(versions.length, 0)
})

test('a delete erases what was replaced at once; it counts until then', async (t) => {
  const { locket, store, get, compact, call } = await scene(t)
  await store({ text: 'likes tea' })
  const gone = await store({ text: 'Likes tea' })
  await compact(duplicates)
  const counted = async () => (await call('GET', '/v1/spaces')).items[0].memories
  assert.equal(await counted(), 2)
  assert.equal((await call('DELETE', `/v1/memories/${gone.id}`)).deleted, true)
  assert.equal((await get(gone.id)).code, 'not_found')
  assert.equal(await counted(), 1)
  const rows = await locket.sql("SELECT record FROM memories WHERE state = 'superseded'")
  assert.deepEqual(rows, [])
})

test('a delete by session erases what was replaced of it, too', async (t) => {
  const { store, get, compact, call } = await scene(t)
  const kept = await store({ text: 'likes tea' })
  const gone = await store({ text: 'Likes tea', sessionId: 's' })
  const other = await store({ text: 'LIKES tea', sessionId: 't' })
  await compact(duplicates)
  const body = { space, sessionId: 's' }
  const deleted = await call('POST', '/v1/memories/delete', body)
  assert.deepEqual(deleted, { deleted: 1, more: false })
  assert.equal((await get(gone.id)).code, 'not_found')
  assert.equal((await get(other.id)).status, 'superseded')
  assert.equal((await get(kept.id)).status, 'active')
})

test('what was replaced opens under a new key, and after a restart', async (t) => {
  const { locket, store, get, compact, call } = await scene(t)
  await store({ text: 'likes tea' })
  const gone = await store({ text: 'Likes tea' })
  await compact(duplicates)
  const before = await get(gone.id)
  const { items } = await call('GET', '/v1/spaces')
  await call('POST', '/v1/encryption-keys/rotate', { scope: items[0].id })
  await locket.app.jobs.runAll()
  const sealed = await locket.sql('SELECT DISTINCT key_version FROM memories')
  assert.deepEqual(
    sealed.map((row) => row['key_version']),
    [2],
  )
  await locket.restart()
  assert.deepEqual(await get(gone.id), before)
})

test('who writes to the database cannot bring back what was replaced', async (t) => {
  const { locket, store, get, compact } = await scene(t)
  await store({ text: 'likes tea' })
  const gone = await store({ text: 'Likes tea' })
  await compact(duplicates)
  await locket.sql("UPDATE memories SET state = 'live' WHERE memory_id = ?", gone.id)
  assert.equal((await get(gone.id)).code, 'integrity_failed')
})

test('by importance and by age: only what is asked for goes', async (t) => {
  const { store, compact, list, pass } = await scene(t)
  const old = await store({ text: 'old and dull', importance: 1 })
  const dear = await store({ text: 'old and dear', importance: 9 })
  pass(40 * day_ms)
  const fresh = await store({ text: 'new and dull', importance: 1 })
  const told = await store({ text: 'told late', importance: 2, occurredAt: at(-400 * day_ms) })
  const dull = await compact({ strategy: 'importance', importanceAtMost: 2, olderThanDays: 30 })
  assert.deepEqual(dull.replaced, [old.id])
  const aged = await compact({ strategy: 'age', olderThanDays: 40, dryRun: true })
  assert.deepEqual(aged.replaced, [dear.id])
  const all = await compact({ strategy: 'importance', importanceAtMost: 1 })
  assert.deepEqual(all.replaced, [fresh.id])
  assert.deepEqual((await list()).sort(), [dear.id, told.id].sort())
})

test('what is over is deleted, what ends soon is replaced, until its own end', async (t) => {
  const { store, get, compact, call, pass } = await scene(t)
  const over = await store({ text: 'over', expiresAt: at(hour_ms) })
  const soon = await store({ text: 'soon', expiresAt: at(5 * hour_ms) })
  const later = await store({ text: 'later', expiresAt: at(9 * hour_ms) })
  const never = await store({ text: 'never' })
  pass(2 * hour_ms)
  const nothing = await compact({ strategy: 'expired', dryRun: true })
  assert.deepEqual([nothing.deleted, nothing.replaced], [[over.id], []])
  const done = await compact({ strategy: 'expired', withinHours: 4 })
  assert.deepEqual([done.deleted, done.replaced], [[over.id], [soon.id]])
  assert.equal((await get(soon.id)).superseded.by, null)
  for (const { id } of [later, never]) assert.equal((await get(id)).status, 'active')
  pass(3 * hour_ms)
  assert.equal((await get(soon.id)).code, 'not_found')
  assert.equal((await call('POST', `/v1/memories/${soon.id}/restore`)).code, 'not_found')
})

test('a filter and a session narrow what is looked at', async (t) => {
  const { store, compact } = await scene(t)
  const one = await store({ text: 'a', sessionId: 's', tags: ['x'] })
  const two = await store({ text: 'b', sessionId: 's' })
  const three = await store({ text: 'c', tags: ['x'] })
  const age = { strategy: 'age', olderThanDays: 0, dryRun: true }
  const filter = { tags: { contains: 'x' } }
  assert.deepEqual((await compact({ ...age, sessionId: 's' })).replaced, [one.id, two.id])
  assert.deepEqual((await compact({ ...age, filter })).replaced, [one.id, three.id])
  assert.deepEqual((await compact({ ...age, filter, sessionId: 's' })).replaced, [one.id])
})

test('near-duplicates are told and left alone', async (t) => {
  const { store, compact, list } = await scene(t)
  const one = await store({ text: 'Alice drinks green tea every morning before work' })
  const two = await store({ text: 'Alice drinks green tea every morning before lunch' })
  await store({ text: 'Bob owns a red bicycle' })
  const { similar, replaced } = await compact(duplicates)
  assert.deepEqual(similar, [{ ids: [one.id, two.id], similarity: 0.75 }])
  assert.deepEqual(replaced, [])
  assert.equal((await list()).length, 3)
})

test('nothing of another space is looked at', async (t) => {
  const { store, compact } = await scene(t)
  await store({ text: 'likes tea' })
  await store({ text: 'Likes tea', space: 'user:bob' })
  const { looked, replaced } = await compact(duplicates)
  assert.deepEqual([looked, replaced], [1, []])
  assert.equal((await compact({ ...duplicates, space: 'team:absent' })).looked, 0)
})

const wrong: readonly object[] = [
  {},
  { strategy: 'summary' },
  { strategy: 'age' },
  { strategy: 'importance', olderThanDays: 1 },
  { strategy: 'duplicates', olderThanDays: 1 },
  { strategy: 'age', olderThanDays: 1, withinHours: 1 },
  { strategy: 'expired', withinHours: -1 },
  { strategy: 'age', olderThanDays: -1 },
  { strategy: 'duplicates', restorableDays: 0 },
  { strategy: 'duplicates', restorableDays: 366 },
  { strategy: 'duplicates', dryRun: 'no' },
]

test('a parameter that the strategy does not take, or lacks, is refused', async (t) => {
  const { store, compact } = await scene(t)
  await store({ text: 'x' })
  for (const input of wrong) {
    assert.equal((await compact(input)).code, 'invalid_input', JSON.stringify(input))
  }
  for (const cursor of ['x', '', 'MQ']) {
    assert.equal((await compact({ ...duplicates, cursor })).code, 'invalid_cursor')
  }
})

test('only who may compact compacts and restores', async (t) => {
  const { locket, store, compact } = await scene(t)
  await store({ text: 'likes tea' })
  const gone = await store({ text: 'Likes tea' })
  await compact(duplicates)
  const permissions = ['memory:read', 'memory:write', 'memory:delete']
  const body = { name: 'no-compact', description: '', permissions, reach: 'tenant' }
  const role = (await locket.call('POST', '/v1/roles', { body })).body.id
  const { key } = await locket.person('service:other', { role })
  const calls = [
    locket.call('POST', '/v1/memories/compact', { key, body: { space, ...duplicates } }),
    locket.call('POST', `/v1/memories/${gone.id}/restore`, { key }),
  ]
  for (const { body: refused } of await Promise.all(calls)) {
    assert.equal(refused.code, 'permission_denied')
  }
})

test('one event tells what was done, by ids and counts', async (t) => {
  const { store, compact, call } = await scene(t)
  const kept = await store({ text: 'likes canary' })
  const gone = await store({ text: 'Likes canary' })
  await compact(duplicates)
  const { items } = await call('GET', '/v1/audit-events?action=memory.compacted')
  assert.equal(items.length, 1)
  const { changes, ...details } = items[0].details
  assert.deepEqual(details, {
    strategy: 'duplicates',
    dryRun: false,
    looked: 2,
    replaced: [gone.id],
    deleted: [],
    skipped: 0,
  })
  assert.deepEqual([changes[0].id, changes[0].version], [kept.id, 2])
  assert.ok(!JSON.stringify(items).includes('canary'))
})

async function storeMany(locket: Locket, count: number): Promise<void> {
  for (let done = 0; done < count; done += 100) {
    const items = Array.from({ length: Math.min(100, count - done) }, (_, n) => ({
      text: `Tea${'!'.repeat((done + n) % 50)}`,
      sessionId: `s${done + n}`,
    }))
    await locket.call('POST', '/v1/memories/batch', { body: { space, items } })
  }
}

test('a call does so much and says what remains; the next goes on', async (t) => {
  const { locket, compact, list } = await scene(t)
  const many = limits.compactGroup_max + 50
  await storeMany(locket, many)
  const first = await compact(duplicates)
  assert.deepEqual(
    [first.replaced.length, first.remaining, first.more],
    [limits.compactGroup_max, many - 1 - limits.compactGroup_max, true],
  )
  const second = await compact(duplicates)
  assert.deepEqual([second.replaced.length, second.remaining, second.more], [49, 0, false])
  assert.equal((await list()).length, 1)
})

test('what changes or goes meanwhile is left alone', async (t) => {
  const { locket, store, get, compact, call } = await scene(t)
  for (let round = 0; round < 5; round += 1) {
    await storeMany(locket, 40)
    const changed = await store({ text: 'TEA' })
    const deleted = await store({ text: 'tea?' })
    const [, patched, gone] = await Promise.all([
      compact(duplicates),
      call('PATCH', `/v1/memories/${changed.id}`, { text: `kept ${round}` }),
      call('DELETE', `/v1/memories/${deleted.id}`),
    ])
    const now = await get(changed.id)
    if (patched.status === 'active') assert.deepEqual(now, patched)
    else assert.deepEqual([patched.code, now.status], ['superseded', 'superseded'])
    assert.equal(gone.deleted, true)
    assert.equal((await get(deleted.id)).code, 'not_found')
  }
})
