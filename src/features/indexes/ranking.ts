import { Fault } from '../../core/fault.ts'
import { type Explanation, explain } from './explain.ts'
import { factorMax, factorOf, type Timing } from './factors.ts'
import { phraseScore, phraseScoreMax, worthOf } from './phrases.ts'
import type { Query } from './query.ts'
import { addPoints, clear, reserve, type Search, unit, work } from './scoring.ts'
import { createTop, type Scored } from './top.ts'
import { candidates_min, type Place, unite } from './unite.ts'
import { type Corpus, type Scope, seeing } from './visibility.ts'

/**
 * Ranks the documents of one space for a query, with no model:
 *
 *   score = (own + label + neighbours + session + phrases) * importance * recency
 *
 * `own` is BM25 of the document and `session` is BM25 of the whole session taken as one document
 * (S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; the
 * idf is theirs with 1 added inside the logarithm, so that no term counts against a document).
 * `label` is the idf of a query word that stands before a document's colon ("Alice: …"), among
 * labels: who speaks matters more than who is spoken of. `neighbours` is 1/2 of each neighbour's own
 * and 1/4 of each next but one's; of a neighbour before that asks it is 3/4. Conversations put the
 * question in one turn and the answer in the next, which is why turns lend weight.
 *
 * Two words of the query that stand together, with none but stop words between, give the lower of
 * their idfs as `phrases` to a document that has them at the same distance; a quotation of two words
 * or more gives three times the idfs of its words. The two factors are in factors.ts. What a score
 * may depend on is in visibility.ts.
 */

/** What a search is asked besides its words. */
export interface Options extends Scope, Timing {
  readonly limit: number
  /** Whether hits come with the parts of their scores. */
  readonly explain?: boolean | undefined
}

/** One found memory. Scores are comparable within one answer only. */
export interface Hit {
  readonly id: string
  readonly score: number
  /** Where the score comes from, for who asked. */
  readonly explain?: Explanation | undefined
}

/** One of the union of words and vectors: its place in each list, null where it is not in that one. */
export interface UnitedHit {
  readonly id: string
  readonly score: number
  readonly words: (Place & Pick<Hit, 'explain'>) | null
  readonly vectors: Place | null
}

/** A power of two, as `unit` is: multiplying with it is dividing by that, to the last bit. */
const perUnit = 1 / unit

let busy = false

/** The best `limit` documents for the query, best first; equal scores in the order of ids. */
export function rank(corpus: Corpus, query: Query, options: Options): Hit[] {
  return searching(corpus, { query, options }, (search) => {
    const found = best(search, options.limit, options)
    const parts = options.explain ? explain(search, found, options) : []
    return found.map(({ document, score }, at) => {
      const hit = { id: corpus.documents.idOf(document), score }
      return options.explain ? { ...hit, explain: parts[at] } : hit
    })
  })
}

/**
 * The same with what is `near` by vectors, best first, made one list of `limit`. Ids and explanations
 * are made for what is in it and not for all that is compared.
 */
export function rankWith(
  near: readonly Scored[],
  { corpus, query }: { readonly corpus: Corpus; readonly query: Query },
  options: Options,
): UnitedHit[] {
  return searching(corpus, { query, options }, (search) => {
    const words = best(search, Math.max(options.limit, candidates_min), options)
    const united = unite(words, near, options.limit)
    const parts = options.explain ? explain(search, united, options) : []
    return united.map(({ document, words: place, ...hit }, at) => ({
      ...hit,
      id: corpus.documents.idOf(document),
      words: place && options.explain ? { ...place, explain: parts[at] } : place,
    }))
  })
}
/** Runs a search in the working memory, and gives that back clean. */
function searching<Found>(
  corpus: Corpus,
  { query, options }: { readonly query: Query; readonly options: Options },
  answer: (search: Search) => Found,
): Found {
  if (busy) throw new Fault('accept must not search: the working memory is in use')
  busy = true
  try {
    reserve(corpus.documents.count, corpus.sessions.capacity)
    corpus.sessions.settle()
    const search = { ...seeing(corpus, options), query }
    addPoints(search)
    return answer(search)
  } finally {
    clear(corpus.sessions.of)
    busy = false
  }
}

function best(search: Search, limit: number, timing: Timing): Scored[] {
  const { documents } = search
  const { held, candidates, candidateCount } = work
  const { points, sessionScore } = work
  const sessionOf = search.sessions.of
  const top = createTop(limit, (a, b) => documents.compareIds(a, b))
  const phrases = search.query.phrases.map(worthOf)
  const factorsMost = factorMax(timing.recency ?? 'gentle')
  // Candidates come by terms, so the next one mostly holds the same as the one before.
  let lastHeld = 0
  let phrasesMost = 0
  for (let i = 0; i < candidateCount; i++) {
    const document = candidates[i] as number
    const given = (points[2 * document] as number) + (points[2 * document + 1] as number)
    const words = given * perUnit + (sessionScore[sessionOf[document] as number] as number)
    if (held[document] !== lastHeld) {
      lastHeld = held[document] as number
      phrasesMost = phraseScoreMax(lastHeld, phrases)
    }
    const most = words + phrasesMost
    // Nearly no document gets past this, so that what follows costs nothing to speak of.
    if (!top.admits(most * factorsMost)) continue
    const factor = factorOf(documents, document, timing)
    if (!top.admits(most * factor)) continue
    const score = most > words ? words + phraseScore(search, document, phrases) : words
    top.offer(document, score * factor)
  }
  return top.take()
}
