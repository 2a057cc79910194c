/** An agent, and users for whom it may act by a token that was exchanged. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { systemClock } from '../src/core/clock.ts'
import { type Locket, openLocket, type Person, type Reply } from './harness.ts'
import { tokensOf } from './tokens.ts'

export type Body = Reply['body']

export interface Scene {
  readonly locket: Locket
  readonly bot: Person
  readonly alice: Person
  readonly bob: Person
  exchange(body: object, key?: string): Promise<Reply>
  /** The token itself; Alice has shown one of hers, or the agent may act for her without. */
  token(isPresent: boolean): Promise<string>
  allow(...users: readonly Person[]): Promise<void>
  pass(ms: number): void
}

export async function scene(t: TestContext): Promise<Scene> {
  let ahead_ms = 0
  const locket = await openLocket(t, { clock: () => systemClock() + ahead_ms })
  const bot = await locket.person('agent:bot', { role: 'service' })
  const alice = await locket.person('user:alice')
  const bob = await locket.person('user:bob')
  const exchange: Scene['exchange'] = (body, key = bot.key) =>
    locket.call('POST', '/v1/tokens/exchange', { key, body })
  const allow: Scene['allow'] = async (...users) => {
    const body = { allowedUsers: users.map(({ id }) => id) }
    assert.equal((await locket.call('PATCH', `/v1/principals/${bot.id}`, { body })).status, 200)
  }
  return {
    locket,
    bot,
    alice,
    bob,
    exchange,
    allow,
    token: async (isPresent) => {
      if (!isPresent) await allow(alice)
      const shown = isPresent && { subjectToken: (await tokensOf(locket, alice.key)).accessToken }
      const { status, body } = await exchange({ user: 'user:alice', ...shown })
      assert.equal(status, 201, JSON.stringify(body))
      return body.accessToken
    },
    pass: (ms) => {
      ahead_ms += ms
    },
  }
}
