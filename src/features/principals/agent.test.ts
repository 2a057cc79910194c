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
      for (const change of [{ description: 'x' }, { maxMemories: 1 }, { allowedUsers: [] }]) {
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
    for (const change of [{ maxMemories: 5 }, { maxMemories: null }, { allowedUsers: [] }]) {
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

describe('the users that an agent may act for', () => {
  test('are declared by id, each once, and taken back', async (t) => {
    const locket = await openLocket(t)
    const { id: alice } = await locket.person('user:alice')
    const { id: bob } = await locket.person('user:bob')
    const body = { handle: 'agent:bot', allowedUsers: [alice, bob, alice] }
    const made = (await locket.call('POST', '/v1/principals', { body })).body
    assert.deepEqual(made.allowedUsers, [alice, bob])
    const patch = async (change: object) =>
      (await locket.call('PATCH', `/v1/principals/${made.id}`, { body: change })).body
    assert.deepEqual((await patch({ description: 'x' })).allowedUsers, [alice, bob])
    assert.deepEqual((await patch({ allowedUsers: [bob] })).allowedUsers, [bob])
    assert.deepEqual((await patch({ allowedUsers: [] })).allowedUsers, [])
  })

  test('are users who are there, and not too many', async (t) => {
    const locket = await openLocket(t)
    const { id: bot } = await locket.person('agent:bot')
    const { id: alice } = await locket.person('user:alice')
    const code = async (allowedUsers: unknown) => {
      const body = { handle: 'agent:other', allowedUsers }
      const change = { body: { allowedUsers } }
      const made = (await locket.call('POST', '/v1/principals', { body })).body.code
      const changed = (await locket.call('PATCH', `/v1/principals/${bot}`, change)).body.code
      assert.equal(made, changed)
      return made
    }
    assert.equal(await code([bot]), 'invalid_input')
    assert.equal(await code(['user:alice']), 'invalid_input')
    assert.equal(await code(['usr_01ARZ3NDEKTSV4RRFFQ69G5FAV']), 'not_found')
    assert.equal(await code(Array.from({ length: 201 }, () => alice)), 'invalid_input')
    await locket.call('DELETE', `/v1/principals/${alice}`)
    assert.equal(await code([alice]), 'not_found')
  })

  test('are covered by the MAC of the row: a profile that was put there from elsewhere is none', async (t) => {
    const locket = await openLocket(t)
    const { id: alice } = await locket.person('user:alice')
    const bot = await locket.person('agent:bot')
    const change = { body: { allowedUsers: [alice] } }
    const read = 'SELECT profile FROM principals WHERE principal_id = ?'
    const [before] = await locket.sql(read, bot.id)
    await locket.call('PATCH', `/v1/principals/${bot.id}`, { body: { allowedUsers: [] } })
    await locket.call('PATCH', `/v1/principals/${bot.id}`, change)
    const put = 'UPDATE principals SET profile = ? WHERE principal_id = ?'
    await locket.sql(put, before?.['profile'] ?? null, bot.id)
    const { body } = await locket.call('GET', `/v1/principals/${bot.id}`)
    assert.equal(body.code, 'integrity_failed')
  })
})
