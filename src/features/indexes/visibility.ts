import type { DocumentFields, Documents } from './documents.ts'
import { createPostingsBuffer, type Postings } from './postings.ts'
import type { Sequences } from './sequences.ts'
import type { Sessions } from './sessions.ts'

/**
 * Who may see what in one search, and the statistics that follow from it. Removed and expired
 * documents count nowhere. Documents above the caller's privacy levels count nowhere either: for
 * every statistic it is as if they did not exist. A document that `accept` rejects lends no weight,
 * but it does count in document frequencies and average lengths: `accept` narrows what the caller
 * may see and is not what guards it.
 */

/** What one search reads. */
export interface Corpus {
  readonly documents: Documents
  readonly sessions: Sessions
  readonly postings: Postings
  readonly sequences: Sequences
}

/** Who may see what, and what is asked for. */
export interface Scope {
  /** The privacy levels that the caller may see; left out: all. */
  readonly privacyLevels?: readonly string[] | undefined
  /** Narrows further; asked once at most about a document, and only if one near it matches. */
  readonly accept?: ((document: DocumentFields) => boolean) | undefined
}

export const verdicts = { unknown: 0, accepted: 1, rejected: 2, invisible: 3 } as const

/** What the statistics of BM25 are taken over: all live documents, or those the caller may see. */
export interface View {
  readonly documents: number
  readonly totalLength: number
  readonly sessions: number
  /** The code of each level that may be seen is 1 in it; undefined: all may. */
  readonly allowed: Uint8Array | undefined
  /** Whether verdicts must be looked at. */
  readonly narrowed: boolean
}

/** Who takes part in one search. */
export interface Seeing extends Corpus {
  readonly view: View
  readonly accept: ((document: DocumentFields) => boolean) | undefined
}

/** Where `admit` leaves what it keeps. */
export const buffer = createPostingsBuffer()

// Working memory, shared by the searches of all spaces, since a search never pauses.
let verdictOf = new Uint8Array(0)

/** Says of a search who takes part in it; good until the next search. */
export function seeing(corpus: Corpus, scope: Scope): Seeing {
  return { ...corpus, view: viewOf(corpus, scope), accept: scope.accept }
}

function viewOf(corpus: Corpus, scope: Scope): View {
  const { documents, sessions } = corpus
  const allowed = scope.privacyLevels && documents.allowedLevels(scope.privacyLevels)
  // Whoever may see every level that occurs needs no look at each document. Code 0 is no level.
  const restricted = allowed?.includes(0, 1) ?? false
  const narrowed = scope.accept !== undefined || restricted
  if (narrowed) clearVerdicts(documents.count)
  if (allowed && restricted) {
    return { ...documents.totalsOf(allowed), sessions: sessions.seen(allowed), allowed, narrowed }
  }
  const { live, totalLength } = documents
  return { documents: live, totalLength, sessions: sessions.used, allowed: undefined, narrowed }
}

function clearVerdicts(count: number): void {
  if (verdictOf.length < count) verdictOf = new Uint8Array(count * 2)
  else verdictOf.fill(verdicts.unknown, 0, count)
}

/** The terms of a session together, in those of its documents that may be seen. */
export function sessionLength({ sessions, view }: Seeing, session: number): number {
  if (!view.allowed) return sessions.lengths[session] as number
  return sessions.totalsOf(session, view.allowed).length
}

/** Keeps in the buffer the documents that take part; counts them and those that may be seen. */
export function admit(search: Seeing, read: number): { visible: number; kept: number } {
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

export function verdictOn(search: Seeing, document: number): number {
  const known = verdictOf[document] as number
  if (known !== verdicts.unknown) return known
  const verdict = newVerdict(search, document)
  verdictOf[document] = verdict
  return verdict
}

function newVerdict({ documents, view, accept }: Seeing, document: number): number {
  const level = documents.levels[document] as number
  if (view.allowed && view.allowed[level] !== 1) return verdicts.invisible
  if (accept === undefined) return verdicts.accepted
  return accept(documents.fields(document)) ? verdicts.accepted : verdicts.rejected
}

/** Tells whether a document is live, may be seen and is accepted, outside a search. */
export function visibleTo(
  { privacyLevels, accept }: Scope,
  documents: Documents,
): (document: number) => boolean {
  const allowed = privacyLevels && documents.allowedLevels(privacyLevels)
  return (document) => {
    if (documents.lengths[document] === 0) return false
    if (allowed && allowed[documents.levels[document] as number] !== 1) return false
    return accept === undefined || accept(documents.fields(document))
  }
}
