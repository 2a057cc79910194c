/**
 * Spends the budgets of the table. All of it is memory and arithmetic, so that a request does not wait
 * for its limits.
 */
import { networkOf } from '../core/address.ts'
import { type Clock, stopwatch } from '../core/clock.ts'
import { LocketError } from '../core/errors.ts'
import type { RateState } from '../core/rate.ts'
import { Buckets, type Witness } from './buckets.ts'
import {
  type LetterClass,
  type RateBudgets,
  type RateClass,
  type RateName,
  rateBudgets,
  rateClasses,
} from './budgets.ts'
import type { Account, Names } from './names.ts'

/** Whom an authenticated call is counted for. */
export interface Spender {
  readonly credentialId: string
  readonly principalId: string
  readonly tenant: string
}

export interface RateLimits {
  /**
   * Counts a call that nobody is known for, by its address (`unknown` where it is not known); of IPv6,
   * by the network of /64 that it is in. Throws `too_many_requests` when the budget is used up.
   */
  knock(rateClass: RateClass, address: string): RateState
  /**
   * Counts a call for its credential, its principal and its tenant, or for none of them: throws
   * `too_many_requests` when one of the budgets is used up. Gives back the state of the credential's:
   * how busy others of the tenant are is not told to him.
   */
  spend(rateClass: RateClass, spender: Spender): RateState
  /** Counts a letter for whom it goes to. Throws `too_many_requests`: then none is to be sent. */
  spendFor(letter: LetterClass, account: Account): void
  /** Throws `too_many_requests` instead of the failure when the address (or /64) fails too often. */
  fail(address: string): void
}

/** The buckets of one class. */
class ClassBuckets {
  readonly #address: Buckets
  readonly #credential: Buckets
  readonly #principal: Buckets
  readonly #tenant: Buckets

  constructor(rateClass: RateClass, bucketsOf: (name: RateName) => Buckets) {
    this.#address = bucketsOf(`${rateClass}.address`)
    this.#credential = bucketsOf(`${rateClass}.credential`)
    this.#principal = bucketsOf(`${rateClass}.principal`)
    this.#tenant = bucketsOf(`${rateClass}.tenant`)
  }

  knock(network: string, now: number): RateState {
    return takeOne(this.#address, network, now)
  }

  /** Asks for room in all three before it takes from any. */
  spend({ credentialId, principalId, tenant }: Spender, now: number): RateState {
    const credential = this.#credential.of(credentialId)
    const principal = this.#principal.of(principalId)
    const whole = this.#tenant.of(tenant)
    const wait_ms = this.#credential.wait_ms(credential, now)
    if (wait_ms > 0) throw refusal(wait_ms, this.#credential.stateOf(credential, now))
    const others_ms = Math.max(
      this.#principal.wait_ms(principal, now),
      this.#tenant.wait_ms(whole, now),
    )
    if (others_ms > 0) throw refusal(others_ms)
    this.#credential.take(credentialId, credential, now)
    this.#principal.take(principalId, principal, now)
    this.#tenant.take(tenant, whole, now)
    return this.#credential.stateOf(credential, now)
  }
}

export interface RateLimitOptions {
  readonly names: Names
  readonly budgets?: RateBudgets
  readonly clock?: Clock
  /** Lets other nodes know; null: there are none. */
  readonly shared?: Witness | null
}

export function createRateLimits(options: RateLimitOptions): RateLimits {
  const { names, budgets = rateBudgets, clock = stopwatch, shared = null } = options
  const bucketsOf = (name: RateName): Buckets => new Buckets(name, budgets[name], shared)
  const classes = Object.fromEntries(
    rateClasses.map((one) => [one, new ClassBuckets(one, bucketsOf)]),
  ) as Readonly<Record<RateClass, ClassBuckets>>
  const failures = bucketsOf('failure.address')
  const letters = {
    invitation: bucketsOf('invitation.account'),
    reset: bucketsOf('reset.account'),
    email: bucketsOf('email.account'),
    mail: bucketsOf('mail.account'),
  }
  return {
    knock: (rateClass, address) => classes[rateClass].knock(networkOf(address), clock()),
    spend: (rateClass, spender) => classes[rateClass].spend(spender, clock()),
    spendFor: (letter, account) => void takeOne(letters[letter], names.account(account), clock()),
    fail: (address) => void takeOne(failures, networkOf(address), clock()),
  }
}

function takeOne(buckets: Buckets, name: string, now: number): RateState {
  const bucket = buckets.of(name)
  const wait_ms = buckets.wait_ms(bucket, now)
  if (wait_ms > 0) throw refusal(wait_ms, buckets.stateOf(bucket, now))
  buckets.take(name, bucket, now)
  return buckets.stateOf(bucket, now)
}

function refusal(wait_ms: number, rate?: RateState): LocketError {
  const retryAfter_s = Math.max(1, Math.ceil(wait_ms / 1000))
  return new LocketError('too_many_requests', undefined, { retryAfter_s, ...(rate && { rate }) })
}
