/**
 * Counts tries to sign in: a try is counted before it is made and given back when it was right, so that
 * however many come at once, no more than the bound are looked at.
 */
import { type Clock, stopwatch } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import { type TryAxis, type TryBudgets, tryAxes } from './budgets.ts'

/** The names of the counters that one try is counted by. */
export type TryNames = Readonly<Record<TryAxis, string>>

export interface Reserved {
  /** Which counter has no room, the one that stays so the longest; null: the try may be made. */
  readonly refused: { readonly axis: TryAxis; readonly wait_ms: number } | null
  /** The counters that it was counted by: that of the account only for an address that is new to it. */
  readonly counted: readonly TryAxis[]
  /** Tries of the account that still count: from addresses that are new to it, and from this one. */
  readonly failures: number
}

/** What is remembered of an account and an address. */
export interface Remembered {
  /** The account was signed in to from there. */
  readonly isKnown: boolean
  /** As in `Reserved`. */
  readonly failures: number
  /** Tries of the account from this address that still count. */
  readonly fromHere: number
}

export interface Tries {
  /** Counts the try by all of its counters or by none. */
  reserve(names: TryNames): Promise<Reserved>
  /**
   * Takes the try back and forgets those before it of the same account and address, which from now on
   * is known to the account.
   */
  giveBack(names: TryNames, counted: readonly TryAxis[]): Promise<void>
  /** Takes the try back, and nothing else. */
  withdraw(names: TryNames, counted: readonly TryAxis[]): Promise<void>
  /** Counts nothing. */
  look(names: TryNames): Promise<Remembered>
  /** From now on the address is known to the account. Nothing that was counted is forgotten. */
  know(names: TryNames): Promise<void>
}

interface Count {
  tries: number
  /** When it is forgotten, in milliseconds of the stopwatch. */
  ends_ms: number
}

/** Tries in the memory of the process, bounded. */
export class MemoryTries implements Tries {
  readonly #budgets: TryBudgets
  readonly #clock: Clock
  readonly #counts = new Map<string, Count>()
  readonly #known = new Map<string, number>()

  constructor(budgets: TryBudgets, clock: Clock = stopwatch) {
    this.#budgets = budgets
    this.#clock = clock
  }

  async reserve(names: TryNames): Promise<Reserved> {
    const now = this.#clock()
    const counted = tryAxes.filter((axis) => axis !== 'account' || !this.#isKnown(names.pair, now))
    let refused: Reserved['refused'] = null
    for (const axis of counted) {
      const count = this.#live(names[axis], now)
      if (!count || !this.#isFull(axis, names[axis], now)) continue
      const wait_ms = count.ends_ms - now
      if (!refused || wait_ms > refused.wait_ms) refused = { axis, wait_ms }
    }
    const failures = this.#failuresOf(names, now)
    if (refused) {
      // Of the address all that is tried counts alike: two names that are refused as one are not told
      // from two by how soon it is closed.
      if (!this.#isFull('address', names.address, now)) this.#count('address', names.address, now)
      return { refused, counted: [], failures }
    }
    for (const axis of counted) this.#count(axis, names[axis], now)
    return { refused: null, counted, failures }
  }

  async giveBack(names: TryNames, counted: readonly TryAxis[]): Promise<void> {
    await this.withdraw(names, counted)
    this.#counts.delete(names.pair)
    await this.know(names)
  }

  async know({ pair }: TryNames): Promise<void> {
    this.#known.delete(pair)
    this.#known.set(pair, this.#clock() + limits.knownAddress_life_ms)
    if (this.#known.size > limits.throttled_max) dropOldest(this.#known)
  }

  async look(names: TryNames): Promise<Remembered> {
    const now = this.#clock()
    const failures = this.#failuresOf(names, now)
    const fromHere = this.#triesOf(names.pair, now)
    return { isKnown: this.#isKnown(names.pair, now), failures, fromHere }
  }

  async withdraw(names: TryNames, counted: readonly TryAxis[]): Promise<void> {
    const now = this.#clock()
    for (const axis of counted) {
      const count = this.#live(names[axis], now)
      if (!count) continue
      count.tries -= 1
      if (count.tries <= 0) this.#counts.delete(names[axis])
    }
  }

  #isFull(axis: TryAxis, name: string, now: number): boolean {
    return this.#triesOf(name, now) >= this.#budgets[axis].tries
  }

  #count(axis: TryAxis, name: string, now: number): void {
    const { tries, window_ms, lock_ms } = this.#budgets[axis]
    const count = this.#live(name, now) ?? { tries: 0, ends_ms: now + window_ms }
    count.tries += 1
    if (count.tries >= tries) count.ends_ms = now + lock_ms
    if (!this.#counts.has(name)) this.#makeRoom(now)
    this.#counts.set(name, count)
  }

  #live(name: string, now: number): Count | undefined {
    const count = this.#counts.get(name)
    return count && count.ends_ms > now ? count : undefined
  }

  #triesOf(name: string, now: number): number {
    return this.#live(name, now)?.tries ?? 0
  }

  #failuresOf({ account, pair }: TryNames, now: number): number {
    const fromHere = this.#isKnown(pair, now) ? this.#triesOf(pair, now) : 0
    return this.#triesOf(account, now) + fromHere
  }

  #isKnown(pair: string, now: number): boolean {
    return (this.#known.get(pair) ?? 0) > now
  }

  /** Of the oldest few, those that are over go; failing that the one with the fewest tries. */
  #makeRoom(now: number): void {
    if (this.#counts.size < limits.throttled_max) return
    let fewest: { name: string; tries: number } | null = null
    let looked = 0
    for (const [name, { tries, ends_ms }] of this.#counts) {
      if (ends_ms <= now) this.#counts.delete(name)
      else if (!fewest || tries < fewest.tries) fewest = { name, tries }
      looked += 1
      if (looked >= limits.throttledSweep_max) break
    }
    if (fewest && this.#counts.size >= limits.throttled_max) this.#counts.delete(fewest.name)
  }
}

function dropOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}
