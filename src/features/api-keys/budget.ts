/**
 * What an API key may use in a day, as whoever made it has said. It is counted in memory, so that a
 * hundred requests at once get no more than what is left, and written down by a job: a crash forgets what was
 * used in the last ten seconds, and other nodes learn of it as late.
 */
import { z } from 'zod'
import { day_ms } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Budget, Caller } from '../../kernel/context.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly keyBudgets: KeyBudgets
  }
}

/** What is counted. */
export const counted = ['operations', 'bytes', 'embedCharacters'] as const
export type Counted = (typeof counted)[number]

/** In a day of UTC; null: not bounded. */
export type KeyBudget = Readonly<Record<Counted, number | null>>
export type Amounts = Readonly<Partial<Record<Counted, number>>>
/** On one day, counted from the Unix epoch. */
export type Used = Readonly<Record<Counted, number>> & { readonly day: number }

const Bound = z.number().int().min(1).max(1e12)

export const BudgetFields = {
  operationsPerDay: Bound.optional().describe('How often the key may be used in a day of UTC.'),
  bytesPerDay: Bound.optional().describe('Bytes of request bodies in a day of UTC.'),
  embedCharactersPerDay: Bound.optional().describe(
    'Characters that go to the embedder in a day of UTC.',
  ),
}

const Amount = z.number().int().nullable()
export const ShownBudget = z.strictObject({
  operationsPerDay: Amount,
  bytesPerDay: Amount,
  embedCharactersPerDay: Amount,
})
export const ShownUse = z.strictObject({
  operations: z.number().int(),
  bytes: z.number().int(),
  embedCharacters: z.number().int(),
})

type Asked = { readonly [Name in keyof typeof BudgetFields]?: number | undefined }

/** Null when nothing is bounded. */
export function budgetOf(asked: Asked): KeyBudget | null {
  const { operationsPerDay, bytesPerDay, embedCharactersPerDay } = asked
  const budget = {
    operations: operationsPerDay ?? null,
    bytes: bytesPerDay ?? null,
    embedCharacters: embedCharactersPerDay ?? null,
  }
  return counted.some((one) => budget[one] !== null) ? budget : null
}

export function showBudget(budget: KeyBudget): z.output<typeof ShownBudget> {
  return {
    operationsPerDay: budget.operations,
    bytesPerDay: budget.bytes,
    embedCharactersPerDay: budget.embedCharacters,
  }
}

export function dayOf(now: number): number {
  return Math.floor(now / day_ms)
}

/** What of it was used today. */
export function usedOn(day: number, used: Used | undefined): z.output<typeof ShownUse> {
  const { operations, bytes, embedCharacters } = used?.day === day ? used : nothing(day)
  return { operations, bytes, embedCharacters }
}

function nothing(day: number): Used {
  return { day, operations: 0, bytes: 0, embedCharacters: 0 }
}

interface Entry {
  readonly tenant: Id<'ten'>
  /** All that is known of, what is not written down included. */
  used: Used
  unwritten: Used
}

export interface Unwritten {
  readonly tenant: Id<'ten'>
  readonly key: Id<'key'>
  readonly used: Used
}

type Budgeted = Pick<Caller, 'budget' | 'userBudget'>

export interface KeyBudgets {
  /** Whether it is known here what of the key's budget was used. */
  knows(key: Id<'key'>): boolean
  /** What is written down of a key, by all nodes together. */
  learn(tenant: Id<'ten'>, key: Id<'key'>, written: Used | undefined): void
  /** Takes the amounts from each budget or from none. Throws `budget_exhausted`. Nothing, where there is none. */
  spend(caller: Pick<Caller, 'tenant'> & Budgeted, amounts: Amounts, now: number): void
  /** Undefined: nothing is known here. */
  used(key: Id<'key'>): Used | undefined
  /** What is to be added to what is written down, in the order of keys. */
  drain(): Unwritten[]
  /** Takes back what could not be written. */
  restore(unwritten: Unwritten): void
}

export function createKeyBudgets(): KeyBudgets {
  const entries = new Map<Id<'key'>, Entry>()
  const entryOf = (tenant: Id<'ten'>, key: Id<'key'>, day: number): Entry => {
    const known = entries.get(key)
    // A clock that is set back does not begin the day anew.
    if (known && known.used.day >= day) return known
    const made = { tenant, used: nothing(day), unwritten: nothing(day) }
    entries.delete(key)
    makeRoom(entries)
    entries.set(key, made)
    return made
  }
  return {
    knows: (key) => entries.has(key),
    learn: (tenant, key, written) => {
      if (!written) return
      const entry = entryOf(tenant, key, written.day)
      if (entry.used.day === written.day) entry.used = sum(written, entry.unwritten)
    },
    spend: (caller, amounts, now) => {
      const budgets = budgetsOf(caller)
      for (const budget of budgets) {
        insistOnRoom(budget, {
          used: entryOf(caller.tenant, budget.key, dayOf(now)).used,
          amounts,
          now,
        })
      }
      for (const { key } of budgets) {
        const entry = entryOf(caller.tenant, key, dayOf(now))
        entry.used = sum(entry.used, amounts)
        entry.unwritten = sum(entry.unwritten, amounts)
      }
    },
    used: (key) => entries.get(key)?.used,
    drain: () => {
      const drained: Unwritten[] = []
      for (const [key, entry] of entries) {
        const { tenant, unwritten: used } = entry
        if (!counted.some((one) => used[one] > 0)) continue
        drained.push({ tenant, key, used })
        entry.unwritten = nothing(used.day)
      }
      return drained.sort((one, other) => (one.key < other.key ? -1 : 1))
    },
    restore: ({ tenant, key, used }) => {
      const entry = entryOf(tenant, key, used.day)
      if (entry.used.day === used.day) entry.unwritten = sum(entry.unwritten, used)
    },
  }
}

const none: readonly Budget[] = []

/** All that a call spends: of the caller's own key, and of that of the user whom he acts for. */
export function budgetsOf({ budget, userBudget }: Budgeted): readonly Budget[] {
  return budget || userBudget ? [budget, userBudget].filter((one) => one !== undefined) : none
}

interface Spending {
  readonly used: Used
  readonly amounts: Amounts
  readonly now: number
}

function insistOnRoom(budget: Budget, { used, amounts, now }: Spending): void {
  for (const one of counted) {
    const bound = budget[one]
    const amount = amounts[one] ?? 0
    if (bound === null || amount === 0 || used[one] + amount <= bound) continue
    const retryAfter_s = Math.max(1, Math.ceil(((dayOf(now) + 1) * day_ms - now) / 1000))
    throw new LocketError('budget_exhausted', `${one} of a day`, { retryAfter_s })
  }
}

function sum(used: Used, more: Amounts): Used {
  return {
    day: used.day,
    operations: used.operations + (more.operations ?? 0),
    bytes: used.bytes + (more.bytes ?? 0),
    embedCharacters: used.embedCharacters + (more.embedCharacters ?? 0),
  }
}

/** What is written down can be read again; so the oldest of those goes. */
function makeRoom(entries: Map<Id<'key'>, Entry>): void {
  if (entries.size < limits.keyBudgets_max) return
  for (const [key, { unwritten }] of entries) {
    if (counted.some((one) => unwritten[one] > 0)) continue
    entries.delete(key)
    return
  }
}
