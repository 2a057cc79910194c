/** What is in Redis may have been put there by anybody who reaches it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { freshNames, openCounters, withRedis } from '../../test/redis.ts'
import { alice, home, nodeOn, spent, strict, wait } from '../../test/shared-limits.ts'
import { limits } from '../core/limits.ts'
import { createLog } from '../core/log.ts'
import { createRateLimits } from './rate-limits.ts'
import { shareBuckets } from './shared-buckets.ts'

describe('nonsense in Redis', { ...withRedis, concurrency: true }, () => {
  /** What somebody else may have put where our counters are. */
  const nonsense: readonly (readonly [name: string, script: string])[] = [
    ['no number', "redis.call('SET', KEYS[1], 'NaN', 'EX', 60)"],
    ['infinite', "redis.call('SET', KEYS[1], 'inf', 'EX', 60)"],
    ['hexadecimal', "redis.call('SET', KEYS[1], '0x7fffffffffffff', 'EX', 60)"],
    ['in a million years', "redis.call('SET', KEYS[1], '31556952000000000', 'EX', 60)"],
    ['larger than any number', "redis.call('SET', KEYS[1], string.rep('9', 400), 'EX', 60)"],
    ['negative', "redis.call('SET', KEYS[1], '-1e300', 'EX', 60)"],
    ['nothing', "redis.call('SET', KEYS[1], '', 'EX', 60)"],
    [
      'a list',
      "redis.call('DEL', KEYS[1]) redis.call('RPUSH', KEYS[1], 1) redis.call('EXPIRE', KEYS[1], 60)",
    ],
  ]

  for (const [name, script] of nonsense) {
    test(`opens nothing, and is replaced: ${name}`, async (t) => {
      const names = freshNames()
      const counters = await openCounters(t)
      const [one, other] = [nodeOn(t, counters, names), nodeOn(t, counters, names)]
      assert.equal(spent(one, 15), 15)
      await wait(2 * limits.sharedTell_interval_ms)
      const key = `locket:{rates}:${names.counter('write.credential', 'key_1')}`
      await counters.run(script, [key], [])
      assert.equal(spent(one, 1), 1)
      await wait(2 * limits.sharedTell_interval_ms)
      const more = spent(one, 20)
      assert.ok(more >= 4 && more <= 6, `closed where it was: ${more}`)
      await wait(2 * limits.sharedTell_interval_ms)
      assert.equal(spent(other, 1), 1)
      await wait(2 * limits.sharedTell_interval_ms)
      const others = spent(other, 20)
      assert.ok(others >= 13 && others <= 17, `shared again, of what was taken since: ${others}`)

      for (let at = 0; at < 9; at += 1) await one.lockout.attempt(alice, home)
      await counters.run(script, [`locket:{tries}:pair:${names.pair(alice, home)}`], [])
      assert.ok((await one.lockout.attempt(alice, home)).allowed)
      assert.ok(!(await one.lockout.attempt(alice, home)).allowed, 'by its own count')
      for (let at = 0; at < 9; at += 1) await other.lockout.attempt(alice, home)
      assert.ok(!(await other.lockout.attempt(alice, home)).allowed, 'counted for all since')
    })
  }

  test('in an answer is none, whatever it is', async () => {
    const answers: readonly unknown[] = [
      ['NaN'],
      ['Infinity'],
      ['-5'],
      ['x'],
      [null],
      [5],
      [],
      'text',
      null,
      7,
    ]
    const told: unknown[] = []
    const shared = shareBuckets({
      shared: {
        run: async () => answers[told.length % answers.length],
        close: () => undefined,
      },
      names: freshNames(),
      clock: () => performance.now(),
      log: Object.assign(createLog('silent'), { warn: (said: unknown) => void told.push(said) }),
    })
    const rateLimits = createRateLimits({ names: freshNames(), budgets: strict, shared })
    const node = { rateLimits }
    assert.equal(spent(node, 20), 20)
    for (const _ of answers) {
      spent(node, 1)
      await wait(limits.sharedTell_interval_ms / 4)
    }
    shared.close()
    assert.equal(spent(node, 1), 0)
  })
})
