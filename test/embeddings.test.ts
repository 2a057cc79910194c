/**
 * An embedder from end to end: a Locket, and an endpoint of the OpenAI shape in a process of its own
 * that fails in every way there is. Stores go on, recall goes on by words, what is missing is filled
 * in, and nothing goes out that must not.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { createLog } from '../src/core/log.ts'
import { startEmbeddingEndpoint } from './embedding-endpoint.ts'
import { onlyOn } from './engine.ts'
import { type Locket, type LocketOptions, openLocket } from './harness.ts'
import { addNode } from './node.ts'

const space = 'user:alice'
const dimensions = 32

interface Changed {
  model: string
}

/** A Locket whose log is kept, with an endpoint that answers; `model` may be changed for a restart. */
async function scene(t: TestContext, options: LocketOptions = {}) {
  const endpoint = await startEmbeddingEndpoint(t)
  const changed: Changed = { model: 'words' }
  const embedderSettings = {
    baseUrl: endpoint.baseUrl,
    get model() {
      return changed.model
    },
    key: null,
    dimensions,
    shorten: false,
    timeout_ms: 500,
    calls_max: 2,
  }
  let lines = ''
  const log = createLog('debug', {
    write: (line) => {
      lines += line
    },
  })
  const locket = await openLocket(t, {
    log,
    egressAllow: [endpoint.allow],
    embedderSettings,
    ...options,
  })
  return { endpoint, locket, changed, embedderSettings, logged: () => lines }
}

async function store(locket: Pick<Locket, 'call'>, text: string, more: object = {}) {
  const reply = await locket.call('POST', '/v1/memories', { body: { space, text, ...more } })
  assert.equal(reply.status, 201, JSON.stringify(reply.body))
  return reply.body
}

/** What a store answers besides the memory is about the store. */
function asRead({ deduplicated: _, ...memory }: Record<string, unknown>): object {
  return memory
}

async function recall(locket: Pick<Locket, 'call'>, query: string, more: object = {}) {
  const body = { space, query, ...more }
  const reply = await locket.call('POST', '/v1/memories/recall', { body })
  assert.equal(reply.status, 200, JSON.stringify(reply.body))
  const { items, degraded } = reply.body
  const texts: string[] = items.map((item: { text: string }) => item.text)
  return { texts, degraded, items }
}

/** Memories by the code that they are settled for; what has none by the empty text. */
async function settled(locket: Locket): Promise<Record<string, number>> {
  const rows = await locket.sql("select embedding from memories where state = 'live'")
  const counts: Record<string, number> = {}
  for (const { embedding } of rows) {
    const code = String(embedding ?? '')
    counts[code] = (counts[code] ?? 0) + 1
  }
  return counts
}

