/** [V15.4.2] What must happen once happens once, however many ask for it at the same time. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Call, type Locket, openLocket, type Reply } from './harness.ts'

const space = 'user:alice'

/** All at once: none is awaited before the last was sent. */
function together(count: number, call: (at: number) => Promise<Reply>): Promise<Reply[]> {
  return Promise.all(Array.from({ length: count }, (_, at) => call(at)))
}

/** How often each status was answered. */
function tally(replies: readonly Reply[]): Readonly<Record<string, number>> {
  const counts = Map.groupBy(replies, ({ status }) => String(status))
  return Object.fromEntries([...counts].map(([status, some]) => [status, some.length]))
}

async function count(locket: Locket, table: string): Promise<number> {
  return Number((await locket.sql(`SELECT count(*) AS n FROM ${table}`))[0]?.['n'])
}

function store(locket: Locket, call: Call): Promise<Reply> {
  return locket.call('POST', '/v1/memories', call)
}

describe('memories [V15.4.2]', () => {
  test('100 stores under one key make one memory and versions 1 to 100', async (t) => {
    const locket = await openLocket(t)
    const replies = await together(100, (at) =>
      store(locket, { body: { space, key: 'one', text: `text ${at}` } }),
    )
    assert.deepEqual(tally(replies), { 201: 100 })
    assert.equal(new Set(replies.map(({ body }) => body.id)).size, 1)
    const versions = replies.map(({ body }) => body.version).sort((a, b) => a - b)
    assert.deepEqual(
      versions,
      Array.from({ length: 100 }, (_, at) => at + 1),
    )
    const { items } = (await locket.call('GET', `/v1/memories/${replies[0]?.body.id}/history`)).body
    const told = new Map(replies.map(({ body }) => [body.version, body.text]))
    assert.ok(items.every((item: Reply['body']) => told.get(item.version) === item.text))
    assert.equal(items.length, 100)
  })

  test('100 of one idempotent request make one memory', async (t) => {
    const locket = await openLocket(t)
    const call = { body: { space, text: 'once' }, headers: { 'Idempotency-Key': 'same' } }
    const replies = await together(100, () => store(locket, call))
    assert.deepEqual(tally(replies), { 201: 100 })
    assert.equal(new Set(replies.map(({ body }) => JSON.stringify(body))).size, 1)
    const first = replies.filter(({ headers }) => !headers.has('idempotency-replayed'))
    assert.equal(first.length, 1)
    assert.equal(await count(locket, 'memories'), 1)
  })

  test('20 identical stores leave one memory', async (t) => {
    const locket = await openLocket(t)
    const body = { space, text: 'likes tea', tags: ['a'] }
    const replies = await together(20, () => store(locket, { body }))
    assert.deepEqual(tally(replies), { 201: 20 })
    assert.equal(new Set(replies.map(({ body: { id } }) => id)).size, 1)
    assert.equal(replies.filter(({ body: { deduplicated } }) => !deduplicated).length, 1)
    assert.equal(await count(locket, 'memories'), 1)
  })

  test('of 100 bodies under one idempotency key one is stored', async (t) => {
    const locket = await openLocket(t)
    const headers = { 'Idempotency-Key': 'same' }
    const replies = await together(100, (at) =>
      store(locket, { body: { space, text: `text ${at}` }, headers }),
    )
    assert.deepEqual(tally(replies), { 201: 1, 422: 99 })
    assert.equal(await count(locket, 'memories'), 1)
  })

  test('of 50 updates from one version one wins', async (t) => {
    const locket = await openLocket(t)
    const { id } = (await store(locket, { body: { space, text: 'before' } })).body
    const body = (at: number): object => ({ text: `after ${at}`, version: 1 })
    const replies = await together(50, (at) =>
      locket.call('PATCH', `/v1/memories/${id}`, { body: body(at) }),
    )
    assert.deepEqual(tally(replies), { 200: 1, 409: 49 })
    const matching = await together(50, (at) =>
      locket.call('PATCH', `/v1/memories/${id}`, {
        body: { text: `later ${at}` },
        headers: { 'If-Match': '"2"' },
      }),
    )
    assert.deepEqual(tally(matching), { 200: 1, 412: 49 })
    assert.equal((await locket.call('GET', `/v1/memories/${id}`)).body.version, 3)
  })

  test('of 50 deletes one deletes', async (t) => {
    const locket = await openLocket(t)
    const { id } = (await store(locket, { body: { space, text: 'doomed' } })).body
    const replies = await together(50, () => locket.call('DELETE', `/v1/memories/${id}`))
    assert.deepEqual(tally(replies), { 200: 1, 404: 49 })
    const spaces = (await locket.call('GET', '/v1/spaces')).body.items
    assert.equal(spaces[0].memories, 0)
  })
})

