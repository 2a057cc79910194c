/** Asking for a password: the one way in which all that do so are held back, and take the same work. */
import { type ErrorCode, LocketError } from '../../core/errors.ts'
import type { Services } from '../../kernel/context.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { AllowedAttempt, Attempt, Lockout } from '../../throttles/lockout.ts'
import type { Account } from '../../throttles/names.ts'
import { findPassword, openHash, putPassword } from './store.ts'

export interface Asking {
  readonly services: Services
  readonly address: string | null
}

/** A password as it stands; `hash` is null for who has none. */
export interface Stored {
  readonly hash: string | null
  readonly updatedAt_ms: number
}

export interface Checked {
  /** What the password was compared with: it must stand when it is acted upon. */
  readonly stored: Stored
  /** The same password at the cost that is asked for now, where it was hashed at another. */
  readonly rehashed: string | null
  /** To be given back once all that is asked for was right: `lockout.succeeded`. */
  readonly attempt: AllowedAttempt
}

const nobodys: Stored = { hash: null, updatedAt_ms: 0 }

export async function storedPassword(store: TenantStore, id: PrincipalId): Promise<Stored> {
  const row = await findPassword(store, id)
  return row ? { hash: await openHash(store, row), updatedAt_ms: row.updated_at } : nobodys
}

/** A password that was entered, to be compared with one that is stored. */
export interface Entered {
  readonly stored: Stored
  readonly password: string
  /** What is thrown when it is not the password. */
  readonly otherwise: ErrorCode
}

/**
 * Reserves a try to prove who somebody is, by whatever can be guessed. Throws `too_many_requests` for
 * an address that tries too often; that an account is locked is not told.
 */
export async function reserveTry(
  { services, address }: Asking,
  account: Account,
): Promise<Attempt> {
  const attempt = await services.lockout.attempt(account, address)
  if (attempt.allowed || attempt.by === 'account') return attempt
  const { retryAfter_s } = attempt
  throw new LocketError('too_many_requests', undefined, { retryAfter_s })
}

/**
 * Throws when it is not the password, or the account is locked: which of them is told to the audit alone,
 * and takes the same work. Throws `too_many_requests` for an address that tries too often, and `unavailable`
 * when there was no room for the work: then nothing was tried, and nothing counts. A right one counts as
 * a try, too, until its `attempt` is given back.
 */
export async function checkPassword(
  asking: Asking,
  account: Account,
  { stored, password, otherwise }: Entered,
): Promise<Checked> {
  const { lockout, passwordWork } = asking.services
  const attempt = await reserveTry(asking, account)
  const verdict = await untried(lockout, attempt, () =>
    passwordWork.verify(password, attempt.allowed ? stored.hash : null),
  )
  if (!attempt.allowed) throw refused(otherwise, 'locked')
  if (!verdict.matches) throw refused(otherwise, 'wrong-password')
  const rehash = () => passwordWork.hash(password)
  const rehashed = verdict.outdated ? await untried(lockout, attempt, rehash) : null
  return { stored, rehashed, attempt }
}

/** A check that cannot be made says nothing of who asked for it: his try is given back. */
async function untried<T>(lockout: Lockout, attempt: Attempt, check: () => Promise<T>): Promise<T> {
  try {
    return await check()
  } catch (thrown) {
    if (attempt.allowed) await lockout.withdrawn(attempt)
    throw thrown
  }
}

function refused(code: ErrorCode, reason: 'locked' | 'wrong-password'): LocketError {
  return new LocketError(code, undefined, { facts: { reason } })
}

/**
 * In the transaction that acts upon a check: whether the password still is what was compared. One that
 * was hashed at another cost is replaced.
 */
export async function stillStands(
  store: TenantStore,
  id: PrincipalId,
  { stored, rehashed }: Pick<Checked, 'stored' | 'rehashed'>,
): Promise<boolean> {
  const now = await storedPassword(store, id)
  if (now.hash === null || now.hash !== stored.hash) return false
  if (rehashed !== null) await putPassword(store, id, { hash: rehashed, now: stored.updatedAt_ms })
  return true
}

/** The counters of somebody who is known, whatever he calls himself. */
export function accountOf(tenant: string, id: PrincipalId): Account {
  return { tenant, login: id }
}
