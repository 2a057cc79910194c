/**
 * Lets nodes know of each other's calls. A call is decided by what its own node knows, at once; four times a
 * second a node says what it has let through, and is told what all have. So no request waits for another
 * machine, and together they let through more than one would by what comes in a quarter of a second.
 */
import type { Clock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import type { Taking, Witness } from './buckets.ts'
import type { Names } from './names.ts'
import { type SharedCounters, Unreachable } from './redis.ts'

/**
 * For each key: the interval, what was taken, and the longest that it can take to fill up. Answers, in
 * milliseconds, when each is full again; the time is Redis's own, so that the clocks of nodes need not
 * agree. What stands there and is no such time was not written by us: it is replaced, and answered by ''.
 */
const script = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local filling = {}
for i, key in ipairs(KEYS) do
  local held = redis.pcall('GET', key)
  local before = held == false and 0
  if type(held) == 'string' and string.match(held, '^[%d.]+$') then before = tonumber(held) end
  local isOurs = before and before - now <= tonumber(ARGV[i * 3])
  local full = math.max(isOurs and before or 0, now) + ARGV[i * 3 - 2] * ARGV[i * 3 - 1]
  redis.call('SET', key, string.format('%.3f', full), 'PX', math.ceil(full - now))
  filling[i] = isOurs and string.format('%.3f', full - now) or ''
end
return filling
`

export interface SharedBuckets extends Witness {
  close(): void
}

interface Sharing {
  readonly shared: SharedCounters
  readonly names: Names
  readonly clock: Clock
  readonly log: Log
}

export function shareBuckets(sharing: Sharing): SharedBuckets {
  let waiting: Taking[] = []
  let timer: NodeJS.Timeout | null = null
  let closed = false

  const schedule = (): void => {
    if (timer !== null || closed || waiting.length === 0) return
    timer = setTimeout(tellAndGoOn, limits.sharedTell_interval_ms)
    timer.unref()
  }
  const tellAndGoOn = async (): Promise<void> => {
    const told = waiting.splice(0, limits.sharedTell_max)
    const isTold = await tell(sharing, told)
    // What could not be told, and what was taken meanwhile, is told the next time.
    const again = isTold ? told.filter(({ bucket }) => bucket.untold > 0) : told
    waiting = [...again, ...waiting]
    for (const { bucket } of waiting.splice(limits.sharedWaiting_max)) bucket.untold = 0
    timer = null
    schedule()
  }
  return {
    took: (told) => {
      if (waiting.length >= limits.sharedWaiting_max) {
        told.bucket.untold = 0
        return
      }
      waiting.push(told)
      schedule()
    },
    close: () => {
      closed = true
      if (timer !== null) clearTimeout(timer)
    },
  }
}

/** False when nobody could be told. */
async function tell(sharing: Sharing, told: readonly Taking[]): Promise<boolean> {
  const { shared, names, clock, log } = sharing
  const taken = told.map(({ bucket }) => bucket.untold)
  const keys = told.map(({ buckets, name }) => {
    return `locket:{rates}:${names.counter(buckets.name, name)}`
  })
  const args = told.flatMap(({ buckets }, at) => [
    buckets.interval_ms,
    taken[at] ?? 0,
    buckets.filling_ms_max,
  ])
  let answer: unknown
  try {
    answer = await shared.run(script, keys, args)
  } catch (thrown) {
    if (thrown instanceof Unreachable) return false
    throw thrown
  }
  const filling = Array.isArray(answer) ? answer.map(fillingOf) : []
  for (const [at, { buckets, bucket }] of told.entries()) {
    bucket.untold -= taken[at] ?? 0
    const filling_ms = filling[at] ?? null
    if (filling_ms !== null) buckets.learn(bucket, filling_ms, clock())
    else
      log.warn(
        { budget: buckets.name },
        'a shared limit held nonsense: this node counts for itself',
      )
  }
  return true
}

/** Null for what is no time that a bucket takes to fill up: of that nothing can be learned. */
function fillingOf(answered: unknown): number | null {
  if (typeof answered !== 'string' || answered === '') return null
  const filling_ms = Number(answered)
  return Number.isFinite(filling_ms) && filling_ms >= 0 ? filling_ms : null
}
