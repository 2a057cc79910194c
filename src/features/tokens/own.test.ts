/** Which tokens somebody sees and ends: his own, those he manages; of a narrowed key, what it got itself. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import { browserOf, knock, person } from '../../../test/signed-in.ts'
import { refresh, tokensOf, whoIs } from '../../../test/tokens.ts'
import { minute_ms, systemClock } from '../../core/clock.ts'
import { newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { insertFamily } from './store.ts'

type Body = Reply['body']

interface Scene {
  readonly locket: Locket
  readonly alice: string
  /** A key of hers that may do all that she may, and one that was narrowed. */
  readonly whole: Body
  readonly narrow: Body
  pass(ms: number): void
}

async function scene(t: TestContext): Promise<Scene> {
  let ahead_ms = 0
  const locket = await openLocket(t, { clock: () => systemClock() + ahead_ms })
  const { id: alice } = await locket.person('user:alice')
  const key = async (body: object): Promise<Body> =>
    (await locket.call('POST', '/v1/api-keys', { body: { principalId: alice, ...body } })).body
  return {
    locket,
    alice,
    whole: await key({}),
    narrow: await key({ scopes: ['memory:read'] }),
    pass: (ms) => {
      ahead_ms += ms
    },
  }
}

async function list(locket: Locket, key: string, query = ''): Promise<Body[]> {
  const { status, body } = await locket.call('GET', `/v1/tokens${query}`, { key })
  assert.equal(status, 200, JSON.stringify(body))
  return body.items
}

const ids = (items: readonly Body[]): string[] => items.map(({ id }) => id)

const revoke = async (locket: Locket, key: string, body: object): Promise<unknown> => {
  const reply = await locket.call('POST', '/v1/tokens/revoke', { key, body })
  return reply.body.code ?? reply.body.revoked
}

