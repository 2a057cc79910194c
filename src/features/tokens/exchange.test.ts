/** [V8.3.3] Tokens by which an agent acts for a user: who gets one, what it may, and what ends it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Body, type Scene, scene } from '../../../test/exchange.ts'
import type { Locket, Person, Reply } from '../../../test/harness.ts'
import { decoded, serverKey, signed, tokensOf, whoIs } from '../../../test/tokens.ts'
import { minute_ms } from '../../core/clock.ts'

async function store(locket: Locket, key: string, body: object = {}): Promise<Reply> {
  return locket.call('POST', '/v1/memories', { key, body: { text: 'likes tea', ...body } })
}

for (const isPresent of [true, false]) {
  describe(isPresent ? 'with a token of the user' : 'for a user who is not there', () => {
    test('the agent acts for him, and is told so', async (t) => {
      const { locket, bot, alice, token } = await scene(t)
      const text = await token(isPresent)
      const { payload } = decoded(text)
      assert.equal(payload['sub'], alice.id)
      assert.deepEqual(payload['act'], { sub: bot.id })
      const { body: me } = await locket.call('GET', '/v1/whoami', { key: text })
      const user = { principalId: alice.id, handle: 'user:alice', userPresent: isPresent }
      assert.deepEqual([me.principalId, me.kind, me.onBehalfOf], [bot.id, 'agent', user])
      assert.deepEqual(
        me.grants.map(({ reach }: Body) => reach),
        ['own', `own of ${alice.id}`],
      )
    })

    test('what is stored is the agent’s work in the space of the user, and in no other', async (t) => {
      const { locket, bot, token } = await scene(t)
      const text = await token(isPresent)
      const { body: stored } = await store(locket, text)
      assert.deepEqual([stored.space, stored.createdBy], ['user:alice', bot.id])
      assert.equal(stored.provenance.kind, 'agent')
      for (const space of ['user:bob', 'agent:bot', 'org']) {
        assert.equal((await store(locket, bot.key, { space })).status, 201)
        assert.equal((await store(locket, text, { space })).body.code, 'not_found')
        const recall = { key: text, body: { space, query: 'tea' } }
        assert.equal((await locket.call('POST', '/v1/memories/recall', recall)).status, 404)
      }
      const { items } = (await locket.call('GET', '/v1/spaces', { key: text })).body
      assert.deepEqual(
        items.map(({ handle }: Body) => handle),
        ['user:alice'],
      )
      const recall = { key: text, body: { query: 'tea' } }
      assert.equal((await locket.call('POST', '/v1/memories/recall', recall)).body.items.length, 1)
    })

    test('both stand in the audit, of what was done and of what was refused [V16.2.1]', async (t) => {
      const { locket, bot, alice, token } = await scene(t)
      const text = await token(isPresent)
      await store(locket, text)
      await store(locket, text, { space: 'org' })
      await store(locket, bot.key, { space: 'org' })
      const path = '/v1/audit-events?action=memory.stored'
      const { items } = (await locket.call('GET', path)).body
      const user = { id: alice.id, userPresent: isPresent }
      assert.deepEqual(
        items.map(({ actor, onBehalfOf, outcome }: Body) => [actor.id, onBehalfOf, outcome]),
        [
          [bot.id, null, 'allowed'],
          [bot.id, user, 'denied'],
          [bot.id, user, 'allowed'],
        ],
      )
      assert.match(items[2].decision, /^grt_\w+\+grt_\w+$/)
      const exchanged = (await locket.call('GET', '/v1/audit-events?action=token.exchanged')).body
      const [change] = exchanged.items[0].details.changes
      assert.deepEqual([change.onBehalfOf, change.userPresent], [alice.id, isPresent])
      assert.ok(!JSON.stringify(exchanged).includes(text.slice(-20)))
    })

    test('it is short, and has no refresh token', async (t) => {
      const { locket, token, pass } = await scene(t)
      const text = await token(isPresent)
      assert.equal(await whoIs(locket, text), 'agent:bot')
      pass(11 * minute_ms)
      assert.equal(await whoIs(locket, text), 'unauthenticated')
    })

    test('it is no way to another credential', async (t) => {
      const { locket, bot, token, exchange, allow, alice, bob } = await scene(t)
      await locket.call('POST', '/v1/grants', { body: { principalId: bot.id, role: 'admin' } })
      await locket.call('POST', '/v1/grants', { body: { principalId: alice.id, role: 'admin' } })
      const { familyId } = await tokensOf(locket, bot.key)
      const key = await token(isPresent)
      await allow(alice, bob)
      const code = async (path: string, body: object) =>
        (await locket.call('POST', path, { key, body })).body.code
      assert.equal(await code('/v1/tokens', {}), 'permission_denied')
      assert.equal(await code('/v1/api-keys', {}), 'permission_denied')
      assert.equal(await code('/v1/tokens/exchange', { user: bob.id }), 'permission_denied')
      const shown = { user: alice.id, subjectToken: key }
      assert.equal((await exchange(shown)).body.code, 'invalid_input')
      // Two who may not make keys do not outrank one who may.
      assert.equal(await code('/v1/tokens/revoke', { familyId }), 'not_found')
    })
  })
}

test('who acts for a user ends none of the agent’s other tokens', async (t) => {
  const { locket, bot, token, exchange, allow, alice, bob } = await scene(t)
  const key = await token(false)
  await allow(alice, bob)
  const others = [await tokensOf(locket, bot.key), (await exchange({ user: bob.id })).body]
  for (const { familyId, accessToken } of others) {
    const call = { key, body: { familyId } }
    assert.equal((await locket.call('POST', '/v1/tokens/revoke', call)).body.code, 'not_found')
    assert.equal(await whoIs(locket, accessToken), 'agent:bot')
  }
  const all = { key, body: { principalId: bot.id } }
  assert.equal((await locket.call('POST', '/v1/tokens/revoke', all)).status, 403)
  const { family: familyId } = decoded(key).payload
  const own = { key, body: { familyId } }
  assert.equal((await locket.call('POST', '/v1/tokens/revoke', own)).body.revoked, 1)
  assert.equal(await whoIs(locket, key), 'unauthenticated')
})

interface Ending extends Scene {
  /** Of the agent's token, and of the user's own where one was shown. */
  readonly families: readonly string[]
  readonly keyOf: (person: Person) => Promise<string>
}

