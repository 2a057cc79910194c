import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { limits } from '../../core/limits.ts'
import { createSpaceIndex } from '../indexes/space-index.ts'
import { indexSeed } from '../indexes/space-indexes.ts'

const alice = 'user:alice'
const bob = 'user:bob'
const storeIn =
  (locket: Locket) =>
  async (space: string, text: string, type = 'fact') =>
    (await locket.call('POST', '/v1/memories', { body: { space, text, type } })).body
const recall = async (locket: Locket, body: object, key = locket.admin) =>
  (await locket.call('POST', '/v1/memories/recall', { key, body })).body

interface Recalled {
  items: { id: string; text: string; space: string; score: number }[]
}
const textsOf = ({ items }: Recalled): string[] => items.map((item) => item.text)

test('the memory that fits best comes first, with a score', async (t) => {
  const locket = await openLocket(t)
  await storeIn(locket)(alice, 'Alice takes her coffee without sugar')
  await storeIn(locket)(alice, 'Alice plays the cello')
  const found = await recall(locket, { space: alice, query: 'how does she drink coffee?' })
  assert.equal(found.items[0].text, 'Alice takes her coffee without sugar')
  assert.ok(found.items[0].score > 0)
  const { score, ...memory } = found.items[0]
  assert.deepEqual((await locket.call('GET', `/v1/memories/${memory.id}`)).body, memory)
  assert.deepEqual(textsOf(await recall(locket, { space: alice, query: 'astronomy' })), [])
})

test('what is sealed ranks as if it were not', async (t) => {
  const locket = await openLocket(t)
  const plain = createSpaceIndex({ seed: indexSeed(locket.app.pipeline.keys.root) })
  const words = ['tea', 'coffee', 'milk', 'morning', 'friends', 'office', 'sugar', 'cello']
  const texts = Array.from({ length: 60 }, (_, at) =>
    Array.from({ length: 3 + (at % 5) }, (_, place) => words[(at * 7 + place * 3) % 8]).join(' '),
  )
  for (const text of texts) {
    const {
      id,
      createdAt,
      updatedAt,
      occurredAt,
      expiresAt: _,
      ...fields
    } = await storeIn(locket)(alice, text)
    const times = { createdAt, updatedAt, occurredAt }
    const inMs = Object.entries(times).map(([name, time]) => [name, Date.parse(time)])
    plain.put({ id, ...fields, ...Object.fromEntries(inMs), expiresAt: null }, text)
  }
  await locket.restart()
  for (const query of ['tea', 'coffee with friends', 'sugar milk morning', 'cello office tea']) {
    const body = { space: alice, query, limit: 20, recency: 'none' }
    const { items } = await recall(locket, body)
    const expected = plain.search(query, { limit: 20, now: 0, recency: 'none' })
    assert.deepEqual(
      items.map((item: Recalled['items'][number]) => [item.id, item.score]),
      expected.map((hit) => [hit.id, hit.score]),
    )
  }
})

test('of alike memories the more important and the more recent come first', async (t) => {
  const locket = await openLocket(t)
  const store = async (text: string, fields: object) =>
    locket.call('POST', '/v1/memories', { body: { space: alice, text, ...fields } })
  await store('tea with lemon', { occurredAt: '2020-01-01T00:00:00Z' })
  await store('tea with honey', { importance: 9, occurredAt: '2020-01-01T00:00:00Z' })
  await store('tea with milk', {})
  const ask = async (recency: string) =>
    textsOf(await recall(locket, { space: alice, query: 'tea', recency }))
  assert.deepEqual(await ask('none'), ['tea with honey', 'tea with lemon', 'tea with milk'])
  assert.deepEqual(await ask('gentle'), ['tea with milk', 'tea with honey', 'tea with lemon'])
})

test('several spaces are fused; each is authorised', async (t) => {
  const locket = await openLocket(t)
  const person = await locket.person(alice)
  await storeIn(locket)(alice, 'tea of alice')
  await storeIn(locket)(bob, 'tea of bob')
  await storeIn(locket)(bob, 'more tea of bob')
  const both = await recall(locket, { space: [alice, bob], query: 'tea of' })
  assert.deepEqual(textsOf(both).toSorted(), ['more tea of bob', 'tea of alice', 'tea of bob'])
  assert.equal(both.items[0].space, alice)
  const twice = await recall(locket, { space: [alice, alice], query: 'tea' })
  assert.deepEqual(textsOf(twice), ['tea of alice'])
  const query = 'tea'
  assert.deepEqual(textsOf(await recall(locket, { space: [alice], query }, person.key)), [
    'tea of alice',
  ])
  for (const space of [bob, [bob], [alice, bob], [bob, alice], [alice, 'user:nobody']]) {
    assert.equal((await recall(locket, { space, query }, person.key)).code, 'not_found')
  }
})

