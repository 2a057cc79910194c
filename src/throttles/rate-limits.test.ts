import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openLocket } from '../../test/harness.ts'
import { names, standing } from '../../test/throttles.ts'
import type { Clock } from '../core/clock.ts'
import { LocketError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { Buckets } from './buckets.ts'
import { per, type RateBudgets, rateBudgets, type rateNames } from './budgets.ts'
import { createRateLimits, type RateLimits } from './rate-limits.ts'

const strict = {
  ...rateBudgets,
  'read.credential': per(60_000, 3),
  'read.principal': per(60_000, 4),
  'read.tenant': per(60_000, 5),
  'write.credential': per(60_000, 2),
  'sign-in.address': per(60_000, 2),
  'failure.address': per(60_000, 1),
  'reset.account': per(60_000, 2),
}
const caller = { credentialId: 'key_1', principalId: 'usr_1', tenant: 'ten_1' }
const limited = (thrown: unknown): boolean =>
  thrown instanceof LocketError && thrown.code === 'too_many_requests'

function limitsOf(budgets: RateBudgets, clock?: Clock): RateLimits {
  return createRateLimits({ names, budgets, ...(clock && { clock }) })
}

describe('a call', () => {
  test('is counted by class, for its credential', () => {
    const { spend, fail } = limitsOf(strict)
    for (let at = 0; at < 3; at += 1) spend('read', caller)
    for (let at = 0; at < 2; at += 1) spend('write', caller)
    assert.throws(() => spend('read', caller), limited)
    assert.throws(() => spend('write', caller), limited)
    spend('admin', caller)
    spend('write', { ...caller, credentialId: 'key_2' })
    fail('key_1')
    assert.throws(() => fail('key_1'), limited)
  })

  test('is counted for its principal and its tenant, whichever credential they use', () => {
    const { spend } = limitsOf(strict)
    const of = (key: number, user: number) => ({
      ...caller,
      credentialId: `key_${key}`,
      principalId: `usr_${user}`,
    })
    for (let at = 0; at < 4; at += 1) spend('read', of(at, 1))
    assert.throws(() => spend('read', of(9, 1)), limited, 'the fifth of one principal')
    spend('read', of(5, 2))
    assert.throws(() => spend('read', of(6, 3)), limited, 'the sixth of the tenant')
    spend('read', { ...of(7, 4), tenant: 'ten_2' })
  })

  test('that one budget refuses is taken from none of the others', () => {
    const { clock, pass } = standing()
    const { spend } = limitsOf(strict, clock)
    for (let at = 0; at < 3; at += 1) spend('read', caller)
    for (let at = 0; at < 50; at += 1) assert.throws(() => spend('read', caller), limited)
    spend('read', { ...caller, credentialId: 'key_2' })
    pass(60_000)
    assert.equal(spend('read', caller).remaining, 2)
  })

  test('that nobody is known for is counted by address, IPv6 by network', () => {
    const { knock, fail } = limitsOf(strict)
    knock('sign-in', '2001:db8:1:2::1')
    knock('sign-in', '2001:db8:1:2:ffff::9')
    assert.throws(() => knock('sign-in', '2001:db8:1:2::2'), limited)
    knock('sign-in', '2001:db8:1:3::1')
    knock('token', '2001:db8:1:2::1')
    fail('192.0.2.1')
    assert.throws(() => fail('192.0.2.1'), limited)
    fail('192.0.2.2')
    for (const name of ['__proto__', 'constructor', 'toString', '']) fail(name)
  })

  test('for a letter is counted for whom it goes to, however his name is written', () => {
    const { spendFor } = limitsOf(strict)
    const to = (login: string) => ({ tenant: 'acme', login })
    spendFor('reset', to('alice@example.com'))
    spendFor('reset', to('Alice@Example.com '))
    assert.throws(() => spendFor('reset', to('ALICE@example.com')), limited)
    spendFor('reset', to('bob@example.com'))
    spendFor('reset', { tenant: 'other', login: 'alice@example.com' })
    spendFor('invitation', to('alice@example.com'))
  })

  test('is told what is left to its credential, and never of others', () => {
    const { clock, pass } = standing()
    const { spend } = limitsOf(strict, clock)
    assert.deepEqual(spend('read', caller), {
      name: 'read',
      requests: 3,
      window_s: 60,
      remaining: 2,
      reset_s: 20,
    })
    pass(19_500)
    assert.deepEqual([spend('read', caller).remaining, spend('read', caller).remaining], [1, 0])
    const refusal = (key: string): LocketError | null => {
      try {
        spend('read', { ...caller, credentialId: key })
        return null
      } catch (thrown) {
        return thrown as LocketError
      }
    }
    assert.equal(refusal('key_1')?.rate?.remaining, 0)
    // Just after 19.5 s the first of three has come back but for half a second.
    assert.equal(refusal('key_1')?.retryAfter_s, 1)
    assert.deepEqual([refusal('key_2'), refusal('key_3')], [null, null])
    const others = refusal('key_4')
    assert.deepEqual([others?.code, others?.rate], ['too_many_requests', undefined])
  })
})

describe('a bucket', () => {
  test('never lets more through than its burst and what came in since', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 200 })
    const budget = fc.record({
      requests: fc.integer({ min: 1, max: 50 }),
      burst: fc.integer({ min: 1, max: 50 }),
    })
    fc.assert(
      fc.property(steps, budget, (waits, { requests, burst }) => {
        const { clock, pass } = standing()
        const buckets = new Buckets('failure.address', per(10_000, requests, burst))
        const taken: number[] = []
        for (const wait of waits) {
          pass(wait)
          const bucket = buckets.of('a')
          const wait_ms = buckets.wait_ms(bucket, clock())
          if (wait_ms === 0) {
            buckets.take('a', bucket, clock())
            taken.push(clock())
          } else {
            assert.ok(wait_ms <= 10_000 / requests + 1, 'one is back within its interval')
          }
        }
        for (const [at, from] of taken.entries()) {
          for (const [more, to] of taken.slice(at).entries()) {
            assert.ok(more + 1 <= burst + ((to - from) * requests) / 10_000 + 0.001)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  test('holds exactly its burst, however large', () => {
    const { clock } = standing()
    const { spend } = limitsOf(rateBudgets, clock)
    for (let at = 0; at < 200_000; at += 1) spend('read', caller)
    assert.throws(() => spend('read', caller), limited)
  })

  test('is forgotten only when many others are wanted, those first that are full', () => {
    const { clock, pass } = standing()
    const buckets = new Buckets('failure.address', per(1_000, 1))
    const take = (name: string): void => buckets.take(name, buckets.of(name), clock())
    take('full again')
    pass(1_000)
    take('in use')
    for (let at = 2; at < limits.throttled_max; at += 1) take(`other ${at}`)
    assert.equal(buckets.size, limits.throttled_max)
    take('one more')
    assert.equal(buckets.size, limits.throttled_max)
    assert.ok(buckets.wait_ms(buckets.of('in use'), clock()) > 0)
    assert.equal(buckets.wait_ms(buckets.of('full again'), clock()), 0)
    take('and another')
    assert.equal(buckets.wait_ms(buckets.of('in use'), clock()), 0, 'the oldest of all')
  })
})

test('what people sign in with is held shorter than what programs call', () => {
  const perHour = (name: (typeof rateNames)[number]): number =>
    (rateBudgets[name].requests * 3_600_000) / rateBudgets[name].window_ms
  for (const strictClass of ['sign-in', 'invitation', 'reset'] as const) {
    assert.ok(perHour(`${strictClass}.address`) <= 3_600)
    assert.ok(perHour(`${strictClass}.principal`) <= 1_800)
  }
  // What one node can do, several times over: the default refuses no agent.
  assert.ok(perHour('read.credential') / 3_600 > 10 * 1_700)
})

describe('over HTTP', () => {
  test('every answer says what is left, and a refusal when to come again', async (t) => {
    const locket = await openLocket(t, { rateBudgets: strict })
    const alice = await locket.person('user:alice')
    const call = (key: string | null) => locket.call('GET', '/v1/whoami', { key })
    for (const left of [2, 1, 0]) {
      const { status, headers } = await call(alice.key)
      assert.equal(status, 200)
      assert.equal(headers.get('ratelimit-policy'), '"read";q=3;w=60')
      assert.match(headers.get('ratelimit') ?? '', new RegExp(`^"read";r=${left};t=\\d+$`))
    }
    const refused = await call(alice.key)
    assert.equal(refused.body.code, 'too_many_requests')
    assert.match(refused.headers.get('retry-after') ?? '', /^([1-9]|1\d|20)$/)
    assert.match(refused.headers.get('ratelimit') ?? '', /^"read";r=0;t=(59|60)$/)
    assert.equal((await call(locket.admin)).status, 200, 'others are not affected')
    assert.equal((await call(null)).headers.get('ratelimit'), null, 'nobody has no budget')
    const path = `/v1/audit-events?actor=${alice.id}&outcome=denied`
    const { body } = await locket.call('GET', path)
    assert.deepEqual(
      body.items.map((event: { code: string }) => event.code),
      ['too_many_requests'],
    )
  })

  test('a clock that is set opens and closes nothing', async (t) => {
    let now = Date.UTC(2026, 2, 14)
    const locket = await openLocket(t, { rateBudgets: strict, clock: () => now })
    const alice = await locket.person('user:alice')
    const call = async () => (await locket.call('GET', '/v1/whoami', { key: alice.key })).status
    const account = { tenant: 'acme', login: 'alice' }
    const attempt = async () =>
      (await locket.app.pipeline.services.lockout.attempt(account, '192.0.2.1')).allowed
    for (let at = 0; at < 3; at += 1) await call()
    for (let at = 0; at < 9; at += 1) await attempt()
    for (const jump_ms of [3 * 86_400_000, -6 * 86_400_000]) {
      now += jump_ms
      assert.equal(await call(), 429)
      assert.equal((await locket.call('GET', '/v1/whoami')).status, 200)
    }
    assert.deepEqual([await attempt(), await attempt()], [true, false])
    now += 86_400_000
    assert.equal(await attempt(), false)
  })
})