type End = readonly [name: string, end: (at: Ending) => Promise<unknown>]

const endsBoth: readonly End[] = [
  ['the agent is switched off', (at) => change(at, at.bot, { state: 'disabled' })],
  ['the user is disabled', (at) => change(at, at.alice, { state: 'disabled' })],
  ['the agent is deleted', (at) => at.locket.call('DELETE', `/v1/principals/${at.bot.id}`)],
  ['the user is deleted', (at) => at.locket.call('DELETE', `/v1/principals/${at.alice.id}`)],
  ['the agent’s key is revoked', async (at) => revokeKey(at, await at.keyOf(at.bot))],
  ['the agent’s tokens are revoked', (at) => revoke(at, { principalId: at.bot.id })],
  ['this very token is revoked', (at) => revoke(at, { familyId: at.families[0] })],
]

const endsOnlyPresent: readonly End[] = [
  ['the user’s tokens are revoked', (at) => revoke(at, { principalId: at.alice.id })],
  ['the user’s own token is revoked', (at) => revoke(at, { familyId: at.families[1] })],
  ['the user’s key is revoked', async (at) => revokeKey(at, await at.keyOf(at.alice))],
]

const endsOnlyAbsent: readonly End[] = [
  ['he is no longer among allowedUsers', (at) => at.allow(at.bob)],
  ['nobody is among allowedUsers', (at) => at.allow()],
]

async function change({ locket }: Scene, { id }: Person, body: object): Promise<void> {
  assert.equal((await locket.call('PATCH', `/v1/principals/${id}`, { body })).status, 200)
}

async function revoke({ locket }: Scene, body: object): Promise<void> {
  assert.ok((await locket.call('POST', '/v1/tokens/revoke', { body })).body.revoked >= 1)
}

async function revokeKey({ locket }: Scene, id: string): Promise<void> {
  assert.equal((await locket.call('DELETE', `/v1/api-keys/${id}`)).status, 200)
}

