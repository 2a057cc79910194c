/** Tries counted for all nodes together. Each script is one step in Redis, so no two come between. */
import { limits } from '../core/limits.ts'
import { type TryAxis, type TryBudgets, tryAxes } from './budgets.ts'
import { type SharedCounters, Unreachable } from './redis.ts'
import type { Remembered, Reserved, Tries, TryNames } from './tries.ts'

/** The number under a key. What is none was not written by us: it goes, and nothing was counted there. */
const countOf = `
local function countOf(key)
  local held = redis.pcall('GET', key)
  if held == false then return 0 end
  if type(held) == 'string' and #held < 10 and string.match(held, '^%d+$') then
    return tonumber(held)
  end
  redis.call('DEL', key)
  return 0
end
local function takeBack(key)
  if countOf(key) > 1 then redis.call('DECR', key) else redis.call('DEL', key) end
end
`

/** KEYS: as below. Whether the address is known to the account, and how many tries of that still count. */
const rememberedOf = `
local known = redis.call('EXISTS', KEYS[1])
local failures = countOf(KEYS[4])
if known == 1 then failures = failures + countOf(KEYS[3]) end
`

/**
 * KEYS: known, then a counter for each axis. ARGV: tries, window and lock (ms) of each. Answers the axis
 * that refuses (1..3, 0: none), its wait, whether the address is known to the account, and how many tries of
 * the account still count.
 */
const reserveScript = `${countOf}
${rememberedOf}
local refusing, longest = 0, 0
for i = 1, 3 do
  if i < 3 or known == 0 then
    local tries = countOf(KEYS[i + 1])
    if tries >= tonumber(ARGV[i * 3 - 2]) then
      local wait = math.max(1, redis.call('PTTL', KEYS[i + 1]))
      if wait > longest then refusing, longest = i, wait end
    end
  end
end
local function count(i)
  local tries = redis.call('INCR', KEYS[i + 1])
  if tries == 1 then redis.call('PEXPIRE', KEYS[i + 1], ARGV[i * 3 - 1]) end
  if tries >= tonumber(ARGV[i * 3 - 2]) then redis.call('PEXPIRE', KEYS[i + 1], ARGV[i * 3]) end
end
if refusing > 0 then
  -- As in memory: of the address all that is tried counts alike.
  if countOf(KEYS[2]) < tonumber(ARGV[1]) then count(1) end
  return { refusing, longest, known, failures }
end
for i = 1, 3 do
  if i < 3 or known == 0 then count(i) end
end
return { 0, 0, known, failures }
`

/** KEYS: as above. Answers the same two, and how many tries of the account from this address still count. */
const lookScript = `${countOf}${rememberedOf}
return { known, failures, countOf(KEYS[3]) }
`

/** KEYS: known. ARGV: for how long, ms. */
const knowScript = `redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])`

/** KEYS: known, the pair's counter, then the others that are given back. ARGV: how long known, ms. */
const giveBackScript = `${countOf}
for i = 3, #KEYS do takeBack(KEYS[i]) end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])
`

/** KEYS: the counters that are given back. */
const withdrawScript = `${countOf}
for i = 1, #KEYS do takeBack(KEYS[i]) end
`

const nothing: Reserved = { refused: null, counted: [], failures: 0 }

/** Where the shared counters cannot be asked it refuses nothing: the node's own count decides then. */
export class SharedTries implements Tries {
  readonly #shared: SharedCounters
  readonly #budgets: readonly number[]

  constructor(shared: SharedCounters, budgets: TryBudgets) {
    this.#shared = shared
    this.#budgets = tryAxes.flatMap((axis) => {
      const { tries, window_ms, lock_ms } = budgets[axis]
      return [tries, window_ms, lock_ms]
    })
  }

  async reserve(names: TryNames): Promise<Reserved> {
    const answer = await orNull(this.#shared.run(reserveScript, keysOf(names), this.#budgets))
    if (answer === null) return nothing
    const [refusing = 0, wait_ms = 0, known = 0, failures = 0] = answer as readonly number[]
    const axis = tryAxes[refusing - 1]
    if (axis) return { refused: { axis, wait_ms }, counted: [], failures }
    const counted = tryAxes.filter((one) => one !== 'account' || known === 0)
    return { refused: null, counted, failures }
  }

  async giveBack(names: TryNames, counted: readonly TryAxis[]): Promise<void> {
    const others = counted.filter((axis) => axis !== 'pair').map((axis) => keyOf(names, axis))
    const keys = [knownKey(names), keyOf(names, 'pair'), ...others]
    await orNull(this.#shared.run(giveBackScript, keys, [limits.knownAddress_life_ms]))
  }

  async withdraw(names: TryNames, counted: readonly TryAxis[]): Promise<void> {
    if (counted.length === 0) return
    const keys = counted.map((axis) => keyOf(names, axis))
    await orNull(this.#shared.run(withdrawScript, keys, []))
  }

  async look(names: TryNames): Promise<Remembered> {
    const answer = await orNull(this.#shared.run(lookScript, keysOf(names), []))
    const [known = 0, failures = 0, fromHere = 0] = (answer ?? []) as readonly number[]
    return { isKnown: known === 1, failures, fromHere }
  }

  async know(names: TryNames): Promise<void> {
    await orNull(this.#shared.run(knowScript, [knownKey(names)], [limits.knownAddress_life_ms]))
  }
}

function keysOf(names: TryNames): readonly string[] {
  return [knownKey(names), ...tryAxes.map((axis) => keyOf(names, axis))]
}

/** One hash tag: a cluster keeps all that one script touches on one of its nodes. */
function keyOf(names: TryNames, axis: TryAxis): string {
  return `locket:{tries}:${axis}:${names[axis]}`
}

function knownKey(names: TryNames): string {
  return `locket:{tries}:known:${names.pair}`
}

async function orNull(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer
  } catch (thrown) {
    if (thrown instanceof Unreachable) return null
    throw thrown
  }
}
