/** Work that nobody asks for: sweeping, writing counts down, rotating keys that sealed enough. */
import type { Clock } from '../core/clock.ts'
import type { Id } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Database, Transaction } from '../storage/database.ts'
import type { Keys } from '../storage/encryption-keys.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import type { Services } from './context.ts'

export interface JobContext {
  readonly database: Database
  readonly keys: Keys
  readonly clock: Clock
  readonly log: Log
  readonly services: Services
  /** A tenant's view of a transaction that the job opened. */
  open(tx: Transaction, tenant: Id<'ten'>): TenantStore
}

export interface Job {
  /** `noun.verb`. */
  readonly name: string
  /** Milliseconds between the end of one run and the start of the next. */
  readonly every_ms: number
  /** Does a bounded piece of work and tells how much; a job that did something runs again soon. */
  run(ctx: JobContext): Promise<number>
}