describe('it ends at the next request [V8.3.2] [V7.4.1] [V7.4.2]', () => {
  for (const isPresent of [true, false]) {
    for (const [name, end] of [...endsBoth, ...(isPresent ? endsOnlyPresent : endsOnlyAbsent)]) {
      test(`when ${name}, ${isPresent ? 'with' : 'without'} the user there`, async (t) => {
        const at = await scene(t)
        const shown = isPresent ? [await tokensOf(at.locket, at.alice.key)] : []
        if (!isPresent) await at.allow(at.alice)
        const subject = shown[0] && { subjectToken: shown[0].accessToken }
        const made = (await at.exchange({ user: at.alice.id, ...subject })).body
        assert.equal(await whoIs(at.locket, made.accessToken), 'agent:bot')
        const families = [made.familyId, shown[0]?.familyId]
        const keyOf = async (person: Person): Promise<string> =>
          (await at.locket.call('GET', '/v1/whoami', { key: person.key })).body.credentialId
        await end({ ...at, families, keyOf })
        assert.equal(await whoIs(at.locket, made.accessToken), 'unauthenticated')
      })
    }
  }

  test('but a user who has shown a token need not be among allowedUsers', async (t) => {
    const { locket, token, allow, bob } = await scene(t)
    const text = await token(true)
    await allow(bob)
    assert.equal(await whoIs(locket, text), 'agent:bot')
  })

  test('in the middle of many exchanges: of those that were given none works afterwards', async (t) => {
    const { locket, exchange, allow, alice } = await scene(t)
    await allow(alice)
    const asked = Array.from({ length: 20 }, () => exchange({ user: alice.id }))
    const [replies] = await Promise.all([Promise.all(asked), allow()])
    for (const { status, body } of replies) {
      if (status === 201) assert.equal(await whoIs(locket, body.accessToken), 'unauthenticated')
      else assert.equal(status, 404)
    }
  })
})

