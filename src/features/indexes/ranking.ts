import { factorMax, importanceFactor, type Recency, recencyFactor } from './factors.ts'
import type { Query, QueryPhrase } from './query.ts'
import { addPoints, clear, reserve, type Search, unit, work } from './scoring.ts'
import { createTop, type Scored } from './top.ts'
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
 * or more gives three times the idfs of its words. The two factors are in factors.ts. What a score may depend on is in visibility.ts.
 */

export interface Options extends Scope {
  readonly limit: number
  /** ms since the epoch. */
  readonly now: number
  /** `gentle` when absent. */
  readonly recency?: Recency | undefined
}

/** One found memory. Scores are comparable within one answer only. */
export interface Hit {
  readonly id: string
  readonly score: number
}

// Who quotes wants what he quotes before anything else.
const quotationWeight = 3

let busy = false

/** The best `limit` documents for the query, best first; equal scores in the order of ids. */
export function rank(corpus: Corpus, query: Query, options: Options): Hit[] {
  if (busy) throw new Error('accept must not search: the working memory is in use')
  busy = true
  try {
    reserve(corpus.documents.count, corpus.sessions.capacity)
    corpus.sessions.settle()
    const search = { ...seeing(corpus, options), query }
    addPoints(search)
    return best(search, options).map(({ document, score }) => ({
      id: corpus.documents.idOf(document),
      score,
    }))
  } finally {
    clear(corpus.sessions.of)
    busy = false
  }
}

/** A phrase with what it is worth, and the terms that a document needs for it, a bit each. */
interface Worth {
  readonly phrase: QueryPhrase
  readonly terms: number
  readonly score: number
}

function best(search: Search, options: Options): Scored[] {
  const { documents } = search
  const top = createTop(options.limit, (a, b) => documents.compareIds(a, b))
  const phrases = search.query.phrases.map(worthOf)
  const phrasesMost = phrases.reduce((sum, { score }) => sum + score, 0)
  const factorsMost = factorMax(options.recency ?? 'gentle')
  for (let i = 0; i < work.candidateCount; i++) {
    const document = work.candidates[i] as number
    const words = wordScore(search, document)
    // Nearly no document gets past these, so that what follows costs nothing to speak of.
    if (!top.admits((words + phrasesMost) * factorsMost)) continue
    const most = words + phraseScoreMax(document, phrases)
    if (!top.admits(most * factorsMost)) continue
    const score = most > words ? words + phraseScore(search, document, phrases) : words
    top.offer(document, score * factorOf(search, document, options))
  }
  return top.take()
}

function wordScore({ sessions }: Search, document: number): number {
  const points = (work.own[document] as number) + (work.lent[document] as number)
  return points / unit + (work.sessionScore[sessions.of[document] as number] as number)
}

/** What the phrases give whose words the document holds, wherever they stand in it. */
function phraseScoreMax(document: number, phrases: readonly Worth[]): number {
  const held = work.held[document] as number
  let sum = 0
  for (const { terms, score } of phrases) {
    if ((held & terms) === terms) sum += score
  }
  return sum
}

function phraseScore({ sequences }: Search, document: number, phrases: readonly Worth[]): number {
  const held = work.held[document] as number
  let sum = 0
  for (const { phrase, terms, score } of phrases) {
    if ((held & terms) === terms && sequences.holds(document, phrase)) sum += score
  }
  return sum
}

function worthOf(phrase: QueryPhrase): Worth {
  const idfs = phrase.terms.map((term) => work.idfs[term] as number)
  const score = phrase.quoted
    ? quotationWeight * idfs.reduce((sum, one) => sum + one, 0)
    : Math.min(...idfs)
  return { phrase, terms: phrase.terms.reduce((bits, term) => bits | (1 << term), 0), score }
}

function factorOf({ documents }: Search, document: number, options: Options): number {
  const { now, recency = 'gentle' } = options
  const importance = importanceFactor(documents.importance(document))
  return importance * recencyFactor(documents.occurredAt(document), { now, recency })
}
