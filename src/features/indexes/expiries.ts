import type { Documents } from './documents.ts'
import { type Above, popHeap, pushHeap } from './heap.ts'

/**
 * Which documents expire next. Questions take out what has expired before they look, so that no
 * statistic has to know about time.
 */
export interface Expiries {
  readonly bytes: number
  add(document: number): void
  /** A live document that has expired by `now` (ms since the epoch), if there is one. */
  next(now: number): number | undefined
}

/** Makes the expiries of a space, empty. */
export function createExpiries(documents: Documents): Expiries {
  const heap: number[] = []
  const sooner: Above<number> = (a, b) => documents.expiresAt(a) < documents.expiresAt(b)

  function next(now: number): number | undefined {
    while (heap.length > 0 && documents.expiresAt(heap[0] as number) <= now) {
      const document = popHeap(heap, sooner) as number
      // Removed documents stay in the heap until their time or the next compaction.
      if (documents.lengths[document] !== 0) return document
    }
    return undefined
  }

  return {
    get bytes() {
      return heap.length * 8
    },
    add(document) {
      if (documents.expiresAt(document) !== Number.POSITIVE_INFINITY) {
        pushHeap(heap, document, sooner)
      }
    },
    next,
  }
}
