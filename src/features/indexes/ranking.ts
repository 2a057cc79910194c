import { compareIds, type DocumentFields, type Documents } from './documents.ts'
import { createPostingsBuffer, type Postings } from './postings.ts'
import type { Sessions } from './sessions.ts'
import { labelMask, type QueryTerm } from './tokens.ts'
import { createTop } from './top.ts'

/**
 * Ranks the documents of one space for a query, with no model:
 *
 *   score = own + label + 1/2 of each neighbour's own + 1/4 of each next but one's + session
 *
 * `own` is BM25 of the document and `session` is BM25 of the whole session taken as one document
 * (S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; the
 * idf is theirs with 1 added inside the logarithm, so that no term counts against a document).
 * `label` is the idf of a query word that stands before a document's colon ("Alice: …"), among
 * labels: who speaks matters more than who is spoken of. Conversations put the question in one turn
 * and the answer in the next, which is why turns lend weight.
 *
 * What a score may depend on. Removed and expired documents count nowhere. Documents above the
 * caller's privacy levels count nowhere either: for every statistic it is as if they did not exist.
 * A document that `accept` rejects lends no weight, but it does count in document frequencies and
 * average lengths: `accept` narrows what the caller may see and is not what guards it.
 */

/** What one search reads. */
export interface Corpus {
  readonly documents: Documents
  readonly sessions: Sessions
  readonly postings: Postings
}

/** Who may see what, and what is asked for. */
export interface Scope {
  /** The privacy levels that the caller may see; left out: all. */
  readonly privacyLevels?: readonly string[] | undefined
  /** Narrows further; asked once at most about a document, and only if one near it matches. */
  readonly accept?: ((document: DocumentFields) => boolean) | undefined
}

/** One found memory. Scores are comparable within one answer only. */
export interface Hit {
  readonly id: string
  readonly score: number
}

// The usual values of BM25, and shares that halve with each step away. They were looked at on
// LoCoMo (dev), where recall@10 is 0.788 with them; choosing among 108 settings on four conversations and
// measuring on the fifth gives 0.783, so finer values would fit that data and nothing else.
const k1 = 1.2
const b = 0.75
const nextShare = 0.5
const nextButOneShare = 0.25
// Matches below this share of the best one do not lend: recall@10 stays within 0.002, and a common
// word would otherwise make a candidate of nearly every document.
const lendingShare = 0.25

// Scores are added up as whole multiples of 2^-30. Such sums are exact in a double, so they do not
// depend on the order of adding, and an index gives the same answer whatever its history.
const unit = 2 ** 30

const verdicts = { unknown: 0, accepted: 1, rejected: 2, invisible: 3 } as const

/** What the statistics of BM25 are taken over: all live documents, or those the caller may see. */
interface View {
  readonly documents: number
  readonly totalLength: number
  readonly sessions: number
  readonly sessionLengths: Float64Array
  /** Whether verdicts must be looked at. */
  readonly narrowed: boolean
}

/** One search on its way. */
interface Search extends Corpus {
  readonly view: View
  readonly accept: ((document: DocumentFields) => boolean) | undefined
}

// Working memory, shared by the searches of all spaces, since a search never pauses. Every array is
// all zero between searches as far as it is read before it is written.
const buffer = createPostingsBuffer()
const work = {
  verdict: new Uint8Array(0),
  own: new Float64Array(0),
  /** The highest of `own`. */
  highest: 0,
  /** What labels and neighbours give on top of `own`. */
  lent: new Float64Array(0),
  /** Documents with points of either kind, each once. */
  candidates: new Int32Array(0),
  candidateCount: 0,
  sessionFrequency: new Uint32Array(0),
  sessionScore: new Float64Array(0),
  sessionLengths: new Float64Array(0),
  sessionsOfTerm: new Int32Array(0),
  busy: false,
}

/** The best `limit` documents for the terms, best first; equal scores in the order of ids. */
export function rank(
  corpus: Corpus,
  terms: readonly QueryTerm[],
  options: Scope & { readonly limit: number },
): Hit[] {
  if (work.busy) throw new Error('accept must not search: the working memory is in use')
  work.busy = true
  try {
    reserve(corpus.documents.count, corpus.sessions.capacity)
    corpus.sessions.settle()
    const search = { ...corpus, view: viewOf(corpus, options), accept: options.accept }
    for (const term of terms) addTerm(search, term)
    lendToNeighbours(search)
    return best(search, options.limit)
  } finally {
    clear(corpus)
    work.busy = false
  }
}

