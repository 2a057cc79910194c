import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { parseJson } from '../../core/json.ts'
import { checked } from './check.ts'
import { digestKey, withKey } from './keys.ts'
import { type Draft, type JsonObject, Refusal } from './shape.ts'
import { shapeNames } from './shape-names.ts'
import { detectShape, shapeNamed, shapes } from './shapes.ts'

const space = 'user:alice'
const folder = join(import.meta.dirname, '../../../test/imports')

/** The records of a file of test/imports. */
function recordsOf(file: string): readonly JsonObject[] {
  const text = readFileSync(join(folder, file), 'utf8')
  if (file.endsWith('.json')) return (parseJson(text) as { results: JsonObject[] }).results
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => parseJson(line) as JsonObject)
}

/** What is stored of records, as the shape that is found for the first sees them. */
function importedFrom(records: readonly JsonObject[]): { name: string; drafts: Draft[] } {
  const shape = detectShape(records[0] ?? {})
  assert.ok(shape, 'a shape is found')
  const drafts = records.flatMap((record) => shape.drafts(record, space))
  for (const draft of drafts) checked(withKey(shape.name, draft), systemClock())
  return { name: shape.name, drafts }
}

function draftsOf(name: string, record: JsonObject): readonly Draft[] {
  const shape = shapeNamed(name)
  assert.ok(shape)
  return shape.drafts(record, space).map((draft) => withKey(name, draft))
}

function refused(name: string, record: JsonObject): readonly [string | null, string] {
  try {
    for (const draft of draftsOf(name, record)) checked(draft, systemClock())
  } catch (thrown) {
    if (thrown instanceof Refusal) return [thrown.field, thrown.message]
    throw thrown
  }
  return assert.fail('nothing was refused')
}

test('the shapes are those that `--from` is said to take', () => {
  assert.deepEqual(
    shapes.map(({ name }) => name),
    shapeNames,
  )
})

describe('real exports', () => {
  test('mem0: what getAll answers', () => {
    assert.deepEqual(importedFrom(recordsOf('mem0.json')), {
      name: 'mem0',
      drafts: [
        {
          key: 'mem0:55b75198-3f1b-44a1-bb01-176f8ebc396a',
          text: 'I take my coffee without sugar',
          agentId: 'barista',
          sessionId: 'visit-1',
          occurredAt: '2026-11-20T17:03:43.362Z',
          metadata: { category: 'drinks', mem0: { user_id: 'alice' } },
        },
        {
          key: 'mem0:15e6d395-f653-4f3e-a640-f0a43d4f1833',
          text: 'I am allergic to peanuts',
          occurredAt: '2026-11-20T17:03:43.388Z',
          metadata: { mem0: { user_id: 'alice' } },
        },
      ],
    })
  })

  test('mem0: what the platform answers', () => {
    const { drafts } = importedFrom(recordsOf('mem0-platform.json'))
    const mem0 = { user_id: 'alice', app_id: 'coach', immutable: false }
    assert.deepEqual(drafts, [
      {
        key: 'mem0:3c90c3cc-0d44-4b50-8888-8dd25736052a',
        text: 'Runs on Tuesdays',
        tags: ['health', 'habits'],
        occurredAt: '2024-07-20T08:30:36.275Z',
        expiresAt: '3000-01-01T00:00:00.000Z',
        metadata: { mem0: { ...mem0, updated_at: '2024-08-01T15:00:00.000Z' } },
      },
    ])
  })

  test('LangGraph: items of a store', () => {
    const { name, drafts } = importedFrom(recordsOf('langgraph.jsonl'))
    const occurredAt = '2026-11-20T17:02:24.509Z'
    const of = (namespace: string[], key: string) => ({ langgraph: { namespace, key } })
    assert.equal(name, 'langgraph')
    assert.deepEqual(drafts, [
      {
        key: 'langgraph:memories.alice/m-1',
        text: 'Prefers window seats',
        occurredAt,
        metadata: { category: 'travel', ...of(['memories', 'alice'], 'm-1') },
      },
      {
        key: 'langgraph:memories.alice/m-2',
        text: 'Runs on Tuesdays',
        occurredAt,
        metadata: { kind: 'Memory', ...of(['memories', 'alice'], 'm-2') },
      },
      {
        key: 'langgraph:profiles.alice/profile',
        text: '{"name":"Alice","languages":["en","fr"]}',
        occurredAt,
        metadata: of(['profiles', 'alice'], 'profile'),
      },
    ])
  })

  test('LangGraph: where a namespace ends is beyond doubt, whatever its labels hold', () => {
    const keyOf = (namespace: string[], key: string) =>
      draftsOf('langgraph', { namespace, key, value: { text: 'x' } })[0]?.['key']
    const [one, other] = [keyOf(['a/b'], 'c'), keyOf(['a'], 'b/c')]
    assert.deepEqual([one, other], ['langgraph:a%2Fb/c', 'langgraph:a/b/c'])
    assert.notEqual(keyOf(['a%2Fb'], 'c'), one)
  })

  test('LangGraph: a row is the same memory as its item, with the date of its change', () => {
    const [item] = importedFrom(recordsOf('langgraph.jsonl')).drafts
    const [row] = importedFrom(recordsOf('langgraph-rows.jsonl')).drafts
    const { metadata, ...rest } = row as { metadata: { langgraph: JsonObject } }
    const { updated_at, ...said } = metadata.langgraph
    assert.equal(updated_at, '2026-11-21T08:20:30.123Z')
    assert.deepEqual({ ...rest, metadata: { ...metadata, langgraph: said } }, item)
  })

  test('server-memory: each observation and each relation reads by itself', () => {
    const { name, drafts } = importedFrom(recordsOf('server-memory.jsonl'))
    assert.equal(name, 'server-memory')
    const person = { entity: 'Alice Moreau', entityType: 'person' }
    const works = { from: 'Alice Moreau', relationType: 'works_at', to: 'Acme' }
    assert.deepEqual(
      drafts.map(({ text, metadata }) => [text, metadata]),
      [
        ['Alice Moreau: Takes her coffee without sugar', { [name]: person }],
        ['Alice Moreau: Is allergic to peanuts', { [name]: person }],
        ['Acme: organisation', { [name]: { entity: 'Acme', entityType: 'organisation' } }],
        ['Alice Moreau works at Acme', { [name]: works }],
      ],
    )
    assert.equal(new Set(drafts.map(({ key }) => key)).size, 4)
  })
})

