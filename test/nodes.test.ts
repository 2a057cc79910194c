/** Several nodes on one database: each serves what the others have done, at the very next call. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { createLog } from '../src/core/log.ts'
import { openInstance } from '../src/instance.ts'
import { onlyOn } from './engine.ts'
import { type Locket, openLocket } from './harness.ts'
import { addNode, type Node } from './node.ts'
import { givenSecret } from './secret.ts'
import { temporaryDirectory } from './temporary-directory.ts'

async function twoNodes(t: TestContext): Promise<{ one: Locket; two: Node }> {
  const one = await openLocket(t)
  return { one, two: await addNode(t, one) }
}

const space = 'user:alice'

async function recall(node: Node, query: string, key?: string): Promise<string[]> {
  const body = { space, query }
  const reply = await node.call('POST', '/v1/memories/recall', { body, ...(key && { key }) })
  assert.equal(reply.status, 200, JSON.stringify(reply.body))
  return reply.body.items.map((item: { text: string }) => item.text)
}

async function store(node: Node, text: string): Promise<string> {
  const reply = await node.call('POST', '/v1/memories', { body: { space, text } })
  assert.equal(reply.status, 201, JSON.stringify(reply.body))
  return reply.body.id
}

describe('two nodes', onlyOn('postgres', 'one process serves a SQLite file'), () => {
  test('a write on one is recalled on the other at the next call, and so is its end', async (t) => {
    const { one, two } = await twoNodes(t)
    for (let turn = 0; turn < 5; turn += 1) {
      const text = `tea number ${turn}`
      const id = await store(turn % 2 ? one : two, text)
      const other = turn % 2 ? two : one
      assert.ok((await recall(other, 'tea')).includes(text))
      await other.call('PATCH', `/v1/memories/${id}`, { body: { text: `${text} with milk` } })
      assert.ok((await recall(turn % 2 ? one : two, 'milk')).includes(`${text} with milk`))
      await one.call('DELETE', `/v1/memories/${id}`)
      assert.deepEqual(await recall(two, 'tea'), [])
    }
  })

  test('20 identical stores on both leave one memory, whether the space is there or not', async (t) => {
    const { one, two } = await twoNodes(t)
    for (const text of ['tea in a new space', 'tea in an old one']) {
      const stores = Array.from({ length: 20 }, (_, at) => store(at % 2 ? one : two, text))
      assert.equal(new Set(await Promise.all(stores)).size, 1)
    }
    assert.equal((await one.sql('select memory_id from memories')).length, 2)
  })

  test('[V8.3.2] an agent that is switched off on one is off on the other at the next call', async (t) => {
    const { one, two } = await twoNodes(t)
    const bot = await one.person('agent:bot', { role: 'service' })
    await store(one, 'tea')
    for (const [state, status] of [
      ['active', 200],
      ['disabled', 401],
      ['active', 200],
    ] as const) {
      await one.call('PATCH', `/v1/principals/${bot.id}`, { body: { state } })
      const body = { space, query: 'tea' }
      const reply = await two.call('POST', '/v1/memories/recall', { key: bot.key, body })
      assert.equal(reply.status, status)
    }
  })

  test('[V15.4.2] 100 stores on both leave no more than an agent’s quota, in whichever spaces', async (t) => {
    const { one, two } = await twoNodes(t)
    const bot = await one.person('agent:bot', { role: 'service' })
    await one.call('PATCH', `/v1/principals/${bot.id}`, { body: { maxMemories: 30 } })
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, at) => {
        const body = { space: `user:u${at % 5}`, text: `text ${at}` }
        return (at % 2 ? one : two).call('POST', '/v1/memories', { key: bot.key, body })
      }),
    )
    const stored = replies.filter(({ status }) => status === 201)
    assert.equal(stored.length, 30)
    const codes = new Set(replies.map(({ body }) => body.code))
    assert.deepEqual(codes, new Set([undefined, 'quota_exceeded']), 'in whichever order')
  })

  test('rights that are taken on one are gone on the other at the next call', async (t) => {
    const { one, two } = await twoNodes(t)
    const alice = await one.person(space)
    await store(one, 'tea')
    assert.deepEqual(await recall(two, 'tea', alice.key), ['tea'])
    await one.call('PATCH', `/v1/principals/${alice.id}`, { body: { state: 'disabled' } })
    const body = { space, query: 'tea' }
    const refused = await two.call('POST', '/v1/memories/recall', { body, key: alice.key })
    assert.equal(refused.status, 401)
  })

  test('a space that was deleted on one is gone on the other, index and key with it', async (t) => {
    const { one, two } = await twoNodes(t)
    const memory = await store(one, 'tea')
    assert.deepEqual(await recall(two, 'tea'), ['tea'])
    const { body } = await one.call('GET', '/v1/spaces')
    const [{ id }] = body.items
    const { indexes } = two.app.pipeline.services
    assert.ok(indexes.bytes > 0)
    assert.equal((await one.call('DELETE', `/v1/spaces/${id}`)).status, 200)
    assert.equal((await two.call('GET', `/v1/memories/${memory}`)).status, 404)
    const { tombstones } = two.instance.keys
    assert.equal(tombstones.size, 0)
    await two.app.jobs.runAll()
    assert.equal(indexes.bytes, 0)
    assert.ok(tombstones.has(one.tenant, id))
  })

  test('a key that was rotated on one seals on the other from the next call on', async (t) => {
    const { one, two } = await twoNodes(t)
    await store(two, 'tea')
    const { body } = await one.call('GET', '/v1/spaces')
    const [{ id: scope }] = body.items
    const versions = async () =>
      (await one.sql('select key_version from memories order by seq')).map(
        (row) => row['key_version'],
      )
    for (const rotated of ['tenant', 'lookup', 'pepper', scope]) {
      const reply = await one.call('POST', '/v1/encryption-keys/rotate', {
        body: { scope: rotated },
      })
      assert.equal(reply.status, 200)
      await store(two, `after ${rotated}`)
      assert.equal((await recall(two, 'after')).length, (await recall(one, 'after')).length)
    }
    assert.deepEqual(await versions(), [1, 1, 1, 1, 2])
    const again = await two.call('POST', '/v1/principals', { body: { handle: space } })
    assert.equal(again.body.code, 'already_exists', 'handles are found under the new look-up key')
  })

  test('a handle stays one principal’s, whichever keys are rotated meanwhile', async (t) => {
    const { one, two } = await twoNodes(t)
    const make = (node: Node, handle: string) =>
      node.call('POST', '/v1/principals', { body: { handle } })
    assert.equal((await make(one, 'user:bob')).status, 201)
    for (let round = 0; round < 4; round += 1) {
      await two.call('GET', '/v1/principals')
      const [rotated, ...made] = await Promise.all([
        one.call('POST', '/v1/encryption-keys/rotate', { body: { scope: 'lookup' } }),
        make(two, 'user:bob'),
        make(one, 'user:bob'),
        make(two, `user:new-${round}`),
      ])
      assert.equal(rotated.status, 200)
      assert.deepEqual(
        made.map((reply) => reply.status),
        [409, 409, 201],
      )
    }
  })

  test('changes of one space from both are all done, in one order', async (t) => {
    const { one, two } = await twoNodes(t)
    await store(one, 'first')
    const texts = Array.from({ length: 60 }, (_, number) => `tea ${number}`)
    const ids = await Promise.all(texts.map((text, at) => store(at % 2 ? one : two, text)))
    assert.equal(new Set(ids).size, texts.length)
    const rows = await one.sql('select seq from memories order by seq')
    assert.deepEqual(
      rows.map((row) => row['seq']),
      Array.from({ length: texts.length + 1 }, (_, at) => at + 1),
    )
  })

  test('one that must be alone is refused while another is there', async (t) => {
    const { one } = await twoNodes(t)
    const directory = temporaryDirectory(t)
    const config = { ...one.config, dataDir: directory, tombstonesFile: join(directory, 't') }
    const options = { log: createLog('silent'), create: false, alone: true }
    await assert.rejects(openInstance(config, options), /stop all of its nodes first/)
  })

  test('a root key that is not the one of the database is refused', async (t) => {
    const one = await openLocket(t)
    const directory = temporaryDirectory(t)
    const config = {
      ...one.config,
      dataDir: directory,
      tombstonesFile: join(directory, 't'),
      rootKey: { secret: givenSecret(Buffer.alloc(32, 7).toString('base64')) },
    }
    const options = { log: createLog('silent'), create: true }
    await assert.rejects(openInstance(config, options), /not the one of this database/)
  })
})
