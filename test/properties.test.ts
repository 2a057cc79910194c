/** What holds for all rights, texts and orders of doing things, tried on random ones. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createSpaceIndex, type DocumentFields } from '../src/features/indexes/space-index.ts'
import { indexSeed } from '../src/features/indexes/space-indexes.ts'
import { paramsOf } from '../src/kernel/path.ts'
import { operations } from '../src/operations.ts'
import { type Locket, openLocket, type Reply } from './harness.ts'
import { openWorld } from './operation-world.ts'
import { sampleOf, toHttp } from './samples.ts'
import { step, TenantModel } from './tenant-model.ts'

type Item = Reply['body']

async function done(reply: Promise<Reply>): Promise<Item> {
  const { status, body } = await reply
  assert.ok(status < 300, JSON.stringify(body))
  return body
}

describe('a list is what one may read, and no more [V8.2.2] [trap-filter-over-owner]', () => {
  const people = ['ann', 'ben', 'cyd'] as const
  const handles = ['user:ann', 'user:ben', 'team:x', 'team:y', 'org'] as const

  interface Given {
    readonly person: (typeof people)[number]
    readonly role: 'viewer' | 'user' | 'service' | 'operator'
    /** Null: over the tenant, or what the role reaches. */
    readonly space: (typeof handles)[number] | null
  }

  const given: fc.Arbitrary<Given> = fc.record({
    person: fc.constantFrom(...people),
    role: fc.constantFrom('viewer', 'user', 'service', 'operator'),
    space: fc.option(fc.constantFrom(...handles)),
  })

  /** What the grants mean, said again in another way than the program says it. */
  function mayRead(grants: readonly Given[], person: string, handle: string): boolean {
    const his = grants.filter((one) => one.person === person && one.role !== 'operator')
    const inSpace = his.some(({ space }) => space === handle)
    const everywhere = his.some(({ role, space }) => role === 'service' && space === null)
    const own = his.some(({ space }) => space === null) && handle === `user:${person}`
    return inSpace || everywhere || own
  }

  async function makePeople(locket: Locket): Promise<ReadonlyMap<string, Item>> {
    const made = new Map<string, Item>()
    for (const person of people) {
      const { id } = await done(
        locket.call('POST', '/v1/principals', { body: { handle: `user:${person}` } }),
      )
      made.set(
        person,
        await done(locket.call('POST', '/v1/api-keys', { body: { principalId: id } })),
      )
    }
    for (const space of handles) {
      await done(locket.call('POST', '/v1/memories', { body: { space, text: `in ${space}` } }))
    }
    return made
  }

  async function check(locket: Locket, key: string, readable: readonly string[]): Promise<void> {
    const listed = await locket.call('GET', '/v1/spaces', { key })
    const allowed = readable.length > 0
    assert.ok(listed.status === 200 || !allowed)
    const shown = listed.status === 200 ? listed.body.items.map((one: Item) => one.handle) : []
    assert.deepEqual(shown.sort(), [...readable].sort())
    for (const handle of handles) {
      // What is explained is what is done: POST /v1/authorize is the filter of the list.
      const asked = { operation: 'memories.recall', resource: handle }
      const told = await done(locket.call('POST', '/v1/authorize', { key, body: asked }))
      assert.equal(told.allowed, readable.includes(handle), handle)
      const body = { space: handle, filter: { not: { type: 'goal' } } }
      const reply = await locket.call('POST', '/v1/memories/list', { key, body })
      const texts = reply.status === 200 ? reply.body.items.map((one: Item) => one.text) : []
      assert.deepEqual(texts, readable.includes(handle) ? [`in ${handle}`] : [], handle)
      const recall = { space: handle, query: 'in' }
      const recalled = await locket.call('POST', '/v1/memories/recall', { key, body: recall })
      assert.equal(recalled.status === 200, told.allowed, handle)
    }
  }

  /** Gives what can be given, and takes it back at the end. */
  async function withGrants(
    locket: Locket,
    bodies: readonly object[],
    work: () => Promise<void>,
  ): Promise<void> {
    const standing: string[] = []
    for (const body of bodies) {
      const reply = await locket.call('POST', '/v1/grants', { body })
      if (reply.status === 201) standing.push(reply.body.id)
    }
    await work()
    for (const id of standing) await done(locket.call('DELETE', `/v1/grants/${id}`))
  }

  test('for random grants', async (t) => {
    const locket = await openLocket(t)
    const made = await makePeople(locket)
    const { items } = await done(locket.call('GET', '/v1/spaces'))
    const ids = new Map<string, string>(items.map((one: Item) => [one.handle, one.id]))
    const bodyOf = ({ person, role, space }: Given): object => {
      return { principalId: made.get(person).principalId, role, spaceId: ids.get(space ?? '') }
    }
    const property = fc.asyncProperty(fc.array(given, { maxLength: 6 }), (grants) =>
      withGrants(locket, grants.map(bodyOf), async () => {
        for (const person of people) {
          const readable = handles.filter((handle) => mayRead(grants, person, handle))
          await check(locket, made.get(person).key, readable)
        }
      }),
    )
    await fc.assert(property, { numRuns: 15 })
  })
})

