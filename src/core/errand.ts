/**
 * On whose behalf something is done: of a request, or of a job. It goes along with all that is awaited, so that
 * what is written to the log far below says for which request that was, and nobody has to hand it down. So does
 * the piece of its trace that is under way.
 *
 * A queue that does the works of several together has to keep each with its own errand (`withErrand`), and what
 * it does for all of them with none (`apart`). What outlives an errand, such as a connection that was opened in it,
 * is none of it any more: an errand that is over says nothing.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Span } from './span.ts'

/** What a line of the log says of it. */
export interface ErrandFacts {
  readonly requestId?: string
  readonly operation?: string
  readonly job?: string
  readonly traceId?: string
}

export interface Errand {
  facts: ErrandFacts
  over: boolean
}

interface Place {
  readonly errand: Errand
  /** Null: it is not traced. */
  readonly span: Span | null
}

const places = new AsyncLocalStorage<Place | undefined>()

/** Does `work` as an errand of its own; it is over when that has ended. */
export async function onErrand<T>(
  facts: ErrandFacts,
  work: () => Promise<T>,
  span: Span | null = null,
): Promise<T> {
  const errand: Errand = { facts, over: false }
  try {
    return await places.run({ errand, span }, work)
  } finally {
    errand.over = true
  }
}

/** The errand that the code which asks is on; undefined where there is none, or it is over. */
export function currentErrand(): Errand | undefined {
  const place = places.getStore()
  return place?.errand.over === false ? place.errand : undefined
}

/** Null where nothing is traced, or the errand is over. */
export function currentSpan(): Span | null {
  const place = places.getStore()
  return place?.errand.over === false ? place.span : null
}

/** Does `work` as the part of the errand that `span` is about. */
export function inSpan<T>(span: Span, work: () => T): T {
  const place = places.getStore()
  return place ? places.run({ errand: place.errand, span }, work) : work()
}

/** Tells more of the errand that is under way. */
export function tellErrand(facts: ErrandFacts): void {
  const errand = currentErrand()
  if (errand) errand.facts = { ...errand.facts, ...facts }
}

/** `work`, to be called from elsewhere, on the errand of who gives it. */
export function withErrand<Args extends readonly unknown[], T>(
  work: (...args: Args) => T,
): (...args: Args) => T {
  const place = places.getStore()
  return place ? (...args) => places.run(place, work, ...args) : work
}

/** Does `work` on nobody's errand. */
export function apart<T>(work: () => T): T {
  return places.run(undefined, work)
}
