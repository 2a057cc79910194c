import { factorsOf, type Timing } from './factors.ts'
import { phraseScore, worthOf } from './phrases.ts'
import { admitTerm, labelPoints, pointsOf, type Search, unit, weightOf, work } from './scoring.ts'
import { labelMask } from './tokens.ts'
import type { Scored } from './top.ts'
import { buffer } from './visibility.ts'

/** What one word of the query gives. */
export interface TermPart {
  /** As the caller wrote it. */
  readonly term: string
  /** How rare it is among what the caller may see. */
  readonly idf: number
  readonly score: number
}

/**
 * The parts of a score:
 * `(sum of terms + label + neighbours + session + phrases) * importance * recency`.
 */
export interface Explanation {
  readonly terms: readonly TermPart[]
  readonly label: number
  readonly neighbours: number
  readonly session: number
  readonly phrases: number
  readonly importance: number
  readonly recency: number
}

/** What each term gives to each of some documents, in the order of the documents. */
interface Parts {
  readonly idf: number
  readonly own: readonly number[]
  readonly label: readonly number[]
}

/**
 * Says where the scores of the best come from, while the working memory of their search still
 * stands. Reads every posting a second time, so it is made only for who asks.
 */
export function explain(search: Search, best: readonly Scored[], timing: Timing): Explanation[] {
  const documents = best.map(({ document }) => document)
  const parts = search.query.terms.map((_, place) => partsOf(search, place, documents))
  const phrases = search.query.phrases.map(worthOf)
  return documents.map((document, at) => {
    const label = parts.reduce((sum, part) => sum + (part.label[at] as number), 0)
    const session = search.sessions.of[document] as number
    return {
      terms: parts.map(({ idf, own }, place) => ({
        term: search.query.terms[place]?.word ?? '',
        idf,
        score: (own[at] as number) / unit,
      })),
      label: label / unit,
      neighbours: ((work.points[2 * document + 1] as number) - label) / unit,
      session: work.sessionScore[session] as number,
      phrases: phraseScore(search, document, phrases),
      ...factorsOf(search.documents, document, timing),
    }
  })
}

function partsOf(search: Search, place: number, documents: readonly number[]): Parts {
  const read = admitTerm(search, place, 0)
  const term = weightOf(search, read.visible)
  const frequencies = frequenciesOf(documents, read.kept)
  const own = documents.map((document) => {
    const length = (search.documents.lengths[document] as number) - 1
    const frequency = frequencies.get(document)
    return frequency === undefined ? 0 : pointsOf(term, frequency, length)
  })
  const labels = admitTerm(search, place, labelMask)
  const points = labelPoints(search, labels.visible)
  const labelled = frequenciesOf(documents, labels.kept)
  const label = documents.map((document) => (labelled.has(document) ? points : 0))
  return { idf: term.idf, own, label }
}

/** How often the term in the buffer stands in some documents; those without it are left out. */
function frequenciesOf(documents: readonly number[], kept: number): Map<number, number> {
  const wanted = new Set(documents)
  const result = new Map<number, number>()
  for (let i = 0; i < kept; i++) {
    const document = buffer.documents[i] as number
    if (wanted.has(document)) result.set(document, buffer.frequencies[i] as number)
  }
  return result
}