describe('tokens are listed [V7.5.2]', () => {
  test('with what they were got by, when they were renewed and when they end', async (t) => {
    const { locket, alice, whole, pass } = await scene(t)
    const made = await tokensOf(locket, whole.key)
    const [first] = await list(locket, whole.key)
    const { createdAt, renewedAt, endsAt, expiresAt, ...shown } = first
    assert.deepEqual(shown, {
      id: made.familyId,
      principalId: alice,
      credentialId: whole.id,
      onBehalfOf: null,
      refreshable: true,
    })
    assert.equal(createdAt, renewedAt)
    const life = (until: string): number => Date.parse(until) - Date.parse(createdAt)
    assert.deepEqual(
      [life(endsAt), life(expiresAt)],
      [limits.refreshToken_idle_ms, limits.refreshToken_life_ms],
    )
    pass(5 * minute_ms)
    await refresh(locket, made.refreshToken)
    const [then] = await list(locket, whole.key)
    assert.ok(Date.parse(then.renewedAt) - Date.parse(createdAt) >= 5 * minute_ms)
    const text = JSON.stringify(then)
    assert.ok(!text.includes(made.refreshToken.slice(0, 12)))
  })

  test('those in force alone: not what ended, nor what ended with its key or its sign-in', async (t) => {
    const { locket, alice, whole, narrow, pass } = await scene(t)
    await person(locket, 'carol', 'user')
    const signedIn = browserOf(locket, await knock(locket, { login: 'carol' }))
    const carols = (await signedIn.send('POST', '/v1/tokens', {})).body
    const made = [await tokensOf(locket, whole.key), await tokensOf(locket, whole.key)]
    const narrowed = await tokensOf(locket, narrow.key)
    const short = await tokensOf(locket, whole.key, { refresh: false })
    const all = [...made, narrowed, short].map(({ familyId }) => familyId)
    assert.deepEqual(ids(await list(locket, whole.key)), all)
    assert.equal(await revoke(locket, whole.key, { familyId: all[0] }), 1)
    pass(limits.accessToken_life_ms)
    assert.deepEqual(ids(await list(locket, whole.key)), all.slice(1, 3))
    await locket.call('DELETE', `/v1/api-keys/${narrow.id}`)
    assert.deepEqual(ids(await list(locket, whole.key)), all.slice(1, 2))
    const ofAlice = `?principalId=${alice}`
    assert.deepEqual(ids(await list(locket, locket.admin, ofAlice)), all.slice(1, 2))
    const key = carols.accessToken
    const ofCarol = `?principalId=${(await signedIn.get('/v1/whoami')).body.principalId}`
    assert.deepEqual(ids(await list(locket, locket.admin, ofCarol)), [carols.familyId])
    await signedIn.send('DELETE', '/v1/sign-ins/current')
    assert.deepEqual(await list(locket, locket.admin, ofCarol), [])
    assert.equal(await whoIs(locket, key), 'unauthenticated')
  })

  test('of others to who manages them, page by page, and to nobody else', async (t) => {
    const { locket, alice, whole } = await scene(t)
    const mallory = await locket.person('user:mallory')
    const made: string[] = []
    for (let at = 0; at < 5; at += 1) made.push((await tokensOf(locket, whole.key)).familyId)
    const path = `/v1/tokens?principalId=${alice}`
    assert.equal((await locket.call('GET', path, { key: mallory.key })).status, 403)
    assert.deepEqual(await list(locket, mallory.key), [])
    const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body
    assert.equal((await locket.call('GET', path, { key: other.apiKey })).status, 404)
    const found: string[] = []
    let cursor = ''
    do {
      const page = (await locket.call('GET', `${path}&limit=2${cursor}`)).body
      found.push(...ids(page.items))
      cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`
    } while (cursor !== '')
    assert.deepEqual(found, made)
  })

  test('of an agent, with the user that it acts for', async (t) => {
    const { locket, alice, whole } = await scene(t)
    const bot = await locket.person('agent:bot', { role: 'service' })
    const subjectToken = (await tokensOf(locket, whole.key)).accessToken
    const exchange = (body: object) =>
      locket.call('POST', '/v1/tokens/exchange', { key: bot.key, body })
    const made = (await exchange({ user: 'user:alice', subjectToken })).body
    const own = await tokensOf(locket, bot.key)
    const [first, second] = await list(locket, bot.key)
    assert.deepEqual(
      [first.id, first.onBehalfOf, first.refreshable, second.id, second.onBehalfOf],
      [made.familyId, { principalId: alice, userPresent: true }, false, own.familyId, null],
    )
    assert.deepEqual(ids(await list(locket, made.accessToken)), [made.familyId])
  })
})

describe('a key that was narrowed [V8.2.2]', () => {
  test('sees and ends what it got itself, and nothing else of its owner', async (t) => {
    const { locket, alice, whole, narrow } = await scene(t)
    const [his, its] = [await tokensOf(locket, whole.key), await tokensOf(locket, narrow.key)]
    for (const by of [narrow.key, its.accessToken]) {
      assert.deepEqual(ids(await list(locket, by)), [its.familyId])
      assert.equal(await revoke(locket, by, { familyId: his.familyId }), 'not_found')
      assert.equal(await revoke(locket, by, { refreshToken: his.refreshToken }), 0)
    }
    assert.equal(await whoIs(locket, his.accessToken), 'user:alice')
    assert.equal(await revoke(locket, narrow.key, { principalId: alice }), 1)
    assert.equal(await whoIs(locket, its.accessToken), 'unauthenticated')
    assert.equal(await whoIs(locket, his.accessToken), 'user:alice')
    const more = await tokensOf(locket, narrow.key)
    assert.equal(await revoke(locket, whole.key, { familyId: more.familyId }), 1)
  })

  test('fills nobody’s quota but its own: its oldest end', async (t) => {
    const { locket, alice, whole, narrow } = await scene(t)
    const his = await tokensOf(locket, whole.key)
    const oldest = await tokensOf(locket, narrow.key)
    const { database, keys } = locket.instance
    const now = systemClock()
    await database.write(async (tx) => {
      const store = tenantStore(tx, keys, locket.tenant as `ten_${string}`)
      for (let at = 1; at < limits.tokenFamilies_perCredential_max; at += 1) {
        await insertFamily(store, {
          id: newId('fam', () => now),
          principal: alice as `usr_${string}`,
          credential: narrow.id,
          expiresAt_ms: now + minute_ms,
          accessHash: null,
          refresh: false,
          now,
        })
      }
    }, 'full')
    assert.equal(await whoIs(locket, oldest.accessToken), 'user:alice')
    const newest = await tokensOf(locket, narrow.key)
    assert.equal(await whoIs(locket, oldest.accessToken), 'unauthenticated')
    for (const { accessToken } of [his, newest]) {
      assert.equal(await whoIs(locket, accessToken), 'user:alice')
    }
    const path = '/v1/audit-events?action=token.created&limit=1'
    const [event] = (await locket.call('GET', path)).body.items
    const { ended } = event.details.changes[0]
    assert.deepEqual([ended.length, ended[0]], [limits.tokenFamilies_ended, oldest.familyId])
    const active = "select count(*) as n from token_families where state = 'active'"
    const left = limits.tokenFamilies_perCredential_max - limits.tokenFamilies_ended + 1
    assert.equal(Number((await locket.sql(active))[0]?.['n']), left + 1)
  })
})
