/** What whoever asked for it is told beside the answer: which event is his, and the proof of it. */
import type { Id } from './ids.ts'

export interface Receipt {
  readonly event: Id<'evt'>
  /** A C2SP tlog-proof; null: the log was not that far in time, and the proof can be fetched later. */
  readonly proof: string | null
}
