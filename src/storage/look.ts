/** A database as one sees it who only looks, such as `locket doctor`, whether it is served or not. */
import type { Transaction } from './database.ts'
import type { Engine } from './query.ts'

export interface Look {
  readonly engine: Engine
  /** Migrations that this program knows and the database has not had; null: it has no schema at all. */
  pending(): Promise<readonly string[] | null>
  /** One snapshot, read only. */
  read<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /**
   * Does a change as a server would, and undoes it. Throws what the change threw, `unavailable` when
   * somebody was in the way. Null where even that would leave a trace.
   */
  readonly rehearse: ((change: Change) => Promise<void>) | null
  close(): Promise<void>
}

export type Change = (tx: Transaction) => Promise<unknown>
