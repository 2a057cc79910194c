import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../test/harness.ts'
import { failsWith } from '../../test/stores.ts'
import { LocketError } from '../core/errors.ts'
import { createRateLimits, type RateBudgets } from './rate-limits.ts'

const wide = { points: 100, duration_s: 60 }
const budgets: RateBudgets = {
  read: { points: 3, duration_s: 60 },
  write: { points: 2, duration_s: 60 },
  admin: wide,
  failure: { points: 1, duration_s: 60 },
}

test('each class has a budget of its own for each credential', async () => {
  const { spend, fail } = createRateLimits(budgets)
  for (let at = 0; at < 3; at += 1) await spend('read', 'key_1')
  for (let at = 0; at < 2; at += 1) await spend('write', 'key_1')
  const limited = failsWith('too_many_requests')
  await assert.rejects(spend('read', 'key_1'), limited)
  await assert.rejects(spend('write', 'key_1'), limited)
  await spend('read', 'key_2')
  await spend('admin', 'key_1')
  await fail('key_1')
  await assert.rejects(fail('key_1'), limited)
})

test('a refusal says when to try again, in whole seconds', async () => {
  const { fail } = createRateLimits(budgets)
  await fail('192.0.2.1')
  await assert.rejects(fail('192.0.2.1'), (error: unknown) => {
    assert.ok(error instanceof LocketError)
    const seconds = error.retryAfter_s ?? 0
    return Number.isInteger(seconds) && seconds >= 1 && seconds <= 60
  })
})

test('failures of IPv6 are counted by network, of IPv4 by address', async () => {
  const { fail } = createRateLimits(budgets)
  await fail('2001:db8:1:2::1')
  await assert.rejects(fail('2001:db8:1:2:ffff::9'), failsWith('too_many_requests'))
  await fail('2001:db8:1:3::1')
  await fail('192.0.2.1')
  await fail('192.0.2.2')
})

test('names that mean something to the language are ordinary callers', async () => {
  const { fail } = createRateLimits(budgets)
  for (const name of ['__proto__', 'constructor', 'toString', '']) await fail(name)
  await fail('192.0.2.1')
})

test('who calls too often is told so, and it is logged under his name', async (t) => {
  const locket = await openLocket(t, { rateBudgets: budgets })
  const alice = await locket.person('user:alice')
  const call = (key: string) => locket.call('GET', '/v1/whoami', { key })
  for (let at = 0; at < 3; at += 1) assert.equal((await call(alice.key)).status, 200)
  const limited = await call(alice.key)
  assert.equal(limited.body.code, 'too_many_requests')
  assert.match(limited.headers.get('retry-after') ?? '', /^\d+$/)
  assert.equal((await call(locket.admin)).status, 200, 'others are not affected')
  const path = `/v1/audit-events?actor=${alice.id}&outcome=denied`
  const { body } = await locket.call('GET', path)
  assert.deepEqual(
    body.items.map((event: { code: string }) => event.code),
    ['too_many_requests'],
  )
})
