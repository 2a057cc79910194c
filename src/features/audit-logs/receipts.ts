/**
 * Receipts: proofs of their own events for callers who wait for them. They wake the sequencer and are
 * woken by it; nobody asks the database again and again. Their number is bounded, and so is their time.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Log } from '../../core/log.ts'
import type { Database } from '../../storage/database.ts'
import type { Keys } from '../../storage/encryption-keys.ts'
import { type TenantStore, tenantStore } from '../../storage/tenant-store.ts'
import type { EventRow } from './audit-log.ts'
import { proveEvent } from './get-proof.ts'
import { findEvent } from './store.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly receipts: Receipts
  }
}

export interface Receipts {
  /**
   * The proof of an event that was committed; null when it has no place in the log in time, or too many
   * wait already. It never throws: what the event speaks of is done by then. Not for use in a transaction.
   */
  prove(tenant: Id<'ten'>, event: Id<'evt'>): Promise<string | null>
  /** A run of the sequencer is over: who waits looks again. */
  sequenced(): void
  /** Tells what to call when somebody waits: it has the sequencer run soon. */
  onWanted(wake: () => void): void
}

export function createReceipts(options: {
  readonly database: Database
  readonly keys: Keys
  readonly log: Log
  /** Left out: `limits.receipt_timeout_ms`. */
  readonly timeout_ms?: number
}): Receipts {
  const { database, keys, log, timeout_ms = limits.receipt_timeout_ms } = options
  const seats = new Seats()
  let run = Promise.withResolvers<void>()
  let wake = (): void => undefined

  const look = (tenant: Id<'ten'>, event: Id<'evt'>): Promise<string | null> =>
    database.read(async (tx) => {
      const store = tenantStore(tx, keys, tenant)
      const row = await findEvent(store, event)
      return row && row.leaf !== null ? proveOwn(store, row) : null
    })

  const waitFor = async (tenant: Id<'ten'>, event: Id<'evt'>): Promise<string | null> => {
    const over = new AbortController()
    const late = pause(timeout_ms, true, { signal: over.signal }).catch(() => true)
    try {
      // Taken before each look, so that no run is missed that ends meanwhile.
      let next = run.promise
      wake()
      for (;;) {
        if (await Promise.race([next.then(() => false), late])) return null
        next = run.promise
        const proof = await look(tenant, event)
        if (proof !== null) return proof
      }
    } finally {
      over.abort()
    }
  }

  return {
    prove: async (tenant, event) => {
      if (!seats.take(tenant)) return null
      try {
        return await waitFor(tenant, event)
      } catch (thrown) {
        log.error({ tenant, event, err: thrown }, 'no receipt')
        return null
      } finally {
        seats.leave(tenant)
      }
    },
    sequenced: () => {
      run.resolve()
      run = Promise.withResolvers()
    },
    onWanted: (call) => {
      wake = call
    },
  }
}

/**
 * What the caller may know of his own event. One that was allowed is opened; of a refusal he gets the
 * entry alone, since the event says what the answer does not: whether there is what he asked for.
 */
export function proveOwn(store: TenantStore, row: EventRow): Promise<string> {
  if (row.leaf === null || row.leaf < 0) throw new LocketError('not_found', notYet)
  return proveEvent(store, row, { opens: row.outcome === 'allowed' })
}

const notYet = 'The event has no place in the log yet; ask again soon.'

const perTenant_max = limits.receipts_max / 4

/** Who waits, counted: so many in all, and of one tenant so many that others find room. */
class Seats {
  #all = 0
  readonly #of = new Map<Id<'ten'>, number>()

  take(tenant: Id<'ten'>): boolean {
    const own = this.#of.get(tenant) ?? 0
    if (this.#all >= limits.receipts_max || own >= perTenant_max) return false
    this.#all += 1
    this.#of.set(tenant, own + 1)
    return true
  }

  leave(tenant: Id<'ten'>): void {
    const own = (this.#of.get(tenant) ?? 0) - 1
    this.#all -= 1
    if (own > 0) this.#of.set(tenant, own)
    else this.#of.delete(tenant)
  }
}
