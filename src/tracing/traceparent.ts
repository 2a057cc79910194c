/** W3C Trace Context, level 1, section 3.2: which trace a caller says that his request is a part of. */

export interface Traceparent {
  readonly traceId: string
  readonly spanId: string
}

const shape =
  /^(?!ff)(?<version>[0-9a-f]{2})-(?!0{32})(?<trace>[0-9a-f]{32})-(?!0{16})(?<span>[0-9a-f]{16})-[0-9a-f]{2}(?<more>-.{0,200})?$/

/**
 * Null for what is none. The flag that says whether the caller records it is not looked at: whether we do is for us
 * to say. Later versions may have more, which is left alone.
 */
export function readTraceparent(header: string | null): Traceparent | null {
  const { version, trace, span, more } = shape.exec(header ?? '')?.groups ?? {}
  if (trace === undefined || span === undefined) return null
  return version === '00' && more !== undefined ? null : { traceId: trace, spanId: span }
}
