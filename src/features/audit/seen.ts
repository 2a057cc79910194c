/** What a question to the audit log sees, and what one way to its events gives. */
import type { Id } from '../../core/ids.ts'
import type { Tables } from '../../storage/tables.ts'
import type { Direction, Narrowing, Range } from './store.ts'

export interface Seen {
  readonly direction: Direction
  readonly range: Range
  readonly narrowing: Narrowing
  readonly take: number
}

export interface Part {
  /** In order, one more than asked for if there is one. */
  readonly rows: readonly Tables['audit_events'][]
  /** The last that was looked at, when there are more to look at. */
  readonly stop: Id<'evt'> | null
}
