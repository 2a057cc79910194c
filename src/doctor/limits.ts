/** What nodes share their limits in. */

import { isLoopback } from '../config/loopback.ts'
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
