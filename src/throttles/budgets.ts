/**
 * How often who may call: every budget there is, as one table. docs/reference/limits.md and `locket
 * config limits` are made from it. The budgets of authenticated calls are there to stop a runaway loop,
 * not to sell capacity; those of what can be guessed are as small as people can live with.
 */
import { hour_ms, minute_ms, second_ms } from '../core/clock.ts'

/** The class of an operation: all of one class share a budget. */
export const rateClasses = [
  'read',
  'write',
  'admin',
  'token',
  'sign-in',
  'invitation',
  'reset',
] as const
export type RateClass = (typeof rateClasses)[number]

/** Operations that have a letter sent to somebody. */
export type LetterClass = 'invitation' | 'reset' | 'email' | 'mail'

/**
 * What is counted: where a call comes from while nobody is known, and then who calls. `account` is whom
 * it is about.
 */
export type Axis = 'address' | 'credential' | 'principal' | 'tenant' | 'account'

/** A bucket that holds `burst` requests and is filled up by `requests` in each window. */
export interface Budget {
  readonly requests: number
  readonly window_ms: number
  /** How many may come at once. */
  readonly burst: number
}

/** The budget of so many requests in a window. All of them may come at once unless said otherwise. */
export function per(window_ms: number, requests: number, burst = requests): Budget {
  return { requests, window_ms, burst }
}

type Counted =
  | `${RateClass}.${Exclude<Axis, 'account'>}`
  | `${LetterClass}.account`
  | 'failure.address'

const ten_s = 10 * second_ms
const ten_minutes_ms = 10 * minute_ms

export const rateBudgets = {
  'read.address': per(minute_ms, 1_200),
  'read.credential': per(ten_s, 200_000),
  'read.principal': per(ten_s, 400_000),
  'read.tenant': per(ten_s, 1_000_000),
  'write.address': per(minute_ms, 120),
  'write.credential': per(ten_s, 200_000),
  'write.principal': per(ten_s, 400_000),
  'write.tenant': per(ten_s, 1_000_000),
  'admin.address': per(minute_ms, 120),
  'admin.credential': per(minute_ms, 6_000),
  'admin.principal': per(minute_ms, 12_000),
  'admin.tenant': per(minute_ms, 30_000),
  'token.address': per(minute_ms, 600),
  'token.credential': per(minute_ms, 600),
  'token.principal': per(minute_ms, 1_200),
  'token.tenant': per(minute_ms, 60_000),
  // What follows can be used to guess, or to have letters sent to others.
  'sign-in.address': per(minute_ms, 60, 30),
  'sign-in.credential': per(minute_ms, 30),
  'sign-in.principal': per(minute_ms, 30),
  'sign-in.tenant': per(minute_ms, 6_000),
  'invitation.address': per(ten_minutes_ms, 20),
  'invitation.credential': per(hour_ms, 100),
  'invitation.principal': per(hour_ms, 100),
  'invitation.tenant': per(hour_ms, 1_000),
  'reset.address': per(ten_minutes_ms, 20),
  'reset.credential': per(hour_ms, 100),
  'reset.principal': per(hour_ms, 100),
  'reset.tenant': per(hour_ms, 1_000),
  // To one person, whoever asks for it.
  'invitation.account': per(hour_ms, 5),
  'reset.account': per(hour_ms, 5),
  'email.account': per(hour_ms, 5),
  // All of them, and what tells a person of changes.
  'mail.account': per(hour_ms, 20),
  /** Requests that showed a credential, or should have, and were found to be nobody's. */
  'failure.address': per(minute_ms, 600),
} as const satisfies Readonly<Record<Counted, Budget>>

export type RateName = keyof typeof rateBudgets
export type RateBudgets = Readonly<Record<RateName, Budget>>
export const rateNames = Object.keys(rateBudgets) as readonly RateName[]

/** The class and the axis of a budget, for tables that people read. */
export function partsOf(name: RateName): readonly [group: RateGroup, axis: Axis] {
  const [group, axis] = name.split('.')
  return [group as RateGroup, axis as Axis]
}

type RateGroup = RateClass | LetterClass | 'failure'

/** A budget as it is written in a setting: `NAME=REQUESTS/SECONDS[/BURST]`. */
export interface NamedBudget {
  readonly name: RateName
  readonly budget: Budget
}

/** Null for what is none. */
export function readBudget(text: string): NamedBudget | null {
  const [, name = '', ...numbers] = written.exec(text) ?? []
  const [requests = 0, window_s = 0, burst = requests] = numbers.flatMap((one) =>
    one === undefined ? [] : Number(one),
  )
  const isRight = requests >= 1 && burst >= 1 && window_s >= 1 && window_s <= window_s_max
  if (!Object.hasOwn(rateBudgets, name) || !isRight) return null
  return { name: name as RateName, budget: per(window_s * second_ms, requests, burst) }
}

const written = /^([a-z-]+\.[a-z]+)=(\d{1,9})\/(\d{1,5})(?:\/(\d{1,9}))?$/
const window_s_max = 86_400

/** The table with others, as they are written, in their place. */
export function withBudgets(others: readonly string[]): RateBudgets {
  const read = others.map(readBudget).filter((one) => one !== null)
  return { ...rateBudgets, ...Object.fromEntries(read.map(({ name, budget }) => [name, budget])) }
}

/** What tries to sign in are counted by: an account, from where, and both together. */
export const tryAxes = ['address', 'pair', 'account'] as const
export type TryAxis = (typeof tryAxes)[number]

/** The try that reaches the bound is made; then there are none until the lock is over. */
export interface TryBudget {
  readonly tries: number
  /** From the first try on. */
  readonly window_ms: number
  /** From the last one on. */
  readonly lock_ms: number
}

export type TryBudgets = Readonly<Record<TryAxis, TryBudget>>

/** Failed tries to sign in. Those that were right are not counted. */
export const tryBudgets: TryBudgets = {
  /** Ten and half an hour are what PCI DSS 4.0.1 asks for in 8.3.4. */
  pair: { tries: 10, window_ms: 30 * minute_ms, lock_ms: 30 * minute_ms },
  address: { tries: 50, window_ms: 30 * minute_ms, lock_ms: 30 * minute_ms },
  /** NIST SP 800-63B-4, 3.2.2: at most 100 in a row. */
  account: { tries: 100, window_ms: hour_ms, lock_ms: hour_ms },
}
