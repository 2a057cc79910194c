/**
 * Lockout: how often somebody may try to prove who he is. Whatever checks what can be guessed (a
 * password, a one-time code, a recovery code) asks first and says afterwards when it was right:
 *
 *     const attempt = await services.lockout.attempt({ tenant, login }, ctx.address)
 *     if (!attempt.allowed) // by 'address': too_many_requests; by 'account': as for a wrong password
 *     ... check it, also for an account that is not there; when that throws: withdrawn(attempt) ...
 *     if (right) await services.lockout.succeeded(attempt)
 *
 * A try is counted when it is reserved, so a hundred at once are held to the bound like a hundred in a
 * row. With several factors it succeeds only with the last of them, and each step reserves a try of its own.
 *
 * Three counters, so that nobody can be locked out for ever by others. One account from one address
 * closes soon. One address closes after more tries, whatever the accounts. The account itself closes late,
 * and only to addresses that it was never signed in to from: where its owner has been, he gets in,
 * however many try elsewhere.
 */
import type { TryAxis } from './budgets.ts'
import type { Account, Names } from './names.ts'
import type { Tries, TryNames } from './tries.ts'

/** What is remembered of an account and of an address that somebody comes from. */
export interface Trace {
  /** How many tries of this account were wrong and still count. */
  readonly failures: number
  /** Nobody has signed in to it from this address, as far as is remembered. */
  readonly isNewAddress: boolean
}

/** A try that may be made, and counts until it is given back. */
export interface AllowedAttempt extends Trace {
  readonly allowed: true
  readonly names: TryNames
  readonly counted: readonly (readonly TryAxis[])[]
}

export interface RefusedAttempt {
  readonly allowed: false
  /**
   * `address`: it may be told. `account`: that it is locked tells that it is tried, so the answer is
   * that of a wrong password, after as much work.
   */
  readonly by: 'address' | 'account'
  readonly retryAfter_s: number
}

export type Attempt = AllowedAttempt | RefusedAttempt

export interface Lockout {
  /**
   * Reserves a try before anything is checked. The account is as the caller wrote it, whether there is
   * one or not; the address is null where it is not known.
   */
  attempt(account: Account, address: string | null): Promise<Attempt>
  /** The try was right: it no longer counts, nor do the account's earlier ones from this address. */
  succeeded(attempt: AllowedAttempt): Promise<void>
  /** Nothing could be checked: the try no longer counts. All others do, and nothing is known of who tried. */
  withdrawn(attempt: AllowedAttempt): Promise<void>
  /**
   * The try was right, and a factor is still asked for. It was no guess at whoever has what password, so
   * it no longer counts for the address; for the account it does until the last factor is right.
   */
  halfway(attempt: AllowedAttempt): Promise<void>
  /** For who proves who he is by what cannot be guessed: it reserves nothing and refuses nobody. */
  look(account: Account, address: string | null): Promise<Trace>
  /**
   * He has proven it so. His address is known from now on, unless wrong tries from there still count. They
   * do count on, so that who is let in by the one way gains no more guesses at the other.
   */
  seen(account: Account, address: string | null): Promise<void>
}

/** `tries`: where they are counted; a try has to have room in each. */
export function createLockout(names: Names, tries: readonly Tries[]): Lockout {
  const namesOf = (account: Account, address: string | null): TryNames => ({
    address: names.address(address),
    pair: names.pair(account, address),
    account: names.account(account),
  })
  return {
    attempt: async (account, address) => {
      const tried = namesOf(account, address)
      const counted: (readonly TryAxis[])[] = []
      let failures = 0
      for (const one of tries) {
        const reserved = await one.reserve(tried)
        if (reserved.refused) {
          const { axis, wait_ms } = reserved.refused
          const by = axis === 'address' ? 'address' : 'account'
          return { allowed: false, by, retryAfter_s: Math.max(1, Math.ceil(wait_ms / 1000)) }
        }
        counted.push(reserved.counted)
        failures = Math.max(failures, reserved.failures)
      }
      // Where nothing was counted nobody could be asked.
      const isNew = (axes: readonly TryAxis[]) => axes.length === 0 || axes.includes('account')
      return { allowed: true, names: tried, counted, failures, isNewAddress: counted.every(isNew) }
    },
    succeeded: async (attempt) => {
      for (const [at, one] of tries.entries()) {
        await one.giveBack(attempt.names, attempt.counted[at] ?? [])
      }
    },
    withdrawn: async (attempt) => {
      for (const [at, one] of tries.entries()) {
        await one.withdraw(attempt.names, attempt.counted[at] ?? [])
      }
    },
    halfway: async ({ names: tried, counted }) => {
      for (const [at, one] of tries.entries()) {
        const ofAddress = counted[at]?.filter((axis) => axis === 'address') ?? []
        await one.withdraw(tried, ofAddress)
      }
    },
    look: async (account, address) => {
      const of = namesOf(account, address)
      const all = await Promise.all(tries.map((one) => one.look(of)))
      const failures = Math.max(0, ...all.map((one) => one.failures))
      return { failures, isNewAddress: all.every(({ isKnown }) => !isKnown) }
    },
    seen: async (account, address) => {
      const of = namesOf(account, address)
      const all = await Promise.all(tries.map((one) => one.look(of)))
      // Those of an address that is new counted for the account as well: it stays so until they are over.
      if (all.some(({ isKnown, fromHere }) => !isKnown && fromHere > 0)) return
      for (const one of tries) await one.know(of)
    },
  }
}
