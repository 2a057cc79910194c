/** What nodes share their limits in. */

import { isLoopback } from '../config/loopback.ts'
import { minute_ms, second_ms } from '../core/clock.ts'
import { LocketError } from '../core/errors.ts'
import { instanceTenant } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { blockRows } from '../features/blocked-addresses/store.ts'
import {
  type Budget,
  partsOf,
  rateBudgets,
  rateNames,
  type TryAxis,
  tryAxes,
  tryBudgets,
} from '../throttles/budgets.ts'
import { countLocks, type Locks } from '../throttles/locks.ts'
import { askRedis, type RedisTarget, reasonOf } from '../throttles/redis.ts'
import type { Check } from './check.ts'
import { pass, unknown, unsafe, warn } from './finding.ts'
import { inTenant } from './tenants.ts'

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
const strict: readonly string[] = [
  'sign-in',
  'token',
  'invitation',
  'reset',
  'email',
  'mail',
  'failure',
]

export const rateLimits: Check = {
  id: 'rate-limits',
  about: 'Which budgets the settings change, and those that stand before what can be guessed.',
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
    const shown = guarding.map((name) => `${name}=${written(config.rateBudgets[name])}`)
    return pass(`${budgets} (${shown.join(', ')})`)
  },
}

export const blockedAddresses: Check = {
  id: 'blocked-addresses',
  about:
    'How many addresses and networks are answered nothing: by the settings, and by the instance.',
  warns: 'The row of one was altered, so that it does not count.',
  fails: null,
  unknown: 'The data cannot be opened.',
  look: async (scene) => {
    const bySettings = scene.config.blockedAddresses.length
    const [data, now] = [await scene.data(), scene.clock()]
    const { alive, altered } = await inTenant(data, instanceTenant, async (instance) => {
      const rows = await blockRows(instance, { after: '', limit: limits.blockedAddresses_max })
      const checked = await Promise.all(
        rows.map((row) => instance.checked('blocked_addresses', row).catch(isAltered)),
      )
      const sound = checked.filter((row) => row !== null)
      return {
        alive: sound.filter(({ expires_at }) => expires_at === null || expires_at > now),
        altered: checked.length - sound.length,
      }
    })
    const lasting = alive.filter(({ expires_at }) => expires_at === null).length
    const saw = `${bySettings} by the settings, ${alive.length} by the instance (${lasting} without an end)`
    if (altered === 0) return pass(saw)
    return warn(`${saw}, ${altered} altered`, '`locket blocked-addresses list`, and make them anew')
  },
}

/** Only that it was altered is for this check to tell. */
function isAltered(thrown: unknown): null {
  if (thrown instanceof LocketError && thrown.code === 'integrity_failed') return null
  throw thrown
}

/** Those that stand before what can be guessed; `locket config limits` shows all. */
const guarding = rateNames.filter((name) => {
  const [group, axis] = partsOf(name)
  return axis === 'address' && strict.includes(group)
})

/** As in the setting: requests, seconds, and how many at once where that is another number. */
function written({ requests, window_ms, burst }: Budget): string {
  const rate = `${requests}/${window_ms / second_ms}`
  return burst === requests ? rate : `${rate}/${burst}`
}

export const lockouts: Check = {
  id: 'lockouts',
  about: 'How often a sign-in may be tried, and what is locked now, where nodes share that.',
  warns: 'Accounts as a whole are locked: somebody tries them from many addresses.',
  fails: null,
  unknown: 'The place that nodes share cannot be asked.',
  look: async ({ config }) => {
    const rules = tryAxes.map((axis) => {
      const { tries, window_ms, lock_ms } = tryBudgets[axis]
      return `${tries} by ${places[axis]} in ${minutes(window_ms)}, then ${minutes(lock_ms)}`
    })
    const bound = `tries to sign in: ${rules.join('; ')}`
    if (config.redis === null) return pass(`${bound}; what is locked now the server alone knows`)
    const locked = await locksOf(config.redis)
    if (locked === null) return unknown(bound, 'see shared-limits')
    const shown = tryAxes.map((axis) => `${locked[axis]} by ${places[axis]}`)
    const saw = `${bound}; locked now: ${shown.join(', ')}`
    if (locked.account === 0) return pass(saw)
    return warn(
      saw,
      '`locket audit list --action sign-in.created --outcome denied` says from where',
    )
  },
}

const places: Readonly<Record<TryAxis, string>> = {
  pair: 'account and address',
  address: 'address',
  account: 'account',
}

function minutes(time_ms: number): string {
  return `${time_ms / minute_ms} min`
}

/** Null when it cannot be asked. */
async function locksOf(redis: RedisTarget): Promise<Locks | null> {
  try {
    return await countLocks(redis, tryBudgets)
  } catch (thrown) {
    // Why it cannot be asked is what `shared-limits` tells.
    if (thrown instanceof Error) return null
    throw thrown
  }
}

function isSame(one: Budget, other: Budget): boolean {
  const { requests, window_ms, burst } = one
  return requests === other.requests && window_ms === other.window_ms && burst === other.burst
}
