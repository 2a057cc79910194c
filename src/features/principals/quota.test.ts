/** The quota of an agent: how many live memories it may have stored, in all spaces. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type Locket, openLocket, type Person, type Reply } from '../../../test/harness.ts'
import { day_ms, hour_ms } from '../../core/clock.ts'

type Body = Reply['body']

/** The same numbers each time: a failure is one again (mulberry32). */
let seed = 5
function random(): number {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
}

interface Scene {
  readonly locket: Locket
  readonly bot: Person
  /** As the agent. */
  call(method: string, path: string, body?: object): Promise<Reply>
  /** As the administrator, by a key that does not end. */
  admin(method: string, path: string, body?: object): Promise<Reply>
  store(space: string, body?: object): Promise<Reply>
  /** How many the server counts for the agent. */
  counted(): Promise<number | null>
  /** How many there are: what it finds when it looks at every space that it may read. */
  there(): Promise<number>
  quota(maxMemories: number | null): Promise<void>
  pass(ms: number): void
}

/** An agent that may store everywhere, in a Locket whose time only moves when it is told to. */
async function scene(t: TestContext): Promise<Scene> {
  const time = { now: Date.parse('2026-01-01T10:20:30.000Z') }
  const locket = await openLocket(t, { clock: () => time.now })
  const bot = await locket.person('agent:bot', { role: 'service' })
  const { key: lasting } = (await locket.call('POST', '/v1/api-keys', { body: {} })).body
  let texts = 0
  const by =
    (key: string): Scene['call'] =>
    (method, path, body) =>
      locket.call(method, path, { key, ...(body && { body }) })
  const [call, admin] = [by(bot.key), by(lasting)]
  const get = async () => (await admin('GET', `/v1/principals/${bot.id}`)).body
  const there = async (): Promise<number> => {
    let count = 0
    for (const { handle } of (await call('GET', '/v1/spaces')).body.items) {
      const { items } = (await call('POST', '/v1/memories/list', { space: handle })).body
      count += items.filter(({ createdBy }: Body) => createdBy === bot.id).length
    }
    return count
  }
  return {
    locket,
    bot,
    call,
    admin,
    store: (space, body = {}) => {
      texts += 1
      return call('POST', '/v1/memories', { space, text: `text ${texts}`, ...body })
    },
    counted: async () => (await get()).memories,
    there,
    quota: async (maxMemories) => {
      const set = await admin('PATCH', `/v1/principals/${bot.id}`, { maxMemories })
      assert.equal(set.body.maxMemories, maxMemories, JSON.stringify(set.body))
    },
    pass: (ms) => {
      time.now += ms
    },
  }
}

