import type { Documents } from './documents.ts'
import { type Above, popHeap, pushHeap } from './heap.ts'
import { type Load, numberIn, type PartWriter } from './parts.ts'

/**
 * Which documents expire next. Questions take out what has expired before they look, so that no
 * statistic has to know about time.
 */
export interface Expiries {
  readonly bytes: number
  add(document: number): void
  /** A live document that has expired by `now` (ms since the epoch), if there is one. */
  next(now: number): number | undefined
  /** Drops what was removed. */
  sweep(): void
  dump(parts: PartWriter): unknown
}

// A number in an array, which has room for half as many more.
const entry_bytes = 12

/** Makes the expiries of a space; `load` takes those of a dump. */
export function createExpiries(documents: Documents, load?: Load): Expiries {
  const sooner: Above<number> = (a, b) => documents.expiresAt(a) < documents.expiresAt(b)
  let heap = load ? [...load.parts.take(Uint32Array, numberIn(load.header, 'count'))] : []

  function next(now: number): number | undefined {
    while (heap.length > 0 && documents.expiresAt(heap[0] as number) <= now) {
      const document = popHeap(heap, sooner) as number
      // Removed documents stay in the heap until their time or the next sweep.
      if (documents.lengths[document] !== 0) return document
    }
    return undefined
  }

  return {
    get bytes() {
      return heap.length * entry_bytes
    },
    add(document) {
      if (documents.expiresAt(document) !== Number.POSITIVE_INFINITY) {
        pushHeap(heap, document, sooner)
      }
    },
    next,
    sweep() {
      const live = heap.filter((document) => documents.lengths[document] !== 0)
      if (live.length === heap.length) return
      // What is in order is a heap.
      heap = live.sort((a, b) => documents.expiresAt(a) - documents.expiresAt(b))
    },
    dump(parts) {
      parts.add(Uint32Array.from(heap))
      return { count: heap.length }
    },
  }
}