describe('an exchange is refused', () => {
  test('to whoever is no agent with a key', async (t) => {
    const { locket, bot, alice, bob, exchange, allow } = await scene(t)
    await allow(alice)
    const { accessToken } = await tokensOf(locket, bot.key)
    for (const key of [bob.key, alice.key, locket.admin, accessToken]) {
      const refused = await exchange({ user: alice.id }, key)
      assert.deepEqual([refused.status, refused.body.code], [403, 'permission_denied'])
    }
  })

  test('for a user who lets nobody, in the shape of one who is not there', async (t) => {
    const { locket, bot, bob, alice, exchange, allow } = await scene(t)
    await allow(alice)
    const shapes = new Set<string>()
    const users = [bob.id, 'user:bob', 'user:nobody', 'usr_01ARZ3NDEKTSV4RRFFQ69G5FAV']
    for (const user of [...users, 'agent:bot', 'service:administrator']) {
      const { status, body } = await exchange({ user })
      shapes.add(JSON.stringify([status, { ...body, requestId: '' }]))
    }
    assert.equal(shapes.size, 1)
    assert.match([...shapes][0] ?? '', /^\[404/)
    assert.equal((await exchange({ user: bot.id })).body.code, 'invalid_input')
    await change({ locket } as Scene, alice, { state: 'disabled' })
    assert.equal((await exchange({ user: alice.id })).status, 404)
  })

  test('for a token that is not this user’s own, in force, of this tenant', async (t) => {
    const at = await scene(t)
    const { locket, bot, alice, bob, exchange, allow } = at
    await allow(alice, bob)
    const of = async (key: string) => (await tokensOf(locket, key)).accessToken
    const revoked = await tokensOf(locket, alice.key)
    await revoke(at, { familyId: revoked.familyId })
    const { apiKey } = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body
    const right = await of(alice.key)
    const wrong = {
      'another user’s': await of(bob.key),
      'the agent’s own': await of(bot.key),
      'an exchanged one': (await exchange({ user: alice.id })).body.accessToken,
      'a revoked one': revoked.accessToken,
      'another tenant’s': await of(apiKey),
      // The end of a signature is often zero: the beginning is altered.
      'one that was altered': right.replace(/[^.](?=[^.]*$)/, (one) => (one === 'A' ? 'B' : 'A')),
      'an API key': alice.key,
      'a refresh token': revoked.refreshToken,
      'no token': 'x',
    }
    for (const [name, subjectToken] of Object.entries(wrong)) {
      const refused = await exchange({ user: alice.id, subjectToken })
      assert.equal(refused.body.code, 'invalid_input', name)
      assert.ok(!JSON.stringify(refused.body).includes(subjectToken), name)
    }
    assert.equal((await exchange({ user: alice.id, subjectToken: right })).status, 201)
    at.pass(11 * minute_ms)
    const late = await exchange({ user: alice.id, subjectToken: right })
    assert.equal(late.body.code, 'invalid_input')
  })
})

describe('what it may', () => {
  test('is narrowed by the scopes of either key', async (t) => {
    const { locket, bot, alice, exchange } = await scene(t)
    const keyOf = async (principalId: string, scopes: readonly string[]): Promise<string> =>
      (await locket.call('POST', '/v1/api-keys', { body: { principalId, scopes } })).body.key
    const reading = ['memory:read']
    assert.equal((await store(locket, alice.key)).status, 201)
    const some = [
      [await keyOf(bot.id, reading), alice.key],
      [bot.key, await keyOf(alice.id, reading)],
    ] as const
    for (const [agent, user] of some) {
      const { accessToken: subjectToken } = await tokensOf(locket, user)
      const made = await exchange({ user: alice.id, subjectToken }, agent)
      const key = made.body.accessToken
      assert.equal((await store(locket, key)).body.code, 'permission_denied')
      const listed = await locket.call('POST', '/v1/memories/list', { key, body: {} })
      assert.equal(listed.status, 200)
    }
  })

  test('is where both keys may be used', async (t) => {
    const { locket, alice, exchange } = await scene(t)
    const body = { principalId: alice.id, addresses: ['127.0.0.0/8'] }
    const { key } = (await locket.call('POST', '/v1/api-keys', { body })).body
    const { accessToken: subjectToken } = await tokensOf(locket, key)
    const { accessToken } = (await exchange({ user: alice.id, subjectToken })).body
    assert.equal(await whoIs(locket, accessToken), 'agent:bot')
    assert.equal(await whoIs(locket, accessToken, '192.0.2.1'), 'unauthenticated')
  })

  test('counts for the agent’s quota', async (t) => {
    const { locket, bot, token } = await scene(t)
    const text = await token(true)
    await change({ locket } as Scene, bot, { maxMemories: 1 })
    assert.equal((await store(locket, text)).status, 201)
    assert.equal((await store(locket, text, { text: 'more' })).body.code, 'quota_exceeded')
    assert.equal((await store(locket, bot.key, { space: 'org' })).body.code, 'quota_exceeded')
  })

  test('an answer that was kept for one user is not given to the agent for another', async (t) => {
    const { locket, exchange, allow, alice, bob, bot } = await scene(t)
    await allow(alice, bob)
    const headers = { 'Idempotency-Key': 'same' }
    const spaces: string[] = []
    for (const { id: user } of [alice, bob]) {
      const { accessToken: key } = (await exchange({ user })).body
      const call = { key, headers, body: { text: 'likes tea' } }
      spaces.push((await locket.call('POST', '/v1/memories', call)).body.space)
    }
    assert.deepEqual(spaces, ['user:alice', 'user:bob'])
    const own = { key: bot.key, headers, body: { text: 'likes tea' } }
    assert.equal((await locket.call('POST', '/v1/memories', own)).body.code, 'space_required')
  })

  test('is explained as what both may', async (t) => {
    const { locket, token } = await scene(t)
    const key = await token(true)
    const explain = async (resource: string) => {
      const body = { operation: 'memories.recall', resource }
      return (await locket.call('POST', '/v1/authorize', { key, body })).body
    }
    assert.equal((await explain('user:alice')).allowed, true)
    assert.equal((await explain('user:bob')).allowed, false)
    assert.equal((await explain('org')).reason, 'not_visible')
  })
})

test('claims that do not fit the family are refused, even signed by ourselves [V9.2.1]', async (t) => {
  const { locket, bot, alice, bob, token } = await scene(t)
  const [sign, text] = [await serverKey(locket), await token(false)]
  const own = (await tokensOf(locket, bot.key)).accessToken
  const { header, payload } = decoded(text)
  assert.equal(await whoIs(locket, signed(sign, header, payload)), 'agent:bot')
  const { act: _, ...itself } = payload
  const wrong = [
    { ...payload, sub: bob.id },
    { ...payload, sub: bot.id },
    { ...payload, act: { sub: alice.id } },
    { ...payload, act: { sub: bot.id, act: { sub: bot.id } } },
    { ...itself, sub: bot.id },
    itself,
    { ...decoded(own).payload, sub: alice.id, act: { sub: bot.id } },
  ]
  for (const claims of wrong) {
    assert.equal(await whoIs(locket, signed(sign, header, claims)), 'unauthenticated')
  }
})
