/** How what is done becomes a piece of the trace of its request. Without a trace it is done, and nothing else. */
import { currentSpan, inSpan } from '../core/errand.ts'
import { LocketError } from '../core/errors.ts'
import { failureName } from '../core/log-error.ts'
import type { Span, SpanFacts, SpanKind } from '../core/span.ts'

export interface Traced {
  readonly name: string
  readonly kind?: SpanKind
  readonly facts?: SpanFacts
}

/** Does `work`, which is handed its piece of the trace, or null where nothing is traced. */
export function traced<T>(
  { name, kind = 'internal', facts }: Traced,
  work: (span: Span | null) => Promise<T>,
): Promise<T> {
  const parent = currentSpan()
  if (parent === null) return work(null)
  const span = parent.child(name, kind)
  if (facts) span.tell(facts)
  return inSpan(span, () => watched(span, work))
}

async function watched<T>(span: Span, work: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await work(span)
  } catch (thrown) {
    span.tell({ 'error.type': failureName(thrown) })
    if (!isCallers(thrown)) span.fail()
    throw thrown
  } finally {
    span.end()
  }
}

/** A refusal is no failure of the server. */
function isCallers(thrown: unknown): boolean {
  return thrown instanceof LocketError && thrown.status < 500
}