test('the parts of a score are told to who asks', async (t) => {
  const locket = await openLocket(t)
  await storeIn(locket)(alice, 'Alice: I drink green tea')
  await storeIn(locket)(bob, 'tea')
  const body = { query: 'Does Alice drink green TEA?', explain: true }
  const one = await recall(locket, { ...body, space: alice })
  const { explain, score } = one.items[0]
  const { terms, label, neighbours, session, phrases, importance, recency } = explain.words
  assert.deepEqual(
    terms.map(({ term }: { term: string }) => term),
    ['Alice', 'drink', 'green', 'TEA'],
  )
  const words = terms.reduce((sum: number, term: { score: number }) => sum + term.score, 0)
  const sum = (words + label + neighbours + session + phrases) * importance * recency
  assert.ok(Math.abs(sum - score) < 1e-9)
  assert.equal(explain.words.score, score)
  assert.equal(explain.fusion, null)
  const both = await recall(locket, { ...body, space: [alice, bob] })
  for (const item of both.items) {
    assert.deepEqual(item.explain.fusion, { rank: 1, score: item.score })
    assert.notEqual(item.explain.words.score, item.score)
  }
  const [plain] = (await recall(locket, { ...body, space: alice, explain: false })).items
  assert.ok(!('explain' in plain))
})

test('the answer to a foreign space is that to one that is not there', async (t) => {
  const locket = await openLocket(t)
  const person = await locket.person(alice)
  await storeIn(locket)(bob, 'tea')
  const answers: string[] = []
  for (const space of [bob, 'user:nobody', 'org']) {
    const { requestId: _, ...body } = await recall(locket, { space, query: 'tea' }, person.key)
    answers.push(JSON.stringify(body))
  }
  assert.equal(new Set(answers).size, 1)
})

test("without a space a user's own is meant; an absent own space is empty", async (t) => {
  const locket = await openLocket(t)
  const person = await locket.person(alice)
  const viewer = await locket.person('user:vera', { role: 'viewer' })
  assert.deepEqual(await recall(locket, { query: 'tea' }, person.key), {
    items: [],
    degraded: false,
  })
  assert.deepEqual(await recall(locket, { space: 'team:x', query: 'tea' }), {
    items: [],
    degraded: false,
  })
  const asViewer = await recall(locket, { query: 'tea' }, viewer.key)
  assert.equal(asViewer.code, 'not_found', 'who could not make it')
  await storeIn(locket)(alice, 'tea')
  assert.deepEqual(textsOf(await recall(locket, { query: 'tea' }, person.key)), ['tea'])
  assert.equal((await recall(locket, { query: 'tea' })).code, 'space_required')
})

test('filters narrow before the cut, not after', async (t) => {
  const locket = await openLocket(t)
  for (let at = 0; at < 20; at += 1) await storeIn(locket)(alice, 'tea tea tea', 'fact')
  await storeIn(locket)(alice, 'a long text that says tea only once', 'goal')
  const body = { space: alice, query: 'tea', limit: 1, filter: { type: 'goal' } }
  assert.deepEqual(textsOf(await recall(locket, body)), ['a long text that says tea only once'])
})

test('many memories are followed in steps, and every one is found', async (t) => {
  const locket = await openLocket(t)
  const count = 2 * limits.indexCatchUp_rows + 1
  for (let done = 0; done < count; done += 100) {
    const items = Array.from({ length: Math.min(100, count - done) }, (_, at) => ({
      text: `word${done + at}`,
    }))
    await locket.call('POST', '/v1/memories/batch', { body: { space: alice, items } })
  }
  await locket.restart()
  const last = `word${count - 1}`
  assert.deepEqual(textsOf(await recall(locket, { space: alice, query: last })), [last])
  assert.deepEqual(textsOf(await recall(locket, { space: alice, query: 'word0' })), ['word0'])
})

const query = 'tea'
const wrong: readonly object[] = [
  { space: alice },
  { space: alice, query: '' },
  { space: alice, query: ' ' },
  { space: alice, query: 'x'.repeat(limits.query_codePoints_max + 1) },
  { space: alice, query: 1 },
  { space: [], query },
  { space: Array.from({ length: 9 }, (_, at) => `team:${at}`), query },
  { space: [alice, 1], query },
  { space: 'alice', query },
  { space: alice, query, limit: 0 },
  { space: alice, query, limit: 101 },
  { space: alice, query, limit: '10' },
  { space: alice, query, recency: 'new' },
  { space: alice, query, filter: [] },
  { space: alice, query, filter: 'type' },
  { space: alice, query, privacyLevels: ['public'] },
  { space: alice, query, tenant: 'ten_1' },
]

test('a question that makes no sense is refused', async (t) => {
  const locket = await openLocket(t)
  for (const body of wrong) {
    assert.equal((await recall(locket, body)).code, 'invalid_input', JSON.stringify(body))
  }
  const filter = { owner: 'x' }
  assert.equal((await recall(locket, { space: alice, query, filter })).code, 'invalid_filter')
  const emoji = '😀'.repeat(limits.query_codePoints_max)
  assert.deepEqual(await recall(locket, { space: alice, query: emoji }), {
    items: [],
    degraded: false,
  })
})

test('spaces whose indexes do not fit into memory together are recalled together', async (t) => {
  const locket = await openLocket(t, { indexes_bytes_max: 150_000 })
  const spaces = [alice, bob]
  for (const space of spaces) {
    for (let batch = 0; batch < 8; batch++) {
      const items = Array.from({ length: 100 }, (_, at) => ({ text: `tea ${batch} of ${at}` }))
      await locket.call('POST', '/v1/memories/batch', { body: { space, items } })
    }
  }
  for (const space of [spaces, alice, spaces]) {
    const reply = await locket.call('POST', '/v1/memories/recall', {
      body: { space, query: 'tea' },
    })
    assert.equal(reply.status, 200)
    assert.equal(reply.body.items.length, 10)
  }
})
