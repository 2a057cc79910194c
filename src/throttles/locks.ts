/** How much is locked now, as all nodes together count it. */
import { limits } from '../core/limits.ts'
import { type TryAxis, type TryBudgets, tryAxes } from './budgets.ts'
import { askOnce, type RedisTarget } from './redis.ts'

/** How many counters have reached their bound, by what they count. */
export type Locks = Readonly<Record<TryAxis, number>>

const page_keys = 500

/**
 * Goes through the counters of tries by a connection of its own. There are as many as addresses and
 * accounts were tried within the hour; of a flood only the first are looked at. Rejects with what went wrong.
 */
export function countLocks(target: RedisTarget, budgets: TryBudgets): Promise<Locks> {
  return askOnce(target, async (client) => {
    const locks = { pair: 0, address: 0, account: 0 }
    let seen = 0
    for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: page_keys })) {
      const values = keys.length === 0 ? [] : await client.mGet(keys)
      for (const axis of lockedAmong(keys, { values, budgets })) locks[axis] += 1
      seen += keys.length
      if (seen >= limits.locksCounted_max) break
    }
    return locks
  })
}

const prefix = 'locket:{tries}:'

interface Counted {
  readonly values: readonly (string | null)[]
  readonly budgets: TryBudgets
}

/** What each of the counters counts that has reached its bound. */
function lockedAmong(keys: readonly string[], { values, budgets }: Counted): readonly TryAxis[] {
  return keys.flatMap((key, at) => {
    const axis = tryAxes.find((one) => key.startsWith(`${prefix}${one}:`))
    return axis && Number(values[at] ?? 0) >= budgets[axis].tries ? [axis] : []
  })
}
