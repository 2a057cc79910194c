/**
 * What the rest of Locket knows of a database engine. Two engines stand behind it; neither the
 * pipeline nor a feature can tell which.
 */
import type { Query } from './query.ts'

/**
 * How soon a commit must survive a power cut. `full`: before `write` resolves. `relaxed`: within a
 * second, and a crash of the process alone loses nothing.
 */
export type Durability = 'full' | 'relaxed'

/** A running transaction. Statements run one after another; it ends with the work it was given to. */
export interface Transaction {
  readonly writable: boolean
  all<Args, Row>(query: Query<Args, Row>, args: Args): Promise<Row[]>
  first<Args, Row>(query: Query<Args, Row>, args: Args): Promise<Row | undefined>
  /** Runs a statement that changes rows and tells how many. */
  run<Args>(query: Query<Args, unknown>, args: Args): Promise<number>
  /** Runs `work` so that its failure undoes only what it did itself. */
  savepoint<T>(work: () => Promise<T>): Promise<T>
}

export interface Database {
  readonly engine: 'sqlite' | 'postgres'
  /** One snapshot, read only. */
  read<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /**
   * One atomic change. `work` may be run again (when the transaction it shared was undone), so it
   * touches nothing but `tx` and what it returns; it must not wait for anything but `tx`. Resolves
   * after the commit. Throws `storage_full`, `unavailable`, or what `work` threw.
   */
  write<T>(work: (tx: Transaction) => Promise<T>, durability: Durability): Promise<T>
  /** Drops every copy of overwritten rows that the engine keeps in files of its own (its log). */
  scrub(): Promise<void>
  close(): Promise<void>
}
