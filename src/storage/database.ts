/**
 * What the rest of Locket knows of a database engine. Two engines stand behind it; neither the
 * pipeline nor a feature can tell which.
 */
import type { Id } from '../core/ids.ts'
import type { Engine, Query } from './query.ts'

/**
 * How soon a commit must survive a power cut. `full`: before `write` resolves. `relaxed`: within a
 * second, and a crash of the process alone loses nothing.
 */
export type Durability = 'full' | 'relaxed'

/**
 * A running transaction. Statements run one after another; it ends with the work it was given to.
 * As it is handed to a work it sees what belongs to no tenant: the instance's row and the directory
 * of credentials. All else is seen through `as` and `asSystem`, and an engine that can, holds every
 * statement to that.
 */
export interface Transaction {
  readonly writable: boolean
  /** The same transaction for one tenant's rows: the argument `tenant` of a query is this one. */
  as(tenant: Id<'ten'>): Transaction
  /** The same transaction for what jobs ask across tenants, and for nothing else. */
  asSystem(): Transaction
  all<Args, Row>(query: Query<Args, Row>, args: Args): Promise<Row[]>
  first<Args, Row>(query: Query<Args, Row>, args: Args): Promise<Row | undefined>
  /** Runs a statement that changes rows and tells how many. */
  run<Args>(query: Query<Args, unknown>, args: Args): Promise<number>
  /** Runs `work` so that its failure undoes only what it did itself. */
  savepoint<T>(work: () => Promise<T>): Promise<T>
}

/**
 * What a change is about. Changes of one space run one after another, those of different spaces side
 * by side; a change of the tenant itself (no `spaces`) waits for all of its spaces, and they for it.
 */
export interface Turn {
  readonly tenant: Id<'ten'>
  readonly spaces?: readonly Id<'spc'>[]
  /** Whose count of memories is changed with them. */
  readonly agent?: Id<'agt'> | null
  /** Only the tenant's audit log: beside everything else, and after others that do the same. */
  readonly log?: true
  /** With `log`: by what the tenant says, so not beside a change of the tenant as a whole. */
  readonly heeds?: true
  /** Another tenant that is changed as a whole. */
  readonly also?: Id<'ten'> | null
}

/**
 * What a change touches: it adds audit events and does nothing else, which an engine may note beside the tables first
 * where the change is `relaxed`; it changes nothing but tables of the audit; or all.
 */
export type Touched = 'events' | 'audit' | 'all'

export interface WriteOptions {
  readonly durability: Durability
  /**
   * Null: the work only adds what nothing else could get in the way of. Left out: it waits for the
   * others of this process that leave it out, and is run again when another process got in its way.
   */
  readonly turn?: Turn | null
  /** Left out: all. Who asks for nothing of the audit sees no difference where it touches nothing else. */
  readonly touches?: Touched
}

export interface ReadOptions {
  /** It asks for nothing of the audit, so what is newest there may be missing from its snapshot. */
  readonly withoutEvents?: boolean
}

export interface Database {
  readonly engine: Engine
  /** Whether changes are taken at present. */
  readonly takesChanges: boolean
  /** How many changes and how many reads wait or are under way, of those that a queue bounds. */
  readonly queued: { readonly writes: number; readonly reads: number }
  /** How many events that were noted beside the tables could not be read when it was opened. */
  readonly damagedNotes: number
  /** One snapshot, read only. */
  read<T>(work: (tx: Transaction) => Promise<T>, options?: ReadOptions): Promise<T>
  /**
   * One atomic change, as if no other of its turn went on at the same time, on whichever node. `work`
   * may be run again (when the transaction it shared was undone, or another got in its way), so it
   * touches nothing but `tx` and what it returns; it must not wait for anything but `tx`. Resolves
   * after the commit. Throws `storage_full`, `unavailable`, or what `work` threw.
   */
  write<T>(work: (tx: Transaction) => Promise<T>, options: Durability | WriteOptions): Promise<T>
  /** Drops every copy of overwritten rows that the engine keeps in files that it can clean. */
  scrub(): Promise<void>
  close(): Promise<void>
}
