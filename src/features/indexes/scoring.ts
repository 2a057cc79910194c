import { phraseTermsMax, type Query } from './query.ts'
import { readTerm } from './reading.ts'
import { labelMask } from './tokens.ts'
import { admit, buffer, type Seeing, sessionLength, verdictOn, verdicts } from './visibility.ts'

/**
 * The parts of a score that come from words, for every document that has any; the formula is at
 * the top of ranking.ts. Points are whole multiples of 2^-30. Sums of them are exact in a double,
 * so they do not depend on the order of adding, and an index gives the same answer whatever its
 * history.
 */
export const unit = 2 ** 30

// The usual k1 of BM25. Memories are short and much alike in length, so length counts for less
// than in its usual b of 0.75. Shares halve with each step away, and a question gives the turn after
// it half as much again. docs/adr/0018-ranking-without-a-model.md has what each was measured to
// give; none was fitted finer than that.
const k1 = 1.2
const b = 0.5
const sessionB = 0.75
const nextShare = 0.5
const nextToQuestionShare = 0.75
const nextButOneShare = 0.25
// Matches below this share of the best one do not lend: recall@10 stays within 0.003, and a common
// word would otherwise make a candidate of nearly every document. At 1/4 a search takes 1.4 times as
// long.
const lendingShare = 0.35

/** One search on its way. */
export interface Search extends Seeing {
  readonly query: Query
}

/** How much one occurrence of a term is worth: BM25 with its constants worked out. */
export interface TermWeight {
  readonly idf: number
  readonly weight: number
  readonly perLength: number
}

// Working memory, shared by the searches of all spaces, since a search never pauses. Every array is
// all zero between searches as far as it is read before it is written.
export const work = {
  /**
   * Two numbers for each document, side by side since they are read together: its own points, and what
   * labels and neighbours give on top of them.
   */
  points: new Float64Array(0),
  /** The highest of what documents have on their own. */
  highest: 0,
  /** Which of the query's first terms a document holds, a bit each. */
  held: new Uint32Array(0),
  /** Documents with points of either kind, each once. */
  candidates: new Int32Array(0),
  candidateCount: 0,
  sessionFrequency: new Uint32Array(0),
  sessionScore: new Float64Array(0),
  sessionsOfTerm: new Int32Array(0),
  /** The idf of each term of the query. */
  idfs: new Float64Array(64),
}

/** Makes room for a search among so many documents and sessions. */
export function reserve(documents: number, sessions: number): void {
  if (work.held.length < documents) {
    const capacity = documents * 2
    work.points = new Float64Array(capacity * 2)
    work.held = new Uint32Array(capacity)
    work.candidates = new Int32Array(capacity)
  }
  if (work.sessionScore.length < sessions) {
    const capacity = sessions * 2
    work.sessionFrequency = new Uint32Array(capacity)
    work.sessionScore = new Float64Array(capacity)
    work.sessionsOfTerm = new Int32Array(capacity)
  }
}

/** Forgets a search, whatever it came to. */
export function clear(sessionOf: Uint32Array): void {
  const { points, held, sessionScore, candidates, candidateCount } = work
  for (let i = 0; i < candidateCount; i++) {
    const document = candidates[i] as number
    points[2 * document] = 0
    points[2 * document + 1] = 0
    held[document] = 0
    sessionScore[sessionOf[document] as number] = 0
  }
  work.candidateCount = 0
  work.highest = 0
}

/** Gives every document its points for the words of the query, but for its phrases. */
export function addPoints(search: Search): void {
  for (let place = 0; place < search.query.terms.length; place++) addTerm(search, place)
  lendToNeighbours(search)
}

function addTerm(search: Search, place: number): void {
  const { visible, kept } = admitTerm(search, place, 0)
  work.idfs[place] = idf(search.view.documents, visible)
  if (kept === 0) return
  addOwn(search, { place, visible, kept })
  addLabels(search, place)
}

/** Reads the documents of a term, or of its word as a label, into the buffer. */
export function admitTerm(
  search: Search,
  place: number,
  mask: number,
): { visible: number; kept: number } {
  const term = search.query.terms[place] as Query['terms'][number]
  return admit(search, readTerm(search, term, mask))
}

/** How rare a term is: that of Robertson and Zaragoza, with 1 added inside the logarithm. */
export function idf(all: number, having: number): number {
  return Math.log(1 + (all - having + 0.5) / (having + 0.5))
}

