/** Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009) with its usual constant. */
const k = 60

export interface Place {
  /** In its list, from 1. */
  readonly rank: number
  /** In its list. */
  readonly score: number
}

export interface United {
  readonly id: string
  readonly score: number
  /** One for each list; left out where it is not in that list. */
  readonly places: readonly (Place | undefined)[]
}

/**
 * The union of several ways to rank the same memories. Each gives points for a rank, whatever its
 * scores mean, and none can push out what only another has found; what all found comes first. Of
 * equal points the first list's comes first.
 */
export function unite(
  lists: readonly (readonly { readonly id: string; readonly score: number }[])[],
  limit: number,
): United[] {
  const places = new Map<string, (Place | undefined)[]>()
  for (const [list, hits] of lists.entries()) {
    for (const [at, { id, score }] of hits.entries()) {
      const known = places.get(id) ?? []
      known[list] = { rank: at + 1, score }
      places.set(id, known)
    }
  }
  const united = [...places].map(([id, known]) => ({ id, places: known, score: pointsOf(known) }))
  return united.sort((a, b) => b.score - a.score).slice(0, limit)
}

function pointsOf(places: readonly (Place | undefined)[]): number {
  return places.reduce((sum, place) => sum + (place ? 1 / (k + place.rank) : 0), 0)
}