/** Runs the jobs until nothing is pending. Fails when that takes too long. */
async function fillIn(locket: Locket, isDone = async () => !('' in (await settled(locket)))) {
  for (let turn = 0; turn < 60; turn++) {
    await locket.app.jobs.runAll()
    if (await isDone()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.fail(`still pending: ${JSON.stringify(await settled(locket))}`)
}

describe('with an embedder', () => {
  test('what means the same is found though no word is the same', async (t) => {
    const { locket } = await scene(t)
    await store(locket, 'saw the physician')
    await store(locket, 'rain all week')
    const found = await recall(locket, 'doctor')
    assert.equal(found.texts[0], 'saw the physician')
    assert.equal(found.degraded, false)
  })

  test('what is merged has its vector at once, though its level was raised', async (t) => {
    const { locket } = await scene(t)
    const { id } = await store(locket, 'saw the physician')
    const merged = await store(locket, 'saw the physician', { privacyLevel: 'sensitive' })
    assert.deepEqual([merged.id, merged.privacyLevel], [id, 'sensitive'])
    assert.deepEqual(Object.values(await settled(locket)), [1])
    assert.ok(!('' in (await settled(locket))))
    assert.deepEqual((await recall(locket, 'doctor')).texts, ['saw the physician'])
  })

  test('what is found by its words alone is not lost', async (t) => {
    const { locket, endpoint } = await scene(t)
    await endpoint.behave({ rejects: 'kumquat' })
    await store(locket, 'a kumquat tree')
    for (let at = 0; at < 12; at++) await store(locket, `a tree of kind ${at}`)
    const found = await recall(locket, 'tree kumquat')
    assert.equal(found.texts[0], 'a kumquat tree')
  })

  test('memories stored together are embedded together', async (t) => {
    const { locket, endpoint } = await scene(t)
    await endpoint.behave()
    const items = Array.from({ length: 40 }, (_, at) => ({ text: `note ${at}` }))
    const body = { space, items: [...items, { text: 7 }, { text: 'note 1' }] }
    const reply = await locket.call('POST', '/v1/memories/batch', { body })
    assert.equal(reply.body.items[40].error.code, 'invalid_input')
    const { calls } = await endpoint.seen()
    assert.deepEqual(
      calls.map((call) => call.texts),
      [40],
    )
    assert.equal(Object.keys(await settled(locket)).includes(''), false)
  })

  test('a change of the text is embedded anew, any other is not', async (t) => {
    const { locket, endpoint } = await scene(t)
    const { id } = await store(locket, 'saw the physician')
    await endpoint.behave()
    const change = (body: object) => locket.call('PATCH', `/v1/memories/${id}`, { body })
    assert.equal((await change({ tags: ['a'] })).status, 200)
    assert.deepEqual((await endpoint.seen()).calls, [])
    assert.equal((await recall(locket, 'doctor')).degraded, false)
    assert.equal((await change({ text: 'bought an automobile' })).status, 200)
    await fillIn(locket)
    assert.equal((await recall(locket, 'car')).texts[0], 'bought an automobile')
    const history = await locket.call('GET', `/v1/memories/${id}/history`)
    assert.deepEqual(
      history.body.items.map((item: { version: number }) => item.version),
      [3, 2, 1],
    )
  })
})

describe('when the endpoint does not answer', () => {
  test('stores succeed, recall goes by words and says so; then all is filled in', async (t) => {
    const { locket, endpoint, logged } = await scene(t)
    await store(locket, 'before: the physician')
    await endpoint.down()
    const start = performance.now()
    const made = await store(locket, 'after: the surgeon')
    for (let at = 0; at < 5; at++) await store(locket, `canary-text ${at}`)
    assert.ok(performance.now() - start < 5_000)
    const found = await recall(locket, 'surgeon')
    assert.deepEqual(found.texts, ['after: the surgeon'])
    assert.equal(found.degraded, true)
    await locket.restart()
    assert.equal((await recall(locket, 'surgeon')).degraded, true)
    await endpoint.up()
    await fillIn(locket)
    const after = await recall(locket, 'doctor')
    assert.equal(after.degraded, false)
    assert.deepEqual(
      new Set(after.texts.slice(0, 2)),
      new Set(['before: the physician', 'after: the surgeon']),
    )
    const now = await locket.call('GET', `/v1/memories/${made.id}`)
    assert.deepEqual(now.body, asRead(made))
    assert.doesNotMatch(logged(), /canary|surgeon/)
  })

  const ways: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    'is slow': { delay_ms: 3_000 },
    'has other dimensions': { dimensions: 8 },
    'answers 429 for an hour': { status: 429, times: 99, retryAfter: '3600' },
    'answers garbage': { body: 'canary-answer' },
    'is broken': { status: 500, times: 99 },
    'wants a key': { key: 'secret' },
  }
  for (const [what, behaviour] of Object.entries(ways)) {
    test(`because it ${what}, nothing fails`, async (t) => {
      const { locket, endpoint, logged } = await scene(t)
      await endpoint.behave(behaviour)
      await store(locket, 'canary-text of a physician')
      assert.deepEqual(Object.keys(await settled(locket)), [''])
      const found = await recall(locket, 'physician')
      assert.equal(found.texts.length, 1)
      assert.equal(found.degraded, true)
      assert.doesNotMatch(logged(), /canary|physician/)
    })
  }
})

describe('what leaves', () => {
  const levels = ['public', 'internal', 'sensitive', 'restricted'] as const
  const storeAll = async (locket: Locket): Promise<void> => {
    for (const privacyLevel of levels) await store(locket, `text ${privacyLevel}`, { privacyLevel })
  }
  const allow = async (locket: Locket, embeddingLevel: string) => {
    const path = `/v1/tenants/${locket.tenant}`
    const reply = await locket.call('PATCH', path, { body: { embeddingLevel } })
    assert.equal(reply.body.embeddingLevel, embeddingLevel)
  }
  const codes = async (locket: Locket) => Object.keys(await settled(locket))

  test('is never restricted, unless the tenant allows it', async (t) => {
    const { locket, endpoint } = await scene(t)
    await storeAll(locket)
    const body = { space, items: [{ text: 'batch restricted', privacyLevel: 'restricted' }] }
    await locket.call('POST', '/v1/memories/batch', { body })
    await fillIn(locket)
    const before = (await endpoint.seen()).seen
    assert.deepEqual(before, ['text public', 'text internal', 'text sensitive'])
    assert.equal((await codes(locket)).length, 1)
    await allow(locket, 'restricted')
    const [code] = await codes(locket)
    await fillIn(locket, async () => !(await codes(locket)).includes(code ?? ''))
    const after = (await endpoint.seen()).seen.slice(before.length)
    assert.deepEqual(new Set(after), new Set(['text restricted', 'batch restricted']))
  })

  test('is less when the tenant allows less, and vectors of the rest go', async (t) => {
    const { locket, endpoint } = await scene(t)
    await storeAll(locket)
    const [code] = await codes(locket)
    await allow(locket, 'public')
    await store(locket, 'later internal', { privacyLevel: 'internal' })
    await fillIn(locket, async () => !(await codes(locket)).includes(code ?? ''))
    const { seen } = await endpoint.seen()
    assert.deepEqual(seen, ['text public', 'text internal', 'text sensitive'])
    const found = await recall(locket, 'unrelated question')
    assert.deepEqual(
      found.texts.filter((text) => text !== 'text public'),
      [],
    )
    assert.equal(found.degraded, false)
  })

  test('is nothing at all, queries neither, when the tenant allows none', async (t) => {
    const { locket, endpoint } = await scene(t)
    await storeAll(locket)
    await recall(locket, 'a first question')
    const { seen } = await endpoint.seen()
    assert.ok(seen.includes('a first question'))
    await allow(locket, 'none')
    await store(locket, 'never')
    const found = await recall(locket, 'never told question')
    assert.deepEqual([found.texts, found.degraded], [['never'], false])
    await fillIn(locket, async () => (await codes(locket)).every((code) => code === ''))
    assert.deepEqual((await endpoint.seen()).seen, seen)
  })

  test('is nothing of a disabled tenant', async (t) => {
    const { locket, endpoint } = await scene(t)
    const other = await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })
    await endpoint.down()
    const own = { body: { space: 'org', text: 'of the other' }, key: other.body.apiKey }
    assert.equal((await locket.call('POST', '/v1/memories', own)).status, 201)
    const path = `/v1/tenants/${other.body.id}`
    await locket.call('PATCH', path, { body: { state: 'disabled' } })
    await endpoint.up()
    await locket.restart()
    for (const _ of [1, 2, 3]) await locket.app.jobs.runAll()
    assert.deepEqual((await endpoint.seen()).seen, [])
    await locket.call('PATCH', path, { body: { state: 'active' } })
    await fillIn(locket)
    assert.deepEqual((await endpoint.seen()).seen, ['of the other'])
  })
})

