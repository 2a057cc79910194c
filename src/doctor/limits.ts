/** What nodes share their limits in. */

import { isLoopback } from '../config/loopback.ts'
import { type Budget, partsOf, rateBudgets, rateNames } from '../throttles/budgets.ts'
import { askRedis, reasonOf } from '../throttles/redis.ts'
import type { Check } from './check.ts'
import { pass, unsafe, warn } from './finding.ts'

export const sharedLimits: Check = {
  id: 'shared-limits',
  about: 'Whether nodes count calls and tries to sign in together, and the place for that answers.',
  warns: 'It cannot be reached, so each node counts for itself; or by plain text (development).',
  fails: 'By plain text to another machine, in production.',
  unknown: null,
  look: async ({ config }) => {
    const { redis, database } = config
    if (redis === null) {
      const alone = database === null ? 'one node, in memory' : 'each node counts for itself'
      return pass(`${alone}: no redis-url is set`)
    }
    const { host, hostname, protocol } = new URL(redis.url)
    if (protocol === 'redis:' && !isLoopback(hostname)) {
      return unsafe(config, `${host} is reached in plain text`, 'use rediss, and redis-ca')
    }
    try {
      const server = await askRedis(redis)
      return pass(`${server} at ${host}`)
    } catch (thrown) {
      const advice = 'look at the address, the password, the certificate, and at the server'
      return warn(`${host}: ${reasonOf(thrown)}; each node counts for itself`, advice)
    }
  },
}

/** What can be used to guess. */
const strict: readonly string[] = ['sign-in', 'token', 'invitation', 'reset', 'failure']

export const rateLimits: Check = {
  id: 'rate-limits',
  about: 'Which budgets the settings change, and what is not answered at all.',
  warns: 'What can be used to guess may be tried more often than by default.',
  fails: null,
  unknown: null,
  look: ({ config }) => {
    const perSecond = ({ requests, window_ms }: Budget): number => requests / window_ms
    const changed = rateNames.filter((name) => !isSame(config.rateBudgets[name], rateBudgets[name]))
    const loose = changed.filter((name) => {
      const [given, usual] = [config.rateBudgets[name], rateBudgets[name]]
      const isMore = perSecond(given) > perSecond(usual) || given.burst > usual.burst
      return isMore && strict.includes(partsOf(name)[0])
    })
    if (loose.length > 0) {
      return warn(`more than by default: ${loose.join(', ')}`, 'take them out of rate-limits')
    }
    const budgets = changed.length === 0 ? 'as by default' : `changed: ${changed.join(', ')}`
    const blocked = config.blockedAddresses.length
    return pass(blocked === 0 ? budgets : `${budgets}; blocked addresses and networks: ${blocked}`)
  },
}

function isSame(one: Budget, other: Budget): boolean {
  const { requests, window_ms, burst } = one
  return requests === other.requests && window_ms === other.window_ms && burst === other.burst
}