function reserve(documents: number, sessions: number): void {
  if (work.own.length < documents) {
    const capacity = documents * 2
    work.verdict = new Uint8Array(capacity)
    work.own = new Float64Array(capacity)
    work.lent = new Float64Array(capacity)
    work.candidates = new Int32Array(capacity)
  }
  if (work.sessionScore.length < sessions) {
    const capacity = sessions * 2
    work.sessionFrequency = new Uint32Array(capacity)
    work.sessionScore = new Float64Array(capacity)
    work.sessionLengths = new Float64Array(capacity)
    work.sessionsOfTerm = new Int32Array(capacity)
  }
}

function clear(corpus: Corpus): void {
  const sessionOf = corpus.sessions.of
  for (let i = 0; i < work.candidateCount; i++) {
    const document = work.candidates[i] as number
    work.own[document] = 0
    work.lent[document] = 0
    work.sessionScore[sessionOf[document] as number] = 0
  }
  work.candidateCount = 0
  work.highest = 0
}

function viewOf(corpus: Corpus, scope: Scope): View {
  const { documents, sessions } = corpus
  const allowed = scope.privacyLevels && documents.allowedLevels(scope.privacyLevels)
  // Whoever may see every level that occurs needs no look at each document. Code 0 is no level.
  const restricted = allowed?.includes(0, 1) ?? false
  const narrowed = scope.accept !== undefined || restricted
  if (narrowed) work.verdict.fill(verdicts.unknown, 0, documents.count)
  if (allowed && restricted) return visibleView(corpus, allowed)
  return {
    documents: documents.live,
    totalLength: documents.totalLength,
    sessions: sessions.used,
    sessionLengths: sessions.lengths,
    narrowed,
  }
}

/** Counts what the caller may see: one pass over two columns, cheap beside the search itself. */
function visibleView({ documents, sessions }: Corpus, allowed: Uint8Array): View {
  const counts = work.sessionFrequency
  const lengths = work.sessionLengths.fill(0, 0, sessions.capacity)
  let visible = 0
  let totalLength = 0
  let used = 0
  for (let document = 0; document < documents.count; document++) {
    if (documents.lengths[document] === 0) continue
    if (allowed[documents.levels[document] as number] !== 1) {
      work.verdict[document] = verdicts.invisible
      continue
    }
    const session = sessions.of[document] as number
    const length = (documents.lengths[document] as number) - 1
    visible++
    totalLength += length
    lengths[session] = (lengths[session] as number) + length
    if (counts[session] === 0) used++
    counts[session] = 1
  }
  counts.fill(0, 0, sessions.capacity)
  return {
    documents: visible,
    totalLength,
    sessions: used,
    sessionLengths: lengths,
    narrowed: true,
  }
}

function addTerm(search: Search, term: QueryTerm): void {
  const read = search.postings.read(term.low, term.high, buffer)
  const { visible, kept } = admit(search, read)
  if (kept === 0) return
  addOwn(search, visible, kept)
  addSessions(search, kept)
  addLabels(search, term)
}

/** Keeps in the buffer the documents that take part; counts them and those that may be seen. */
function admit(search: Search, read: number): { visible: number; kept: number } {
  const { documents, frequencies } = buffer
  const lengths = search.documents.lengths
  const narrowed = search.view.narrowed
  let visible = 0
  let kept = 0
  for (let i = 0; i < read; i++) {
    const document = documents[i] as number
    if (lengths[document] === 0) continue
    if (narrowed) {
      const verdict = verdictOn(search, document)
      if (verdict === verdicts.invisible) continue
      visible++
      if (verdict === verdicts.rejected) continue
    }
    documents[kept] = document
    frequencies[kept] = frequencies[i] as number
    kept++
  }
  return { visible: narrowed ? visible : kept, kept }
}

function verdictOn(search: Search, document: number): number {
  const known = work.verdict[document] as number
  if (known !== verdicts.unknown) return known
  const accepted = search.accept === undefined || search.accept(search.documents.fields(document))
  const verdict = accepted ? verdicts.accepted : verdicts.rejected
  work.verdict[document] = verdict
  return verdict
}