test('another model embeds all anew, in the background, and changes nothing else', async (t) => {
  const { locket, endpoint, changed } = await scene(t)
  const made = await store(locket, 'saw the physician')
  const [before] = Object.keys(await settled(locket))
  changed.model = 'other words'
  await locket.restart()
  assert.equal((await recall(locket, 'physician')).degraded, true)
  await fillIn(locket, async () => !Object.keys(await settled(locket)).includes(before ?? ''))
  assert.equal((await recall(locket, 'doctor')).texts[0], 'saw the physician')
  assert.equal((await recall(locket, 'doctor')).degraded, false)
  assert.deepEqual((await locket.call('GET', `/v1/memories/${made.id}`)).body, asRead(made))
  assert.deepEqual((await endpoint.seen()).seen.slice(0, 1), ['saw the physician'])
  const events = await locket.call('GET', '/v1/audit-events?action=memory.embedded')
  assert.deepEqual(events.body.items[0].details, { settled: 1 })
})

test('a damaged memory does not keep the others from their vectors', async (t) => {
  const { locket, endpoint } = await scene(t)
  await endpoint.behave({ status: 500, times: 99 })
  const { id } = await store(locket, 'damaged')
  await store(locket, 'saw the physician')
  const [row] = await locket.sql('select record from memories where memory_id = ?', id)
  const record = Buffer.from(row?.['record'] as Uint8Array)
  record.writeUInt8(record.readUInt8(record.length - 1) ^ 1, record.length - 1)
  await locket.sql('update memories set record = ? where memory_id = ?', record, id)
  await endpoint.behave()
  await locket.restart()
  await fillIn(locket, async () => (await settled(locket))[''] === 1)
})