describe('spaces [V15.4.2]', () => {
  test('50 first stores into an absent space make one space and one owner', async (t) => {
    const locket = await openLocket(t)
    const principals = await count(locket, 'principals')
    const replies = await together(50, (at) => store(locket, { body: { space, text: `t${at}` } }))
    assert.deepEqual(tally(replies), { 201: 50 })
    assert.equal(await count(locket, 'spaces'), 1)
    assert.equal(await count(locket, 'principals'), principals + 1)
    const seqs = await locket.sql('SELECT seq FROM memories ORDER BY seq')
    assert.deepEqual(
      seqs.map(({ seq }) => seq),
      Array.from({ length: 50 }, (_, at) => at + 1),
    )
  })

  test('stores and a deletion of their space: what was stored after it is refused', async (t) => {
    const locket = await openLocket(t)
    await store(locket, { body: { space, text: 'first' } })
    const { id } = (await locket.call('GET', '/v1/spaces')).body.items[0]
    const replies = await together(40, (at) =>
      at === 20
        ? locket.call('DELETE', `/v1/spaces/${id}`)
        : store(locket, { body: { space, text: `t${at}` } }),
    )
    const refused = replies.filter(({ status }) => status !== 201 && status !== 200)
    assert.ok(refused.every(({ body }) => ['handle_retired', 'not_found'].includes(body.code)))
    assert.equal((await store(locket, { body: { space, text: 'late' } })).status, 409)
  })
})

describe('people, keys and roles [V15.4.2]', () => {
  interface Once {
    readonly name: string
    readonly expected: Readonly<Record<number, number>>
    readonly request: (locket: Locket) => Promise<readonly [string, string, Call?]>
  }

  async function aKey(locket: Locket): Promise<string> {
    return (await locket.call('POST', '/v1/api-keys', { body: {} })).body.id
  }

  const once: readonly Once[] = [
    {
      name: 'the same handle',
      expected: { 201: 1, 409: 49 },
      request: async () => ['POST', '/v1/principals', { body: { handle: 'user:bob' } }],
    },
    {
      name: 'the same role',
      expected: { 201: 1, 409: 49 },
      request: async () => [
        'POST',
        '/v1/roles',
        { body: { name: 'reader', permissions: ['memory:read'] } },
      ],
    },
    {
      name: 'the same space',
      expected: { 201: 1, 409: 49 },
      request: async () => ['POST', '/v1/spaces', { body: { handle: 'team:one' } }],
    },
    {
      name: 'the same tenant',
      expected: { 201: 1, 409: 49 },
      request: async () => ['POST', '/v1/tenants', { body: { name: 'Acme' } }],
    },
    {
      name: 'the same grant',
      expected: { 201: 1, 409: 49 },
      request: async (locket) => {
        const body = { handle: 'user:carol' }
        const principalId = (await locket.call('POST', '/v1/principals', { body })).body.id
        return ['POST', '/v1/grants', { body: { principalId, role: 'user' } }]
      },
    },
    {
      name: 'the revocation of a key',
      expected: { 200: 1, 404: 49 },
      request: async (locket) => ['DELETE', `/v1/api-keys/${await aKey(locket)}`],
    },
    {
      name: 'the rotation of a key that ends at once',
      expected: { 201: 1, 404: 49 },
      request: async (locket) => [
        'POST',
        `/v1/api-keys/${await aKey(locket)}/rotate`,
        { body: { overlapSeconds: 0 } },
      ],
    },
    {
      name: 'the deletion of a principal',
      expected: { 200: 1, 404: 49 },
      request: async (locket) => {
        const body = { handle: 'agent:dave' }
        const { id } = (await locket.call('POST', '/v1/principals', { body })).body
        return ['DELETE', `/v1/principals/${id}`]
      },
    },
  ]

  for (const { name, expected, request } of once) {
    test(`50 times ${name}: once`, async (t) => {
      const locket = await openLocket(t)
      const call = await request(locket)
      const replies = await together(50, () => locket.call(...call))
      assert.deepEqual(tally(replies), expected)
    })
  }

  test('a quota holds when 60 keys are asked for at once', async (t) => {
    const locket = await openLocket(t)
    const { id: principalId } = await locket.person('user:erin')
    const replies = await together(60, () =>
      locket.call('POST', '/v1/api-keys', { body: { principalId } }),
    )
    assert.deepEqual(tally(replies), { 201: 49, 409: 11 })
  })
})

