/** [V15.4.2] People, sign-ins and tokens: what is asked for a hundred times at once is done once. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { totpStep_ms } from '../src/crypto/totp.ts'
import { onlyOn } from './engine.ts'
import { type Locket, openLocket, type Reply } from './harness.ts'
import { addNode, type Node } from './node.ts'
import {
  type Browser,
  browserOf,
  enrol,
  knock,
  password,
  person,
  prove,
  signIn,
  status,
  timed,
  totpProof,
  unlimited,
} from './signed-in.ts'
import { tokensOf, whoIs } from './tokens.ts'

const open = (t: TestContext): Promise<Locket> => openLocket(t, { rateBudgets: unlimited })

/** All at once: none is awaited before the last was sent. */
function together(count: number, call: (at: number) => Promise<Reply>): Promise<Reply[]> {
  return Promise.all(Array.from({ length: count }, (_, at) => call(at)))
}

function tally(replies: readonly Reply[]): Readonly<Record<string, number>> {
  const counts = Map.groupBy(replies, ({ status: one }) => String(one))
  return Object.fromEntries([...counts].map(([one, some]) => [one, some.length]))
}

const addressOf = (at: number): string => `10.1.0.${at}`

describe('a sign-in [V15.4.2]', () => {
  test('that steps up a hundred times at once has one token in the end [V7.2.4]', async (t) => {
    const locket = await open(t)
    await person(locket, 'alice')
    const browser = await signIn(locket)
    const replies = await together(100, () =>
      browser.send('POST', '/v1/sign-ins/current/confirm', { password }),
    )
    const renewed = replies.filter(({ status: one }) => one === 200)
    assert.notEqual(renewed.length, 0, JSON.stringify(tally(replies)))
    // The others were held back: by the lockout, the queue of the hashes, or a token that was dead by then.
    const odd = replies.filter(({ status: one }) => ![200, 401, 403, 429, 503].includes(one))
    assert.deepEqual(odd, [])
    const alive = await Promise.all(renewed.map((reply) => status(browserOf(locket, reply))))
    assert.equal(alive.filter((one) => one === 200).length, 1, String(alive))
    assert.equal(await status(browser), 401, 'the one before')
  })

  test('that is ended under way is over, and no use that is written down later revives it', async (t) => {
    const locket = await open(t)
    await person(locket, 'alice')
    const browser = await signIn(locket)
    const replies = await together(100, (at) =>
      at === 50 ? locket.call('DELETE', `/v1/sign-ins/${browser.id}`) : browser.get('/v1/whoami'),
    )
    assert.equal(replies[50]?.status, 200)
    assert.equal(await status(browser), 401)
    await locket.app.jobs.runAll()
    assert.equal(await status(browser), 401)
  })

  test('of somebody who is disabled meanwhile is not there, however many began before', async (t) => {
    const locket = await open(t)
    const alice = await person(locket, 'alice')
    const replies = await together(40, (at) =>
      at === 20
        ? locket.call('PATCH', `/v1/principals/${alice}`, { body: { state: 'disabled' } })
        : knock(locket, {}, { address: addressOf(at) }),
    )
    const made = replies.filter(({ status: one }) => one === 201)
    const alive = await Promise.all(made.map((reply) => status(browserOf(locket, reply))))
    assert.deepEqual(
      alive.filter((one) => one === 200),
      [],
    )
    const rows = await locket.sql("SELECT 1 AS one FROM sign_ins WHERE state = 'active'")
    assert.deepEqual(rows, [])
  })
})

describe('a second factor [V15.4.2] [V6.5.1]', () => {
  /** Everybody at once, from as many places, with as many challenges as there are. */
  async function race(locket: Locket, challenges: readonly string[], factor: object) {
    return together(100, (at) =>
      prove(
        locket,
        { challenge: challenges[at % challenges.length] ?? '', factor },
        { address: addressOf(at) },
      ),
    )
  }

  const challengeOf = async (locket: Locket, at: number): Promise<string> =>
    (await knock(locket, {}, { address: addressOf(at) })).body.challenge

  for (const places of [1, 10]) {
    test(`the code of an app, shown a hundred times at once for ${places}, signs in once`, async (t) => {
      const { locket, now, pass } = await timed(t)
      await person(locket, 'alice')
      const { seed } = await enrol(locket, await signIn(locket), { now: now() })
      pass(totpStep_ms)
      const challenges = await Promise.all(
        Array.from({ length: places }, (_, at) => challengeOf(locket, at)),
      )
      const replies = await race(locket, challenges, totpProof(seed, now()))
      assert.equal(tally(replies)['201'], 1, JSON.stringify(tally(replies)))
    })
  }

  test('a recovery code that is shown a hundred times at once signs in once', async (t) => {
    const { locket, now } = await timed(t)
    await person(locket, 'alice')
    const { browser } = await enrol(locket, await signIn(locket), { now: now() })
    const { codes } = (await browser.send('POST', '/v1/factors/recovery-codes', {})).body
    const challenges = await Promise.all(
      Array.from({ length: 10 }, (_, at) => challengeOf(locket, at)),
    )
    const factor = { kind: 'recovery-code', code: codes[0] }
    const replies = await race(locket, challenges, factor)
    assert.equal(tally(replies)['201'], 1, JSON.stringify(tally(replies)))
    const late = await prove(locket, { challenge: await challengeOf(locket, 0), factor })
    assert.notEqual(late.status, 201)
  })

  test('a hundred wrong codes at once for one challenge leave no room for a right one', async (t) => {
    const { locket, now, pass } = await timed(t)
    await person(locket, 'alice')
    const { seed } = await enrol(locket, await signIn(locket), { now: now() })
    pass(totpStep_ms)
    const challenge = await challengeOf(locket, 0)
    const right = totpProof(seed, now())
    const wrong = { kind: 'totp', code: right.code === '000000' ? '000001' : '000000' }
    const replies = await race(locket, [challenge], wrong)
    assert.equal(tally(replies)['201'], undefined)
    assert.notEqual((await prove(locket, { challenge, factor: right })).status, 201)
  })
})

