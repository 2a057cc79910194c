/** [V8.3.3] What a token of two spends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Body, scene } from '../../../test/exchange.ts'
import { tokensOf } from '../../../test/tokens.ts'

test('what is done for a user by his token spends his key’s budget, too [V8.3.3]', async (t) => {
  const { locket, bot, alice, exchange } = await scene(t)
  const bounded = async (principalId: string, operationsPerDay: number): Promise<string> => {
    const body = { principalId, operationsPerDay }
    return (await locket.call('POST', '/v1/api-keys', { body })).body.key
  }
  const token = async (his: string, its: string): Promise<string> => {
    const subjectToken = (await tokensOf(locket, his)).accessToken
    return (await exchange({ user: 'user:alice', subjectToken }, its)).body.accessToken
  }
  const allowed = async (key: string): Promise<number> => {
    let count = 0
    while ((await locket.call('GET', '/v1/whoami', { key })).status === 200) count += 1
    return count
  }
  const [his, its] = [await bounded(alice.id, 6), await bounded(bot.id, 100)]
  const text = await token(his, its)
  assert.equal(await allowed(text), 5, 'one was spent to get the token')
  assert.equal(
    (await locket.call('GET', '/v1/whoami', { key: text })).body.code,
    'budget_exhausted',
  )
  assert.equal(await allowed(his), 0)
  const { items } = (await locket.call('GET', `/v1/api-keys?principalId=${bot.id}`)).body
  const used = items.map(({ usedToday }: Body) => usedToday?.operations ?? null)
  assert.ok(used.includes(1 + 5), 'what was refused by the one was not taken from the other')
  assert.equal(
    await allowed(await token(await bounded(alice.id, 100), await bounded(bot.id, 4))),
    3,
  )
})
