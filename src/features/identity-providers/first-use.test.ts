import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFederation } from '../../../test/identity-provider.ts'
import { per, rateBudgets } from '../../throttles/budgets.ts'

test('who cannot be let in is refused for the price of a few writes, and no more [V6.3.1]', async (t) => {
  const strict = { ...rateBudgets, 'write.address': per(60_000, 3) }
  const made = await openFederation(t, {}, { rateBudgets: strict })
  const { locket, forge } = made
  // A handle that is taken is never taken over: bob's token is right, and lets nobody in.
  await locket.call('POST', '/v1/principals', { body: { handle: 'user:corp.bob' } })
  const ask = async (sub: string, address: string): Promise<number> => {
    const key = forge({ claims: { sub, jti: `${Math.random()}` } })
    return (await locket.call('GET', '/v1/whoami', { key, address })).status
  }
  assert.equal(await ask('alice', '192.0.2.9'), 200)
  const statuses: number[] = []
  for (let at = 0; at < 5; at += 1) statuses.push(await ask('bob', '192.0.2.1'))
  assert.deepEqual(statuses, [401, 401, 401, 429, 429])
  assert.equal(await ask('alice', '192.0.2.1'), 200, 'who is known is not counted')
  assert.equal(await ask('bob', '192.0.2.2'), 401, 'nor is another address')
})