describe('a family of tokens [V15.4.2]', () => {
  test('that is revoked while it is refreshed a hundred times is over', async (t) => {
    const locket = await open(t)
    const { key } = await locket.person('service:batch', { role: 'service' })
    const { familyId, refreshToken } = await tokensOf(locket, key)
    const replies = await together(101, (at) =>
      at === 50
        ? locket.call('POST', '/v1/tokens/revoke', { key, body: { familyId } })
        : locket.call('POST', '/v1/tokens/refresh', { key: null, body: { refreshToken } }),
    )
    assert.equal(replies[50]?.status, 200)
    const given = replies.flatMap(({ body }) => (body.accessToken ? [body.accessToken] : []))
    for (const token of given) assert.equal(await whoIs(locket, token), 'unauthenticated')
  })

  test('is got a hundred times at once up to the bound of its principal, and no further', async (t) => {
    const locket = await open(t)
    const { key } = await locket.person('service:batch', { role: 'service' })
    const replies = await together(150, () => locket.call('POST', '/v1/tokens', { key, body: {} }))
    const rows = await locket.sql("SELECT 1 AS one FROM token_families WHERE state = 'active'")
    assert.equal(rows.length, tally(replies)['201'])
    assert.deepEqual(
      Object.keys(tally(replies)).filter((one) => !['201', '409'].includes(one)),
      [],
    )
  })
})

test('a reset that is spent a hundred times at once sets one password [V6.4.1] [V15.4.2]', async (t) => {
  const locket = await open(t)
  const principalId = await person(locket, 'alice')
  const { token } = (await locket.call('POST', '/v1/password-resets', { body: { principalId } }))
    .body
  const wordAt = (at: number): string => `${password} number ${at}`
  const replies = await together(100, (at) =>
    locket.call('POST', '/v1/password-resets/complete', {
      key: null,
      address: addressOf(at),
      body: { token, password: wordAt(at) },
    }),
  )
  const won = replies.findIndex(({ status: one }) => one === 200)
  assert.equal(tally(replies)['200'], 1, JSON.stringify(tally(replies)))
  assert.equal((await knock(locket, { password: wordAt(won) })).status, 201)
  assert.equal((await knock(locket, { password: wordAt((won + 1) % 100) })).status, 401)
  assert.equal((await knock(locket, { password })).status, 401)
})

describe('two nodes [V15.4.2]', onlyOn('postgres', 'one process serves a SQLite file'), () => {
  const twoNodes = async (t: TestContext): Promise<readonly [Locket, Node]> => {
    const one = await open(t)
    return [one, await addNode(t, one)]
  }

  test('a refresh token that is shown to both a hundred times works once at most', async (t) => {
    const nodes = await twoNodes(t)
    const { refreshToken } = await tokensOf(nodes[0])
    const replies = await together(100, (at) =>
      (nodes[at % 2] as Node).call('POST', '/v1/tokens/refresh', {
        key: null,
        body: { refreshToken },
      }),
    )
    assert.equal(tally(replies)['200'], 1, JSON.stringify(tally(replies)))
    const won = replies.find(({ status: one }) => one === 200)
    for (const node of nodes) {
      assert.equal(await whoIs(node as Locket, won?.body.accessToken), 'unauthenticated')
    }
  })

  test('an invitation that is accepted at both a hundred times sets one password', async (t) => {
    const nodes = await twoNodes(t)
    const body = { handle: 'user:alice' }
    const { token } = (await nodes[0].call('POST', '/v1/invitations', { body })).body
    const replies = await together(100, (at) =>
      (nodes[at % 2] as Node).call('POST', '/v1/invitations/accept', {
        key: null,
        body: { token, password: `${password} number ${at}` },
      }),
    )
    assert.equal(tally(replies)['200'], 1, JSON.stringify(tally(replies)))
  })

  test('a sign-in that one ends is over on the other at the next request', async (t) => {
    const [one, two] = await twoNodes(t)
    await person(one, 'alice')
    const browser: Browser = await signIn(one)
    const headers = { Cookie: browser.cookie }
    const there = async () => (await two.call('GET', '/v1/whoami', { key: null, headers })).status
    assert.equal(await there(), 200)
    await one.call('DELETE', `/v1/sign-ins/${browser.id}`)
    assert.equal(await there(), 401)
  })
})
