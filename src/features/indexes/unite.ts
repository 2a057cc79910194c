import { createTop, type Scored } from './top.ts'

/** Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009) with its usual constant. */
const k = 60

/** From so many of each list the union is made: what is low in one may be high in the other. */
export const candidates_min = 100

export interface Place {
  /** In its list, from 1. */
  readonly rank: number
  /** In its list. */
  readonly score: number
}

/** A document with its place in each list; null where it is not in that list. */
export interface United extends Scored {
  readonly words: Place | null
  readonly vectors: Place | null
}

/**
 * The best of the union of two ways to rank the same documents. Each gives points for a rank,
 * whatever its scores mean, and neither can push out what only the other has found; what both found
 * comes first. Of equal points those come first that words have found, in their order.
 */
export function unite(
  words: readonly Scored[],
  vectors: readonly Scored[],
  limit: number,
): United[] {
  const others = new Map(vectors.map(({ document }, at) => [document, at]))
  // Of each of the words, its place among the vectors.
  const beside: (number | undefined)[] = []
  // What is kept is a place in the two lists behind each other, which is also the order of equals.
  const top = createTop(limit, (a, b) => a - b)
  for (const [at, { document }] of words.entries()) {
    const other = others.get(document)
    beside.push(other)
    others.delete(document)
    top.offer(at, pointsOf(at) + (other === undefined ? 0 : pointsOf(other)))
  }
  for (const at of others.values()) top.offer(words.length + at, pointsOf(at))
  return top.take().map(({ document: place, score }) => {
    const word = place < words.length ? place : undefined
    const vector = word === undefined ? place - words.length : beside[word]
    const { document } = (words[place] ?? vectors[place - words.length]) as Scored
    return { document, score, words: placeIn(words, word), vectors: placeIn(vectors, vector) }
  })
}

function pointsOf(at: number): number {
  return 1 / (k + at + 1)
}

function placeIn(list: readonly Scored[], at: number | undefined): Place | null {
  const hit = at === undefined ? undefined : list[at]
  return at === undefined || !hit ? null : { rank: at + 1, score: hit.score }
}
