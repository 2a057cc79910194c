/** What is declared of agents, and the switch. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openLocket, type Reply } from '../../../test/harness.ts'

type Body = Reply['body']

describe('settings', () => {
  test('are declared when an agent is made or later, and taken back', async (t) => {
    const locket = await openLocket(t)
    const body = { handle: 'agent:bot', description: ' Answers mail. ', maxMemories: 10 }
    const made = (await locket.call('POST', '/v1/principals', { body })).body
    const shown = ({ description, maxMemories, memories }: Body) => {
      return { description, maxMemories, memories }
    }
    const first = { description: 'Answers mail.', maxMemories: 10, memories: 0 }
    assert.deepEqual(shown(made), first)
    const patch = async (change: object) =>
      (await locket.call('PATCH', `/v1/principals/${made.id}`, { body: change })).body
    assert.deepEqual(shown(await patch({ name: 'Bot' })), first, 'another change keeps them')
    assert.deepEqual(shown(await patch({ description: null })), { ...first, description: null })
    assert.deepEqual(shown(await patch({ maxMemories: null })), {
      description: null,
      maxMemories: null,
      memories: null,
    })
    const [listed] = (await locket.call('GET', '/v1/principals?kind=agent')).body.items
    const same = await patch({ state: 'active' })
    assert.deepEqual({ ...listed, updatedAt: same.updatedAt }, same)
  })

  test('outlive a rotation of the agent’s key and of the look-up key', async (t) => {
    const locket = await openLocket(t)
    const body = { handle: 'agent:bot', description: 'Answers mail.', maxMemories: 10 }
    const made = (await locket.call('POST', '/v1/principals', { body })).body
    for (const scope of [made.id, 'lookup']) {
      const rotated = await locket.call('POST', '/v1/encryption-keys/rotate', { body: { scope } })
      assert.equal(rotated.status, 200)
    }
    const now = (await locket.call('GET', `/v1/principals/${made.id}`)).body
    assert.deepEqual({ ...now, updatedAt: made.updatedAt }, made)
  })

  for (const handle of ['user:alice', 'service:cron']) {
    test(`are not declared of ${handle}`, async (t) => {
      const locket = await openLocket(t)
      const { id, ...made } = (await locket.call('POST', '/v1/principals', { body: { handle } }))
        .body
      assert.deepEqual([made.description, made.maxMemories, made.memories], [null, null, null])
      for (const change of [{ description: 'x' }, { maxMemories: 1 }, { maxMemories: null }]) {
        const changed = await locket.call('PATCH', `/v1/principals/${id}`, { body: change })
        assert.equal(changed.body.code, 'invalid_input')
        const other = { handle: `${handle}2`, ...change }
        const refused = await locket.call('POST', '/v1/principals', { body: other })
        assert.equal(refused.body.code, 'invalid_input')
      }
      const renamed = await locket.call('PATCH', `/v1/principals/${id}`, { body: { name: 'A' } })
      assert.equal(renamed.status, 200)
    })
  }

  test('are refused where they say nothing', async (t) => {
    const locket = await openLocket(t)
    const wrong = [{ maxMemories: -1 }, { maxMemories: 1.5 }, { maxMemories: '1' }]
    for (const change of [...wrong, { description: ' ' }, { description: 'x'.repeat(501) }]) {
      const body = { handle: 'agent:bot', ...change }
      const refused = await locket.call('POST', '/v1/principals', { body })
      assert.equal(refused.body.code, 'invalid_input', JSON.stringify(change))
    }
  })

  test('no agent declares its own, whatever it may', async (t) => {
    const locket = await openLocket(t)
    const bot = await locket.person('agent:bot', { role: 'admin' })
    const other = await locket.person('agent:other')
    const patch = async (id: string, body: object) =>
      (await locket.call('PATCH', `/v1/principals/${id}`, { key: bot.key, body })).body
    for (const change of [{ maxMemories: 5 }, { maxMemories: null }, { description: 'x' }]) {
      assert.equal((await patch(bot.id, change)).code, 'above_own_rights')
      assert.equal((await patch(other.id, change)).state, 'active')
    }
    assert.equal((await patch(bot.id, { name: 'Bot' })).name, 'Bot')
  })

  test('who may not manage agents declares nothing', async (t) => {
    const locket = await openLocket(t)
    const { id } = await locket.person('agent:bot')
    const { key } = await locket.person('user:alice')
    const call = { key, body: { maxMemories: 1 } }
    assert.equal((await locket.call('PATCH', `/v1/principals/${id}`, call)).status, 403)
  })
})

describe('the switch', () => {
  test('[V8.3.2] works in the middle of many requests: none that began later is let in', async (t) => {
    const locket = await openLocket(t)
    const bot = await locket.person('agent:bot', { role: 'service' })
    let isOff = false
    const outcomes: { began: boolean; status: number }[] = []
    const store = async (at: number): Promise<void> => {
      const began = isOff
      const body = { space: 'org', text: `text ${at}` }
      const { status } = await locket.call('POST', '/v1/memories', { key: bot.key, body })
      outcomes.push({ began, status })
    }
    const stores = Array.from({ length: 20 }, (_, at) => store(at))
    const off = locket
      .call('PATCH', `/v1/principals/${bot.id}`, { body: { state: 'disabled' } })
      .then(() => {
        isOff = true
        return Promise.all(Array.from({ length: 20 }, (_, at) => store(at + 20)))
      })
    await Promise.all([...stores, off])
    const late = outcomes.filter(({ began }) => began)
    assert.equal(late.length, 20)
    assert.deepEqual([...new Set(late.map(({ status }) => status))], [401])
    const stored = outcomes.filter(({ status }) => status === 201).length
    const rows = await locket.sql('SELECT count(*) AS n FROM memories')
    assert.equal(Number(rows[0]?.['n']), stored, 'what was refused left nothing')
    await locket.call('PATCH', `/v1/principals/${bot.id}`, { body: { state: 'active' } })
    await store(99)
    assert.equal(outcomes.at(-1)?.status, 201)
  })
})