describe('the quota', () => {
  test('is over all spaces, and says so', async (t) => {
    const { store, quota, counted, call } = await scene(t)
    await quota(3)
    for (const space of ['user:alice', 'user:bob', 'org']) {
      assert.equal((await store(space)).status, 201)
    }
    const refused = await store('user:alice')
    assert.deepEqual([refused.status, refused.body.code], [409, 'quota_exceeded'])
    assert.equal(await counted(), 3)
    const { items } = (await call('POST', '/v1/memories/list', { space: 'user:alice' })).body
    assert.equal(items.length, 1)
  })

  test('holds one agent alone', async (t) => {
    const { locket, store, quota } = await scene(t)
    const other = await locket.person('agent:other', { role: 'service' })
    await quota(0)
    assert.equal((await store('org')).body.code, 'quota_exceeded')
    for (const key of [other.key, locket.admin]) {
      const body = { space: 'org', text: 'tea' }
      assert.equal((await locket.call('POST', '/v1/memories', { key, body })).status, 201)
    }
  })

  test('counts what was stored before it was set, and only what is live', async (t) => {
    const { store, quota, counted, call } = await scene(t)
    const ids: string[] = []
    for (const space of ['org', 'org', 'user:alice', 'user:bob']) {
      ids.push((await store(space)).body.id)
    }
    await call('DELETE', `/v1/memories/${ids[0]}`)
    await quota(10)
    assert.equal(await counted(), 3)
    await quota(2)
    assert.equal(await counted(), 3, 'nothing is deleted by a smaller quota')
    assert.equal((await store('org')).body.code, 'quota_exceeded')
    await call('DELETE', `/v1/memories/${ids[1]}`)
    assert.equal((await store('org')).body.code, 'quota_exceeded')
    await call('DELETE', `/v1/memories/${ids[2]}`)
    assert.equal((await store('org')).status, 201)
    await quota(null)
    assert.equal(await counted(), null)
    for (const _ of [1, 2, 3]) assert.equal((await store('org')).status, 201)
    await quota(100)
    assert.equal(await counted(), 5)
  })

  test('what a space held that was destroyed counts neither on nor anew', async (t) => {
    const { locket, store, quota, counted, call } = await scene(t)
    await store('user:alice')
    await store('user:alice')
    await store('org')
    await quota(10)
    const { items } = (await call('GET', '/v1/spaces')).body
    const { id } = items.find(({ handle }: Body) => handle === 'user:alice')
    assert.equal((await locket.call('DELETE', `/v1/spaces/${id}`)).status, 200)
    assert.equal(await counted(), 1)
    await quota(null)
    await quota(10)
    assert.equal(await counted(), 1, 'rows that are yet to be swept are not counted')
    await locket.app.jobs.runAll()
    assert.equal(await counted(), 1)
  })

  test('a new version, by key or by id, and what is said again count once', async (t) => {
    const { store, quota, counted, call } = await scene(t)
    await quota(2)
    const { body: keyed } = await store('org', { key: 'one' })
    await store('org', { text: 'likes tea' })
    assert.equal((await store('org', { key: 'one' })).status, 201)
    assert.equal((await store('org', { text: 'likes tea', tags: ['a'] })).body.deduplicated, true)
    assert.equal((await call('PATCH', `/v1/memories/${keyed.id}`, { text: 'new' })).status, 200)
    assert.equal(await counted(), 2)
  })

  test('what others write anew or delete counts for the agent that stored it', async (t) => {
    const { locket, store, quota, counted } = await scene(t)
    await quota(2)
    const { body: first } = await store('org', { key: 'one' })
    await store('org', { sessionId: 'one' })
    const body = { space: 'org', key: 'one', text: 'from the administrator' }
    assert.equal((await locket.call('POST', '/v1/memories', { body })).body.id, first.id)
    assert.equal(await counted(), 2)
    await locket.call('DELETE', `/v1/memories/${first.id}`)
    assert.equal(await counted(), 1)
    const session = { space: 'org', sessionId: 'one' }
    const { deleted } = (await locket.call('POST', '/v1/memories/delete', { body: session })).body
    assert.equal(deleted, 1)
    assert.equal(await counted(), 0)
  })

  test('each item of a batch counts, and those beyond it fail alone', async (t) => {
    const { call, quota, counted } = await scene(t)
    await quota(3)
    const items = ['org', 'user:alice', 'org', 'user:bob', 'org'].map((space, at) => {
      return { space, text: `text ${at}` }
    })
    const { body } = await call('POST', '/v1/memories/batch', { items })
    const codes = body.items.map(({ error }: Body) => error?.code ?? null)
    assert.deepEqual(codes, [null, null, null, 'quota_exceeded', 'quota_exceeded'])
    assert.equal(await counted(), 3)
  })

  test('what is over gives room when it is deleted, within the hour', async (t) => {
    const { locket, store, quota, counted, pass } = await scene(t)
    await quota(1)
    await store('org', { expiresAt: '2026-01-01T10:30:00.000Z' })
    pass(hour_ms)
    await locket.app.jobs.runAll()
    assert.equal(await counted(), 0)
    assert.equal((await store('org')).status, 201)
  })

  test('what compaction replaces gives room, and needs it again to come back', async (t) => {
    const { locket, store, quota, counted, call, admin } = await scene(t)
    const kept = (await store('org', { text: 'Likes tea.' })).body
    const twin = (await store('org', { text: 'likes  TEA' })).body
    await quota(2)
    const body = { space: 'org', dryRun: false, strategy: 'duplicates' }
    const done = await locket.call('POST', '/v1/memories/compact', { body })
    assert.deepEqual(done.body.replaced, [twin.id])
    assert.equal(await counted(), 1)
    const between = (await store('org')).body
    for (const by of [call, admin]) {
      const refused = await by('POST', `/v1/memories/${twin.id}/restore`)
      assert.equal(refused.body.code, 'quota_exceeded')
    }
    await call('DELETE', `/v1/memories/${between.id}`)
    const back = await admin('POST', `/v1/memories/${twin.id}/restore`)
    assert.equal(back.status, 200)
    assert.equal(await counted(), 2)
    for (const { id } of [kept, twin]) await call('DELETE', `/v1/memories/${id}`)
    assert.equal(await counted(), 0)
  })

  test('what was replaced and is then deleted is not given back twice', async (t) => {
    const { locket, store, quota, counted, pass } = await scene(t)
    await store('org', { text: 'Likes tea.' })
    await store('org', { text: 'likes  TEA' })
    await quota(5)
    const body = { space: 'org', dryRun: false, strategy: 'duplicates', restorableDays: 1 }
    await locket.call('POST', '/v1/memories/compact', { body })
    assert.equal(await counted(), 1)
    pass(2 * day_ms)
    await locket.app.jobs.runAll()
    assert.equal(await counted(), 1)
  })

  test('[V15.4.2] 100 stores at once into many spaces leave exactly as many as it allows', async (t) => {
    const { store, quota, counted, there } = await scene(t)
    for (const at of [0, 1, 2, 3]) await store(`user:u${at}`)
    await quota(30)
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, at) => store(`user:u${at % 5}`)),
    )
    const statuses = Map.groupBy(replies, ({ status }) => status)
    assert.deepEqual([...statuses].map(([status, some]) => [status, some.length]).sort(), [
      [201, 26],
      [409, 74],
    ])
    assert.deepEqual([await counted(), await there()], [30, 30])
  })

  test('the count is what is there, whatever was done in whichever order', async (t) => {
    const { store, quota, counted, there, call, admin } = await scene(t)
    await quota(8)
    const ids: string[] = []
    const anyId = (): string => ids[Math.floor(random() * ids.length)] ?? 'mem_'
    const anySpace = () => ['org', 'user:alice', 'user:bob'][Math.floor(random() * 3)] ?? 'org'
    const kept = async (reply: Promise<Reply>): Promise<void> => {
      const { status, body } = await reply
      if (status === 201) ids.push(body.id)
    }
    const steps: readonly (() => Promise<unknown>)[] = [
      () => kept(store(anySpace())),
      () => kept(store(anySpace(), { key: 'same' })),
      () => kept(store(anySpace(), { text: 'likes tea' })),
      () => kept(store('org', { text: random() < 0.5 ? 'Likes  tea!' : 'likes TEA' })),
      () => call('DELETE', `/v1/memories/${anyId()}`),
      () => admin('PATCH', `/v1/memories/${anyId()}`, { text: 'changed' }),
      () => admin('POST', `/v1/memories/${anyId()}/restore`),
      () =>
        call('POST', '/v1/memories/compact', {
          space: 'org',
          dryRun: false,
          strategy: 'duplicates',
        }),
    ]
    for (let step = 0; step < 80; step += 1) {
      await steps[Math.floor(random() * steps.length)]?.()
      if (step % 8 === 7) assert.equal(await counted(), await there(), `after step ${step}`)
    }
    assert.ok(ids.length > 20)
  })

  test('an agent that was deleted and its count are gone; what it stored stays', async (t) => {
    const { locket, bot, store, quota } = await scene(t)
    await quota(5)
    const { body: stored } = await store('org')
    assert.equal((await locket.call('DELETE', `/v1/principals/${bot.id}`)).status, 200)
    assert.deepEqual(await locket.sql('SELECT * FROM agent_quotas'), [])
    assert.equal((await locket.call('GET', `/v1/memories/${stored.id}`)).status, 200)
    assert.equal((await locket.call('DELETE', `/v1/memories/${stored.id}`)).status, 200)
  })

  test('a count that was taken away from under the server lets nothing in', async (t) => {
    const { locket, store, quota } = await scene(t)
    await quota(5)
    await locket.sql('DELETE FROM agent_quotas')
    assert.equal((await store('org')).body.code, 'integrity_failed')
  })
})
