/** Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009) with its usual constant. */
const k = 60

/** How a hit came to its place among those of several lists. */
export interface Fusion {
  /** Its place in its own list, from 1. */
  readonly rank: number
  readonly score: number
}

export interface Fused {
  /** Left out where there was one list. */
  readonly fusion?: Fusion
}

/**
 * One list from several: scores of different spaces mean different things, ranks do not. A single
 * list keeps its own scores.
 */
export function fuse<Hit extends { readonly score: number }>(
  lists: readonly (readonly Hit[])[],
  limit: number,
): (Hit & Fused)[] {
  const [only, ...others] = lists
  if (!only) return []
  if (others.length === 0) return only.slice(0, limit)
  const ranked = lists.flatMap((list) =>
    list.map((hit, at) => {
      const fusion = { rank: at + 1, score: 1 / (k + at + 1) }
      return { ...hit, score: fusion.score, fusion }
    }),
  )
  // The sort is stable: of equal ranks the space that was named first comes first.
  return ranked.sort((a, b) => b.score - a.score).slice(0, limit)
}