describe('recall over sealed memories [trap-encrypted-query]', () => {
  const word = fc.constantFrom(
    ...['coffee', 'sugar', 'tea', 'milk', 'running', 'runs', 'Paris', 'sister', 'allergic', 'nuts'],
    ...['works', 'hospital', 'night', 'dog', 'garden', 'Zürich', '東京', '2024', 'the', 'and'],
  )
  const text = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => words.join(' '))
  const corpus = fc.array(
    fc.record({ text, sessionId: fc.option(fc.constantFrom('s1', 's2', 's3')) }),
    { minLength: 5, maxLength: 40 },
  )

  function fieldsOf(memory: Item): DocumentFields {
    const ms = (time: string | null): number | null => (time === null ? null : Date.parse(time))
    const { occurredAt, createdAt, updatedAt, expiresAt, ...rest } = memory
    return {
      ...rest,
      occurredAt: ms(occurredAt),
      createdAt: ms(createdAt),
      updatedAt: ms(updatedAt),
      expiresAt: ms(expiresAt),
    }
  }

  test('ranks and scores exactly as a plain index of the same texts', async (t) => {
    const locket = await openLocket(t)
    let round = 0
    let found = 0
    const property = fc.asyncProperty(
      corpus,
      fc.array(text, { minLength: 3 }),
      async (items, asked) => {
        round += 1
        const space = `team:round-${round}`
        const plain = createSpaceIndex({ seed: indexSeed(locket.app.pipeline.keys.root) })
        const stored = await done(
          locket.call('POST', '/v1/memories/batch', { body: { space, items } }),
        )
        for (const { memory } of stored.items) plain.put(fieldsOf(memory), memory.text)
        if (round % 4 === 0) await locket.restart()
        for (const query of asked) {
          const body = { space, query, limit: 20, recency: 'none' }
          const sealed = await done(locket.call('POST', '/v1/memories/recall', { body }))
          const hits = plain.search(query, { limit: 20, now: Date.now(), recency: 'none' })
          assert.deepEqual(
            sealed.items.map(({ id, score }: Item) => ({ id, score })),
            hits.map(({ id, score }) => ({ id, score })),
            query,
          )
          found += hits.length
        }
      },
    )
    await fc.assert(property, { numRuns: 12 })
    t.diagnostic(`${found} hits compared`)
    assert.ok(found > 100)
  })
})

describe('tenants [V8.4.1]', () => {
  test('nobody sees another tenant’s data, whatever they do in whatever order', async (t) => {
    const locket = await openLocket(t)
    const keys = [locket.admin]
    for (const name of ['Second', 'Third']) {
      keys.push((await done(locket.call('POST', '/v1/tenants', { body: { name } }))).apiKey)
    }
    let round = 0
    let steps = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (plan) => {
        round += 1
        const model = new TenantModel({ locket, keys, name: `r${round}` })
        for (const one of plan) await model.take(one)
        steps += plan.length
      }),
      { numRuns: 12 },
    )
    t.diagnostic(`${steps} steps`)
  })
})

describe('any input [V2.2.1] [V2.2.2]', () => {
  const scalar = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
  )
  const value = fc.oneof(
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    fc.dictionary(fc.string(), scalar, { noNullPrototype: true }),
  )

  test('in any field of any operation is taken or refused, and never a fault of ours', async (t) => {
    const world = await openWorld(t)
    for (const operation of operations) {
      const input = await sampleOf(operation).make(world.maker)
      const names = Object.keys(input).filter((name) => !paramsOf(operation.path).includes(name))
      if (names.length === 0) continue
      const one = fc.tuple(fc.constantFrom(...names), value)
      const property = fc.asyncProperty(one, async ([name, strange]) => {
        const { method, path, body } = toHttp(operation, { ...input, [name]: strange })
        const reply = await world.locket.call(method, path, body ? { body } : {})
        assert.ok(reply.status < 500, `${operation.id} ${name}: ${JSON.stringify(reply.body)}`)
      })
      await fc.assert(property, { numRuns: 25 })
    }
  })
})
