/** What doctor says of limits: what the settings change, and where nodes share them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { assertFound, type Examination, finding } from '../../test/doctor.ts'
import { freePort } from '../../test/free-port.ts'
import { openLocket } from '../../test/harness.ts'
import { freshNames, openCounters, redisTarget, withRedis } from '../../test/redis.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { hour_ms, minute_ms, systemClock } from '../core/clock.ts'
import { tryBudgets } from '../throttles/budgets.ts'
import { SharedTries } from '../throttles/shared-tries.ts'

function place(t: TestContext): { directory: string } {
  return { directory: join(temporaryDirectory(t), 'data') }
}

test('budgets that are changed are named, and what is loosened against guessing warns', async (t) => {
  const here = place(t)
  const look = (limits: string) =>
    finding(here, 'rate-limits', { flags: { 'rate-limits': limits } })
  const inForce = /^as by default \(.*sign-in\.address=60\/60\/30, .*failure\.address=600\/60\)$/
  assertFound(await finding(here, 'rate-limits'), 'pass', inForce)
  assertFound(await look('read.credential=200000/10'), 'pass', inForce)
  assertFound(await look('read.credential=900000/10'), 'pass', /^changed: read\.credential \(/)
  const stricter = /^changed: sign-in\.address \(.*sign-in\.address=30\/60\/10/
  assertFound(await look('sign-in.address=30/60/10'), 'pass', stricter)
  assertFound(await look('sign-in.address=30/60/31'), 'warn', /^more than by default: sign-in/)
  assertFound(await look('failure.address=601/60'), 'warn', /failure\.address/)
})

test('blocked addresses are counted, by settings and by the instance, and one that was altered warns', async (t) => {
  const made = await openLocket(t)
  const flags = { 'blocked-addresses': '192.0.2.0/24,192.0.3.1' }
  const look = () => finding(made, 'blocked-addresses', { flags })
  assertFound(await look(), 'pass', /^2 by the settings, 0 by the instance \(0 without an end\)$/)
  const soon = new Date(systemClock() + minute_ms).toISOString()
  for (const body of [{ network: '203.0.113.7' }, { network: '203.0.113.8', until: soon }]) {
    const reply = await made.call('POST', '/v1/blocked-addresses', { body })
    assert.equal(reply.status, 201, JSON.stringify(reply.body))
  }
  assertFound(await look(), 'pass', /^2 by the settings, 2 by the instance \(1 without an end\)$/)
  const later: Examination = { flags, clock: () => systemClock() + hour_ms }
  assertFound(await finding(made, 'blocked-addresses', later), 'pass', /, 1 by the instance \(1 /)
  await made.sql('update blocked_addresses set expires_at = null where expires_at is not null')
  assertFound(await look(), 'warn', /, 1 by the instance \(1 without an end\), 1 altered$/)
})

test('limits that are not shared, and a place for them that does not answer', async (t) => {
  const here = place(t)
  const look = (url: string, mode = 'development') =>
    finding(here, 'shared-limits', { flags: { 'redis-url': url, mode } })
  assertFound(await finding(here, 'shared-limits'), 'pass', /^one node, in memory/)
  const nowhere = `redis://127.0.0.1:${await freePort()}`
  assertFound(await look(nowhere), 'warn', /ECONNREFUSED; each node counts for itself/)
  assertFound(await look('redis://192.0.2.1'), 'warn', /plain text/)
  assertFound(await look('redis://192.0.2.1', 'production'), 'fail', /plain text/)
})

test('a place for shared limits that answers', withRedis, async (t) => {
  const env = { LOCKET_REDIS_URL: redisTarget().url }
  const found = await finding(place(t), 'shared-limits', { env })
  assertFound(found, 'pass', /^(Redis|Valkey) \d+\.\d+\.\d+ at 127\.0\.0\.1:\d+$/)
  assert.ok(!JSON.stringify(found).includes(new URL(env.LOCKET_REDIS_URL).password))
})

test('the bounds on tries are told, and who knows what is locked', async (t) => {
  const here = place(t)
  const bounds =
    /^tries to sign in: 50 by address in 30 min, then 30 min; 10 by account and address in 30 min/
  assertFound(await finding(here, 'lockouts'), 'pass', bounds)
  assertFound(await finding(here, 'lockouts'), 'pass', /the server alone knows$/)
  const flags = { 'redis-url': `redis://127.0.0.1:${await freePort()}` }
  assertFound(await finding(here, 'lockouts', { flags }), 'unknown', bounds)
})

test(
  'what nodes have locked together is counted, and accounts that are attacked warn',
  withRedis,
  async (t) => {
    const here = place(t)
    const tries = new SharedTries(await openCounters(t), tryBudgets)
    const names = freshNames()
    const account = { tenant: 'acme', login: 'alice' }
    const namesAt = (address: string) => ({
      pair: names.pair(account, address),
      address: names.address(address),
      account: names.account(account),
    })
    const env = { LOCKET_REDIS_URL: redisTarget().url }
    const countedNow = async () => {
      const found = await finding(here, 'lockouts', { env })
      const [, address, pair, one] =
        /locked now: (\d+) by address, (\d+) by account and address, (\d+) by account$/.exec(
          found.saw,
        ) ?? []
      return { status: found.status, counts: [pair, address, one].map(Number) }
    }
    const before = await countedNow()
    for (let i = 0; i < tryBudgets.pair.tries; i++) await tries.reserve(namesAt('192.0.2.1'))
    const [pairs = 0, addresses = 0, accounts = 0] = before.counts
    assert.deepEqual((await countedNow()).counts, [pairs + 1, addresses, accounts])
    for (let i = 0; i < tryBudgets.account.tries; i++)
      await tries.reserve(namesAt(`198.51.100.${i}`))
    assert.deepEqual(await countedNow(), {
      status: 'warn',
      counts: [pairs + 1, addresses, accounts + 1],
    })
    assert.ok(!JSON.stringify(await finding(here, 'lockouts', { env })).includes('alice'))
  },
)