describe('plain JSON Lines', () => {
  const one = (record: JsonObject): JsonObject => draftsOf('jsonl', record)[0] ?? {}

  test('takes our fields, also with underscores, and keeps the rest as metadata', () => {
    const record = {
      content: 'Takes the train',
      type: 'habit',
      tags: ['travel'],
      importance: 7,
      privacy_level: 'sensitive',
      session_id: 's-1',
      agentId: 'agent:a',
      created_at: '2024-01-02',
      expires_at: '2999-01-01T00:00:00Z',
      id: 42,
      metadata: { source: 'app' },
      weather: 'good',
      nothing: null,
    }
    assert.deepEqual(one(record), {
      text: 'Takes the train',
      type: 'habit',
      tags: ['travel'],
      importance: 7,
      privacyLevel: 'sensitive',
      sessionId: 's-1',
      agentId: 'agent:a',
      occurredAt: '2024-01-02T00:00:00.000Z',
      expiresAt: '2999-01-01T00:00:00.000Z',
      key: 'jsonl:42',
      metadata: { source: 'app', weather: 'good' },
    })
  })

  test('the first name that says something counts; what is left stays', () => {
    const { text, occurredAt, key, metadata } = one({
      text: 'a',
      memory: 'b',
      timestamp: 1,
      date: '2024-01-02',
      key: 'own',
      id: 'i',
    })
    assert.deepEqual([text, occurredAt, key], ['a', '1970-01-01T00:00:01.000Z', 'own'])
    assert.deepEqual(metadata, { memory: 'b', date: '2024-01-02', id: 'i' })
  })

  test('the same content has the same key, in whatever order it stands', () => {
    const { key } = one({ text: 'tea', mood: { a: 1, b: [1, { c: 2, d: 3 }] } })
    assert.equal(one({ mood: { b: [1, { d: 3, c: 2 }], a: 1 }, text: 'tea' })['key'], key)
    assert.notEqual(one({ text: 'tea', mood: { a: 1, b: [2] } })['key'], key)
    assert.match(String(key), /^jsonl:sha256:[0-9a-f]{64}$/)
  })

  test('no file says where its memories go', () => {
    assert.equal(one({ text: 'tea', space })['space'], undefined)
    const elsewhere = refused('jsonl', { text: 'tea', space: 'user:bob' })
    assert.deepEqual(elsewhere, ['space', 'is said by --space alone'])
    for (const word of ['tenant', 'owner_id', 'spaceId']) {
      assert.deepEqual(refused('jsonl', { text: 'tea', [word]: 'x' }), [
        'metadata',
        `${word} is a scope word`,
      ])
    }
    assert.deepEqual(refused('mem0', { id: 'i', memory: 'tea', owner: 'bob' }), [
      'metadata',
      'owner is a scope word',
    ])
    assert.deepEqual(one({ text: 'tea', user_id: 'bob' })['metadata'], { user_id: 'bob' })
  })
})

