/** What one space answers to a question: by its words and, with the vector of the query, by meaning. */
import type { Id } from '../../core/ids.ts'
import type { Context, NamedSpace } from '../../kernel/context.ts'
import type { Recency } from '../indexes/factors.ts'
import type { Hit } from '../indexes/space-index.ts'
import type { HeldIndex } from '../indexes/space-indexes.ts'
import type { Place } from '../indexes/unite.ts'
import type { Predicate } from '../memories/filter.ts'
import type { MemoryId } from '../memories/memory.ts'

export interface Question {
  readonly query: string
  readonly limit: number
  readonly now: number
  readonly recency: Recency
  readonly explain: boolean
  readonly accept?: Predicate
  readonly prepared: Prepared | undefined
}

export interface Prepared {
  readonly held: ReadonlyMap<Id<'spc'>, HeldIndex>
  /** The query's; null: it is answered by words alone. */
  readonly vector: Float32Array | null
}

export interface Found {
  readonly id: MemoryId
  readonly score: number
  readonly space: NamedSpace
  /** Null where it is not among the best by its words. */
  readonly words: Omit<Hit, 'id'> | null
  /** Null where there is one list alone. */
  readonly union: Union | null
}

/** Its places in the two lists, of those that it is in. */
export interface Union {
  readonly words: Place | null
  readonly vectors: Place | null
  readonly score: number
}

export interface Answer {
  readonly found: readonly Found[]
  /** Whether vectors would have had more of a say. */
  readonly degraded: boolean
}

/** One of so many memories may be without a vector yet before an answer is called degraded. */
const pendingShare = 10
export async function search(ctx: Context, space: NamedSpace, question: Question): Promise<Answer> {
  const { prepared, query } = question
  const held = prepared?.held.get(space.store.id)
  const index = await ctx.services.indexes.current(space.store, held)
  const vector = prepared?.vector
  if (!vector) {
    const hits = index.search(query, question)
    const found = hits.map(({ id, ...words }) => {
      return { id: id as MemoryId, score: words.score, space, words, union: null }
    })
    return { found, degraded: true }
  }
  const found = index.searchBoth(query, vector, question).map(({ id, score, words, vectors }) => {
    const union = { words: words && placeOf(words), vectors, score }
    return { id: id as MemoryId, score, space, words: words && matchOf(words), union }
  })
  return { found, degraded: index.pending * pendingShare > index.size }
}

function placeOf({ rank, score }: Place): Place {
  return { rank, score }
}

function matchOf({ rank: _, ...match }: Place & Pick<Hit, 'explain'>): Omit<Hit, 'id'> {
  return match
}
