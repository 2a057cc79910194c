import type { Documents } from './documents.ts'

/**
 * What a memory is worth apart from its words, as factors near one: between equal matches the more
 * important and the more recent wins, and a clearly better match wins whatever they are.
 */

/** How much the age of a memory weighs. */
export const recencies = ['none', 'gentle', 'strong'] as const
export type Recency = (typeof recencies)[number]

// Of 5, the default, nothing changes; 0 and 10 are a tenth below and above.
const importanceNeutral = 5
const importanceStep = 0.02
// What happened now gets this much on top, what happened a half-life ago half of it.
const recencyShares: Readonly<Record<Recency, number>> = { none: 0, gentle: 0.1, strong: 1 }
const recencyHalfLife_ms = 30 * 24 * 3_600_000

/** When a question is asked, and what that means for it. */
export interface Timing {
  /** ms since the epoch. */
  readonly now: number
  /** `gentle` when absent. */
  readonly recency?: Recency | undefined
}

/** What a document is worth apart from its words. */
export function factorsOf(
  documents: Pick<Documents, 'importance' | 'occurredAt'>,
  document: number,
  { now, recency = 'gentle' }: Timing,
): { importance: number; recency: number } {
  return {
    importance: importanceFactor(documents.importance(document)),
    recency: recencyFactor(documents.occurredAt(document), { now, recency }),
  }
}

/** The two factors together. */
export function factorOf(
  documents: Pick<Documents, 'importance' | 'occurredAt'>,
  document: number,
  { now, recency = 'gentle' }: Timing,
): number {
  const ofTime = recencyFactor(documents.occurredAt(document), { now, recency })
  return importanceFactor(documents.importance(document)) * ofTime
}

/** The highest that `importanceFactor` times `recencyFactor` can be. */
export function factorMax(recency: Recency): number {
  return importanceFactor(10) * (1 + recencyShares[recency])
}

/** From 0.9 (importance 0) over 1 (importance 5) to 1.1 (importance 10). */
export function importanceFactor(importance: number): number {
  return 1 + importanceStep * (importance - importanceNeutral)
}

/** From 1 (long ago) to 1.1, or to 2 where recency is `strong` (now, or in time to come). */
export function recencyFactor(
  occurredAt: number,
  { now, recency }: { readonly now: number; readonly recency: Recency },
): number {
  const age_ms = Math.max(0, now - occurredAt)
  return 1 + recencyShares[recency] * 2 ** (-age_ms / recencyHalfLife_ms)
}
