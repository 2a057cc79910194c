/** What doctor says of limits: what the settings change, and where nodes share them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { assertFound, finding } from '../../test/doctor.ts'
import { freePort } from '../../test/free-port.ts'
import { redisTarget, withRedis } from '../../test/redis.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'

function place(t: TestContext): { directory: string } {
  return { directory: join(temporaryDirectory(t), 'data') }
}

test('budgets that are changed are named, and what is loosened against guessing warns', async (t) => {
  const here = place(t)
  const look = (limits: string) =>
    finding(here, 'rate-limits', { flags: { 'rate-limits': limits } })
  assertFound(await finding(here, 'rate-limits'), 'pass', /^as by default$/)
  assertFound(await look('read.credential=200000/10'), 'pass', /^as by default$/)
  assertFound(await look('read.credential=900000/10'), 'pass', /^changed: read\.credential$/)
  assertFound(await look('sign-in.address=30/60/10'), 'pass', /^changed: sign-in\.address$/)
  assertFound(await look('sign-in.address=30/60/31'), 'warn', /^more than by default: sign-in/)
  assertFound(await look('failure.address=601/60'), 'warn', /failure\.address/)
  const flags = { 'blocked-addresses': '192.0.2.0/24,192.0.3.1' }
  assertFound(await finding(here, 'rate-limits', { flags }), 'pass', /blocked .*: 2$/)
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