describe('rights that change under way [V8.3.2] [V15.4.2]', () => {
  test('what begins after a revocation was answered is refused', async (t) => {
    const locket = await openLocket(t)
    const { id, key } = await locket.person('user:alice')
    const busy = together(60, (at) => store(locket, { key, body: { text: `t${at}` } }))
    const stopped = await locket.call('PATCH', `/v1/principals/${id}`, {
      body: { state: 'disabled' },
    })
    assert.equal(stopped.status, 200)
    const after = await together(20, () => store(locket, { key, body: { text: 'late' } }))
    assert.deepEqual(tally(after), { 401: 20 })
    assert.ok((await busy).every(({ status }) => status === 201 || status === 401))
  })

  test('a handle is found whichever look-up key it was indexed under [V11.2.2]', async (t) => {
    const locket = await openLocket(t)
    const scope = { body: { scope: 'lookup' } }
    const rounds = [0, 1, 2].flatMap(() => Array.from({ length: 12 }, (_, at) => `user:u${at}`))
    const replies = await together(rounds.length, (at) =>
      at === 12 || at === 24
        ? locket.call('POST', '/v1/encryption-keys/rotate', scope)
        : store(locket, { body: { space: rounds[at], text: `t${at}` } }),
    )
    assert.deepEqual(tally(replies), { 200: 2, 201: 34 })
    assert.equal(await count(locket, 'spaces'), 12)
    assert.equal(await count(locket, 'principals'), 12 + 1)
  })

  test('keys of every kind are rotated under load, and nobody notices [V11.2.2]', async (t) => {
    const locket = await openLocket(t)
    const { key } = await locket.person('user:alice')
    await store(locket, { key, body: { text: 'before the rotation' } })
    const { id } = (await locket.call('GET', '/v1/spaces')).body.items[0]
    const scopes = ['lookup', 'pepper', 'tenant', id, 'lookup', 'tenant', 'pepper', id]
    const replies = await together(160, (at) => {
      const scope = at % 20 === 0 ? scopes[at / 20] : undefined
      if (scope) return locket.call('POST', '/v1/encryption-keys/rotate', { body: { scope } })
      const list = { key, body: { query: 'rotation' } }
      if (at % 2 === 0) return locket.call('POST', '/v1/memories/recall', list)
      return store(locket, { key, body: { text: `t${at}`, key: `k${at % 7}` } })
    })
    const wrong = replies.filter(({ status }) => status >= 300).map(({ body }) => body)
    assert.deepEqual(wrong, [])
    await locket.app.jobs.runAll()
    await locket.restart()
    const body = { query: 'before the rotation' }
    const found = (await locket.call('POST', '/v1/memories/recall', { key, body })).body.items
    assert.equal(found[0].text, 'before the rotation')
  })
})