function idf(all: number, having: number): number {
  return Math.log(1 + (all - having + 0.5) / (having + 0.5))
}

function addOwn({ documents, view }: Search, visible: number, kept: number): void {
  const { own, candidates } = work
  const lengths = documents.lengths
  const weight = unit * (k1 + 1) * idf(view.documents, visible)
  let highest = work.highest
  const perTerm = (k1 * b * view.documents) / view.totalLength
  for (let i = 0; i < kept; i++) {
    const document = buffer.documents[i] as number
    const frequency = buffer.frequencies[i] as number
    const length = (lengths[document] as number) - 1
    const saturation = frequency + k1 * (1 - b) + perTerm * length
    const before = own[document] as number
    if (before === 0) candidates[work.candidateCount++] = document
    const after = before + Math.floor((weight * frequency) / saturation)
    own[document] = after
    if (after > highest) highest = after
  }
  work.highest = highest
}

function addSessions({ sessions, view }: Search, kept: number): void {
  const { sessionFrequency, sessionScore, sessionsOfTerm } = work
  const sessionOf = sessions.of
  let found = 0
  for (let i = 0; i < kept; i++) {
    const session = sessionOf[buffer.documents[i] as number] as number
    const before = sessionFrequency[session] as number
    if (before === 0) sessionsOfTerm[found++] = session
    sessionFrequency[session] = before + (buffer.frequencies[i] as number)
  }
  const weight = (k1 + 1) * idf(view.sessions, found)
  const perTerm = (k1 * b * view.sessions) / view.totalLength
  for (let i = 0; i < found; i++) {
    const session = sessionsOfTerm[i] as number
    const frequency = sessionFrequency[session] as number
    const length = view.sessionLengths[session] as number
    const saturation = frequency + k1 * (1 - b) + perTerm * length
    sessionScore[session] = (sessionScore[session] as number) + (weight * frequency) / saturation
    sessionFrequency[session] = 0
  }
}

function addLabels(search: Search, term: QueryTerm): void {
  const low = (term.low ^ labelMask) >>> 0
  const high = (term.high ^ labelMask) >>> 0
  const { visible, kept } = admit(search, search.postings.read(low, high, buffer))
  const points = Math.floor(unit * idf(search.view.documents, visible))
  for (let i = 0; i < kept; i++) give(buffer.documents[i] as number, points)
}

function give(document: number, points: number): void {
  const before = work.lent[document] as number
  if (before === 0 && work.own[document] === 0) work.candidates[work.candidateCount++] = document
  work.lent[document] = before + points
}

function lendToNeighbours(search: Search): void {
  const { before, after } = search.sessions
  const { own, candidates, candidateCount } = work
  const floor = work.highest * lendingShare
  for (let i = 0; i < candidateCount; i++) {
    const document = candidates[i] as number
    const points = own[document] as number
    if (points < floor) continue
    lendAlong(search, before, { document, points })
    lendAlong(search, after, { document, points })
  }
}

function lendAlong(
  search: Search,
  chain: Int32Array,
  { document, points }: { document: number; points: number },
): void {
  const next = neighbourOf(search, chain, document)
  if (next < 0) return
  give(next, points * nextShare)
  const nextButOne = neighbourOf(search, chain, next)
  if (nextButOne >= 0) give(nextButOne, points * nextButOneShare)
}

/** The next document of the chain that takes part; those that do not are stepped over. */
function neighbourOf(search: Search, chain: Int32Array, document: number): number {
  let at = chain[document] as number
  if (!search.view.narrowed) return at
  while (at >= 0 && verdictOn(search, at) !== verdicts.accepted) at = chain[at] as number
  return at
}

function best({ documents, sessions }: Search, limit: number): Hit[] {
  const top = createTop(limit, (a, b) =>
    compareIds(documents.ids[a] as string, documents.ids[b] as string),
  )
  const { own, lent, sessionScore } = work
  for (let i = 0; i < work.candidateCount; i++) {
    const document = work.candidates[i] as number
    const points = (own[document] as number) + (lent[document] as number)
    const session = sessionScore[sessions.of[document] as number] as number
    top.offer(document, points / unit + session)
  }
  return top.take().map(({ document, score }) => ({ id: documents.ids[document] as string, score }))
}