export function weightOf({ view }: Search, visible: number): TermWeight {
  const rarity = idf(view.documents, visible)
  const perLength = (k1 * b * view.documents) / view.totalLength
  return { idf: rarity, weight: unit * (k1 + 1) * rarity, perLength }
}

/** The points of a term that stands so often in a document of so many terms. */
export function pointsOf(term: TermWeight, frequency: number, length: number): number {
  const saturation = frequency + k1 * (1 - b) + term.perLength * length
  return Math.floor((term.weight * frequency) / saturation)
}

/** What a label with a term that so many documents have as a label gives. */
export function labelPoints({ view }: Search, visible: number): number {
  return Math.floor(unit * idf(view.documents, visible))
}

/** Adds a term to the documents that hold it, and counts how often it stands in their sessions. */
function addOwn(
  search: Search,
  { place, visible, kept }: { place: number; visible: number; kept: number },
): void {
  const { points, held, candidates, sessionFrequency, sessionsOfTerm } = work
  const { documents, frequencies } = buffer
  const lengths = search.documents.lengths
  const sessionOf = search.sessions.of
  const term = weightOf(search, visible)
  const bit = place < phraseTermsMax ? 1 << place : 0
  let { highest, candidateCount } = work
  let found = 0
  for (let i = 0; i < kept; i++) {
    const document = documents[i] as number
    const frequency = frequencies[i] as number
    const before = points[2 * document] as number
    if (before === 0) candidates[candidateCount++] = document
    const after = before + pointsOf(term, frequency, (lengths[document] as number) - 1)
    points[2 * document] = after
    held[document] = (held[document] as number) | bit
    if (after > highest) highest = after
    const session = sessionOf[document] as number
    const known = sessionFrequency[session] as number
    if (known === 0) sessionsOfTerm[found++] = session
    sessionFrequency[session] = known + frequency
  }
  work.highest = highest
  work.candidateCount = candidateCount
  addSessions(search, found)
}

/** Adds a term to the sessions that hold it, as often as was counted. */
function addSessions(search: Search, found: number): void {
  const { sessions, view } = search
  const { sessionFrequency, sessionScore, sessionsOfTerm } = work
  const lengths = view.allowed ? null : sessions.lengths
  const weight = (k1 + 1) * idf(view.sessions, found)
  const perTerm = (k1 * sessionB * view.sessions) / view.totalLength
  for (let i = 0; i < found; i++) {
    const session = sessionsOfTerm[i] as number
    const frequency = sessionFrequency[session] as number
    const length = lengths ? (lengths[session] as number) : sessionLength(search, session)
    const saturation = frequency + k1 * (1 - sessionB) + perTerm * length
    sessionScore[session] = (sessionScore[session] as number) + (weight * frequency) / saturation
    sessionFrequency[session] = 0
  }
}

function addLabels(search: Search, place: number): void {
  const { visible, kept } = admitTerm(search, place, labelMask)
  const points = labelPoints(search, visible)
  for (let i = 0; i < kept; i++) give(buffer.documents[i] as number, points)
}

/** Gives points to a document, if there is one, on top of its own. */
function give(document: number, more: number): void {
  if (document < 0) return
  const { points, candidates } = work
  const before = points[2 * document + 1] as number
  if (before === 0 && points[2 * document] === 0) candidates[work.candidateCount++] = document
  points[2 * document + 1] = before + more
}

function lendToNeighbours(search: Search): void {
  const { before, after } = search.sessions
  const { points, candidates, candidateCount } = work
  const floor = work.highest * lendingShare
  for (let i = 0; i < candidateCount; i++) {
    const document = candidates[i] as number
    const own = points[2 * document] as number
    if (own < floor) continue
    const left = neighbourOf(search, before, document)
    give(left, own * nextShare)
    give(neighbourOf(search, before, left), own * nextButOneShare)
    const right = neighbourOf(search, after, document)
    if (right < 0) continue
    give(right, own * (search.sequences.asks(document) ? nextToQuestionShare : nextShare))
    give(neighbourOf(search, after, right), own * nextButOneShare)
  }
}

/** The next document of the chain that takes part; those that do not are stepped over. */
function neighbourOf(search: Search, chain: Int32Array, document: number): number {
  if (document < 0) return -1
  let at = chain[document] as number
  if (!search.view.narrowed) return at
  while (at >= 0 && verdictOn(search, at) !== verdicts.accepted) at = chain[at] as number
  return at
}
