import { compareTexts, type Documents } from './documents.ts'
import type { Sessions } from './sessions.ts'
import { createTop } from './top.ts'
import { type Scope, visibleTo } from './visibility.ts'

/** One session of a space, over the memories that the caller may see. */
export interface SessionSummary {
  readonly sessionId: string
  readonly memories: number
  /** The earliest and latest `occurredAt`, ms since the epoch. */
  readonly firstAt: number
  readonly lastAt: number
}

interface Space {
  readonly documents: Documents
  readonly sessions: Sessions
}

/** What is seen of one session, and its first and last document of that. */
interface Seen {
  readonly memories: number
  readonly first: number
  readonly last: number
}

/** The named sessions by their last `occurredAt`, latest first; equal ones in the order of ids. */
export function listSessions(
  space: Space,
  question: Scope & { readonly limit: number },
): SessionSummary[] {
  const { documents, sessions } = space
  sessions.settle()
  const seenOf = question.accept ? walking(space, question) : counting(space, question)
  const nameOf = (session: number): string => {
    const code = documents.sessionCode(sessions.firsts[session] as number)
    return documents.sessionId(code) as string
  }
  const top = createTop(question.limit, (a, b) => compareTexts(nameOf(a), nameOf(b)))
  const memories = new Uint32Array(sessions.capacity)
  const firstAt = new Float64Array(sessions.capacity)
  for (let session = 0; session < sessions.capacity; session++) {
    const head = sessions.firsts[session] as number
    if (head < 0 || documents.sessionCode(head) === 0) continue
    const seen = seenOf(session)
    if (seen.memories === 0) continue
    memories[session] = seen.memories
    firstAt[session] = documents.occurredAt(seen.first)
    top.offer(session, documents.occurredAt(seen.last))
  }
  return top.take().map(({ document: session, score }) => ({
    sessionId: nameOf(session),
    memories: memories[session] as number,
    firstAt: firstAt[session] as number,
    lastAt: score,
  }))
}

/** Where levels alone decide, the count is known, and the ends of the chain give the times. */
function counting({ documents, sessions }: Space, scope: Scope): (session: number) => Seen {
  const allowed = scope.privacyLevels && documents.allowedLevels(scope.privacyLevels)
  const sees = visibleTo(scope, documents)
  const from = (document: number, chain: Int32Array): number => {
    let at = document
    while (!sees(at)) at = chain[at] as number
    return at
  }
  return (session) => {
    const memories = sessions.totalsOf(session, allowed).documents
    if (memories === 0) return nothing
    const first = from(sessions.firsts[session] as number, sessions.after)
    const last = from(sessions.lasts[session] as number, sessions.before)
    return { memories, first, last }
  }
}

/** Asks about every document of a session. */
function walking({ documents, sessions }: Space, scope: Scope): (session: number) => Seen {
  const sees = visibleTo(scope, documents)
  return (session) => {
    let seen = nothing
    let at = sessions.firsts[session] as number
    for (; at >= 0; at = sessions.after[at] as number) {
      if (!sees(at)) continue
      seen = { memories: seen.memories + 1, first: seen.first < 0 ? at : seen.first, last: at }
    }
    return seen
  }
}

const nothing: Seen = { memories: 0, first: -1, last: -1 }
