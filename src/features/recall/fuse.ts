/** Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009) with its usual constant. */
const k = 60

/**
 * One list from several: scores of different spaces mean different things, ranks do not. A single
 * list keeps its own scores.
 */
export function fuse<Hit extends { readonly score: number }>(
  lists: readonly (readonly Hit[])[],
  limit: number,
): Hit[] {
  const [only, ...others] = lists
  if (!only) return []
  if (others.length === 0) return only.slice(0, limit)
  const ranked = lists.flatMap((list) =>
    list.map((hit, rank) => ({ ...hit, score: 1 / (k + rank + 1) })),
  )
  // The sort is stable: of equal ranks the space that was named first comes first.
  return ranked.sort((a, b) => b.score - a.score).slice(0, limit)
}