describe('Locket’s own', () => {
  const id = 'mem_01M7WZ0CZ1E00BWMNKWR3YZRR4'
  const record = { id, space: 'user:bob', text: 'tea', key: null, provenance: {}, version: 3 }

  test('what the server said of a memory is left out, and a key made of its id', () => {
    assert.equal(detectShape(record)?.name, 'locket')
    assert.deepEqual(draftsOf('locket', record), [{ text: 'tea', key: `locket:${id}` }])
    assert.deepEqual(draftsOf('locket', { ...record, key: 'own' }), [{ text: 'tea', key: 'own' }])
    assert.match(String(draftsOf('locket', { text: 'tea' })[0]?.['key']), /^locket:sha256:/)
  })

  test('a field that it does not know is not lost in silence', () => {
    const told = ['colour', 'is no field of an exported memory']
    assert.deepEqual(refused('locket', { ...record, colour: 'red' }), told)
  })
})

describe('keys', () => {
  test('an id of the source that is too long for a key stands for itself by its digest', () => {
    const namespace = Array.from({ length: 30 }, (_, at) => `label-${at}`)
    const item = { namespace, key: 'k', value: { text: 'tea' } }
    const [draft] = draftsOf('langgraph', item)
    assert.equal(draft?.['key'], digestKey('langgraph', `langgraph:${namespace.join('.')}/k`))
  })

  test('a key of one’s own that is too long is refused', () => {
    const [field] = refused('jsonl', { text: 'tea', key: 'k'.repeat(201) })
    assert.equal(field, 'key')
  })
})

const refusals: readonly (readonly [string, JsonObject, string | null, RegExp])[] = [
  ['jsonl', { text: 7, content: null }, 'text', /string/],
  ['jsonl', { id: 'x' }, 'text', /text, content, memory/],
  ['jsonl', { text: ' ' }, 'text', /./],
  ['jsonl', { text: 'é'.repeat(10_001) }, 'text', /too long/],
  ['jsonl', { text: 'tea', type: 'hunch' }, 'type', /fact/],
  ['jsonl', { text: 'tea', tags: 'a' }, 'tags', /array/],
  ['jsonl', { text: 'tea', timestamp: 'soon' }, 'timestamp', /not a date/],
  ['jsonl', { text: 'tea', expiresAt: '2001-01-01' }, 'expiresAt', /past/],
  ['jsonl', { text: 'tea', metadata: 'red' }, 'metadata', /record/],
  ['jsonl', { text: 'tea', metadata: 'red', more: 1 }, 'metadata', /no object/],
  ['jsonl', { text: 'tea', metadata: { more: 2 }, more: 1 }, 'more', /in its metadata/],
  ['jsonl', { text: 'tea', more: 'x'.repeat(9_000) }, 'metadata', /8192/],
  ['mem0', { id: 'i', memory: null }, 'memory', /missing/],
  ['mem0', { id: 'i', memory: 'tea', metadata: [] }, 'metadata', /no object/],
  ['mem0', { id: 'i', memory: 'tea', created_at: 'x' }, 'created_at', /date/],
  ['mem0', { id: 'i', memory: 'tea', user_id: 'a', metadata: { mem0: 1 } }, 'metadata.mem0', /./],
  ['langgraph', { key: 'k', namespace: [1], value: {} }, 'namespace', /names/],
  ['langgraph', { key: 'k', prefix: 'a', value: 'tea' }, 'value', /no object/],
  ['langgraph', { prefix: 'a', value: {} }, 'key', /missing/],
  ['server-memory', { type: 'entity', name: 'A', entityType: 'b' }, 'observations', /texts/],
  ['server-memory', { type: 'relation', from: 'A', to: 'B' }, 'relationType', /text/],
  ['server-memory', { type: 'thing' }, 'type', /entity/],
]

describe('what does not fit is refused with its field, and never quoted', () => {
  for (const [name, record, field, reason] of refusals) {
    test(`${name}: ${JSON.stringify(record).slice(0, 60)}`, () => {
      const [place, told] = refused(name, record)
      assert.equal(place, field)
      assert.match(told, reason)
    })
  }

  test('too deep for a request', () => {
    const deep = Array.from({ length: 29 }).reduce<unknown>((inner) => ({ inner }), 1)
    assert.match(refused('jsonl', { text: 'tea', metadata: { deep } })[1], /deeper than 30/)
  })
})

test('a record of no known shape is none', () => {
  for (const record of [{}, { note: 'tea' }, { type: 'entity' }, { text: 7 }]) {
    assert.equal(detectShape(record), undefined)
  }
})
