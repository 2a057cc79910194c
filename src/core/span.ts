/**
 * A piece of a trace: what was done for a request, from when to when. What may be told of it is closed, as in the
 * log: attributes have names of this list and values of closed vocabularies, so no text, no tenant and nobody's name
 * can be among them.
 */

export interface SpanFacts {
  readonly 'http.request.method'?: string
  /** The pattern of the path, never the path. */
  readonly 'http.route'?: string
  readonly 'http.response.status_code'?: number
  readonly 'db.system.name'?: string
  readonly 'locket.request_id'?: string
  readonly 'locket.model'?: string
  /** A code, or the class of an error. */
  readonly 'error.type'?: string
}

/** `client`: another server is asked. */
export type SpanKind = 'internal' | 'client'

export interface Span {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  child(name: string, kind: SpanKind): Span
  tell(facts: SpanFacts): void
  /** It has failed, and by no fault of the caller. */
  fail(): void
  end(): void
}