test('recall by meaning returns nothing that its scope excludes', async (t) => {
  const { locket } = await scene(t)
  const other = 'user:bob'
  const memories: { id: string; tag: string; importance: number; gone: boolean }[] = []
  const words = ['doctor', 'physician', 'car', 'automobile', 'cat', 'feline']
  for (let at = 0; at < 48; at++) {
    const tag = `t${at % 3}`
    const importance = at % 10
    const text = `${words[at % 6]} ${words[(at * 5) % 6]} ${at}`
    const { id } = await store(locket, text, { tags: [tag], importance })
    memories.push({ id, tag, importance, gone: at % 7 === 0 })
    await locket.call('POST', '/v1/memories', { body: { space: other, text } })
  }
  for (const { id, gone } of memories) if (gone) await locket.call('DELETE', `/v1/memories/${id}`)
  const question = fc.record({
    query: fc.constantFrom(...words, 'weather', 'doctor car'),
    tag: fc.constantFrom('t0', 't1', 't2'),
    least: fc.nat(9),
    limit: fc.integer({ min: 1, max: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(question, async ({ query, tag, least, limit }) => {
      const filter = { tags: { contains: tag }, importance: { gte: least } }
      const { items } = await recall(locket, query, { filter, limit })
      const allowed = memories.filter(
        (one) => !one.gone && one.tag === tag && one.importance >= least,
      )
      const ids = new Set(allowed.map(({ id }) => id))
      assert.ok(items.length <= limit)
      assert.equal(new Set(items.map((item: { id: string }) => item.id)).size, items.length)
      for (const item of items) assert.ok(ids.has(item.id), `${query}: ${item.text}`)
    }),
    { numRuns: 40 },
  )
})

describe('two nodes', onlyOn('postgres', 'one process serves a SQLite file'), () => {
  test('what one fills in, the other finds', async (t) => {
    const { locket, endpoint, embedderSettings } = await scene(t)
    const two = await addNode(t, locket, { egressAllow: [endpoint.allow], embedderSettings })
    await endpoint.down()
    await store(two, 'saw the physician')
    assert.equal((await recall(locket, 'physician')).degraded, true)
    await endpoint.up()
    await fillIn(locket)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const deadline = performance.now() + 20_000
    while ((await recall(two, 'doctor')).degraded && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    assert.equal((await recall(two, 'doctor')).texts[0], 'saw the physician')
  })
})
