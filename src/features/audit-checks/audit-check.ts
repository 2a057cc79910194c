/** Checks of an audit log that need the data: what its events and memories are, as they are stored. */
import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'

export const checkFaults = {
  'log-broken': 'The log stands still: what was stored was not what had been signed.',
  'event-missing': 'The log has an entry, and no event stands there.',
  'event-moved': 'The event of the entry stands at another place.',
  'event-repeated': 'Another event has the same place.',
  'event-replaced': 'The event is another than that of its entry.',
  'event-altered': 'The row is not what its MAC was made over, or has lost it.',
  'content-altered': 'What the event says is not what it was committed to, or does not open.',
  'content-missing': 'What the event says is gone, and no space was deleted with it.',
  'entries-damaged': 'The entries that are kept cannot be read.',
  'tail-differs': 'The events after the last full tile are not those that the checkpoint signs.',
  'event-refused': 'The event was altered before it had a place.',
  'event-waiting': 'The event has no place yet, and should have one.',
  'event-misfiled': 'Questions look for the event where it does not stand.',
  'event-outside': 'The event has a place where the log has no entry.',
  'memory-altered': 'The memory is not the one that the event speaks of.',
  'memory-rolled-back': 'The memory is older than the event says.',
  'memory-damaged': 'The memory does not open where it stands.',
  'memory-unknown': 'No event speaks of the memory as it is.',
} as const

export type CheckFault = keyof typeof checkFaults

export const FoundFault = z.strictObject({
  fault: z.enum(Object.keys(checkFaults) as [CheckFault, ...CheckFault[]]),
  leaf: z.int().nullable().describe('The place in the log.'),
  event: z.string().nullable(),
  memory: z.string().nullable(),
})
export type FoundFault = z.output<typeof FoundFault>

/** What is looked at, in this order: the log's places, all rows of events, all memories. */
export const parts = ['leaves', 'rows', 'memories'] as const
export type Part = (typeof parts)[number]

/** How far the check is: a part, and what was looked at last in it; empty: nothing yet. */
export interface CheckPlace {
  readonly part: Part
  readonly after: string
}

/** What a step found, and where the next one begins; null: the part is done. */
export interface CheckStep {
  readonly faults: readonly FoundFault[]
  readonly looked: number
  /** Memories of which it cannot be told any more whether an event speaks of them. */
  readonly unknown: number
  readonly next: string | null
}

export function faultOf(
  fault: CheckFault,
  about: Partial<Omit<FoundFault, 'fault'>> = {},
): FoundFault {
  return { fault, leaf: null, event: null, memory: null, ...about }
}

export function isIntegrityFailure(thrown: unknown): boolean {
  return thrown instanceof LocketError && thrown.code === 'integrity_failed'
}
