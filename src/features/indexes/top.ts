import { type Above, pushHeap, replaceTop } from './heap.ts'

/** A document with its score. */
export interface Scored {
  readonly document: number
  readonly score: number
}

/** Keeps the best few of many: most offers are refused by one comparison. */
export interface Top {
  /** Whether a score could be among the best: false says that an offer of it would be refused. */
  admits(score: number): boolean
  offer(document: number, score: number): void
  /** What was kept, best first. */
  take(): Scored[]
}

/**
 * A heap of at most `limit` documents with the worst on top, since only the worst is ever compared
 * or replaced. `compare` orders documents of equal score.
 */
export function createTop(limit: number, compare: (a: number, b: number) => number): Top {
  const heap: Scored[] = []
  let floor = Number.NEGATIVE_INFINITY
  const worse: Above<Scored> = (a, b) =>
    a.score < b.score || (a.score === b.score && compare(a.document, b.document) > 0)

  const admits = (score: number): boolean => score >= floor && limit > 0

  function offer(document: number, score: number): void {
    if (!admits(score)) return
    const scored = { document, score }
    if (heap.length < limit) pushHeap(heap, scored, worse)
    else if (worse(heap[0] as Scored, scored)) replaceTop(heap, scored, worse)
    if (heap.length >= limit) floor = (heap[0] as Scored).score
  }

  return { admits, offer, take: () => heap.sort((a, b) => (worse(a, b) ? 1 : -1)) }
}
