/**
 * The work of hashing passwords: 64 MiB and a thread for each, so only so many at once. What comes
 * while all are busy waits its turn in a queue with a bound; beyond it, who comes is sent away.
 */
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import {
  hashPassword,
  isOutdated,
  type PasswordCost,
  passwordCost,
  passwordMatches,
} from '../../crypto/password-hash.ts'
import { Permits } from '../../storage/permits.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly passwordWork: PasswordWork
  }
}

export interface Verdict {
  readonly matches: boolean
  /** It was hashed at another cost than is asked for now. */
  readonly outdated: boolean
}

/** All of it throws `unavailable` when too many wait already. */
export interface PasswordWork {
  /** How many wait for their turn, and how many may. */
  readonly queue: { readonly waiting: number; readonly max: number }
  hash(password: string): Promise<string>
  /** Against null, for nobody's password, it does the same work and matches nothing. */
  verify(password: string, hash: string | null): Promise<Verdict>
}

export interface PasswordWorkOptions {
  readonly cost?: PasswordCost
  readonly atOnce_max?: number
  readonly waiting_max?: number
}

export function createPasswordWork({
  cost = passwordCost,
  atOnce_max = limits.passwordWork_max,
  waiting_max = limits.passwordWork_waiting_max,
}: PasswordWorkOptions = {}): PasswordWork {
  const permits = new Permits(atOnce_max)
  let asked = 0
  const take = async <T>(work: () => Promise<T>): Promise<T> => {
    if (asked >= atOnce_max + waiting_max) {
      throw new LocketError('unavailable', undefined, { retryAfter_s: 1 })
    }
    asked += 1
    try {
      return await permits.take(work)
    } finally {
      asked -= 1
    }
  }
  return {
    get queue() {
      return { waiting: Math.max(0, asked - atOnce_max), max: waiting_max }
    },
    hash: (password) => take(() => hashPassword(password, cost)),
    verify: (password, hash) =>
      take(async () => {
        if (hash !== null) {
          return {
            matches: await passwordMatches(password, hash),
            outdated: isOutdated(hash, cost),
          }
        }
        await hashPassword(password, cost)
        return { matches: false, outdated: false }
      }),
  }
}
