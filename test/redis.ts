/** The Redis that tests are given; without one, what needs it is skipped, and says so. */
import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { createLog } from '../src/core/log.ts'
import { dataKey } from '../src/crypto/data-key.ts'
import { createNames, type Names } from '../src/throttles/names.ts'
import { openRedis, type RedisTarget, type SharedCounters } from '../src/throttles/redis.ts'
import { eventually } from './eventually.ts'
import { openProxy, type TcpProxy } from './tcp-proxy.ts'

const given = process.env['LOCKET_TEST_REDIS_URL']

/** Options of a test that needs Redis. */
export const withRedis = {
  skip: given === undefined ? 'needs Redis: LOCKET_TEST_REDIS_URL is not set' : false,
} as const

export function redisTarget(url = given): RedisTarget {
  if (url === undefined) throw new Error('LOCKET_TEST_REDIS_URL is not set.')
  return { url, password: null, caFile: null }
}

/** The same through a proxy that can be cut. */
export async function redisBehindProxy(
  t: TestContext,
): Promise<{ target: RedisTarget; proxy: TcpProxy }> {
  const url = new URL(redisTarget().url)
  const proxy = await openProxy({ host: url.hostname, port: Number(url.port) })
  t.after(() => proxy.close())
  url.port = String(proxy.port)
  return { target: redisTarget(url.href), proxy }
}

/** Names that no other test counts by. */
export function freshNames(): Names {
  return createNames(dataKey(randomBytes(32), 1))
}

/** Connected, and closed with the test. */
export async function openCounters(
  t: TestContext,
  target = redisTarget(),
): Promise<SharedCounters> {
  const counters = openRedis(target, createLog('silent'))
  t.after(() => counters.close())
  await reached(counters)
  return counters
}

/** Waits until it answers; fails after some seconds. */
export async function reached(counters: SharedCounters): Promise<void> {
  await eventually(() => counters.run('return 1', [], []))
}
