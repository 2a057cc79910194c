import type { QueryPhrase } from './query.ts'
import { type Search, work } from './scoring.ts'

/** What the phrases of a query give to the documents that hold them; the rule is in ranking.ts. */

/** A phrase with what it is worth, and the terms that a document needs for it, a bit each. */
export interface Worth {
  readonly phrase: QueryPhrase
  readonly terms: number
  readonly score: number
}

// Who quotes wants what he quotes before anything else.
const quotationWeight = 3

/** The phrases of a search whose points are given: the idf of each term is known. */
export function worthOf(phrase: QueryPhrase): Worth {
  const idfs = phrase.terms.map((term) => work.idfs[term] as number)
  const score = phrase.quoted
    ? quotationWeight * idfs.reduce((sum, one) => sum + one, 0)
    : Math.min(...idfs)
  return { phrase, terms: phrase.terms.reduce((bits, term) => bits | (1 << term), 0), score }
}

/** What the phrases give to a document that holds these terms, wherever they stand in it. */
export function phraseScoreMax(held: number, phrases: readonly Worth[]): number {
  let sum = 0
  for (const { terms, score } of phrases) {
    if ((held & terms) === terms) sum += score
  }
  return sum
}

/** What the phrases give that the document holds. */
export function phraseScore(
  { sequences }: Search,
  document: number,
  phrases: readonly Worth[],
): number {
  const held = work.held[document] as number
  let sum = 0
  for (const { phrase, terms, score } of phrases) {
    if ((held & terms) !== terms) continue
    if (phrase.variants.some((variant) => sequences.holds(document, variant))) sum += score
  }
  return sum
}
