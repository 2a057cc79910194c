/** Bounds of traces: a part of `limits`, by which name they are used. */
export const traceLimits = {
  /** Pieces of traces that wait to be sent, those under way among them; what comes then is dropped and counted. */
  traceQueue_spans_max: 2_048,
  /** How many are sent at once. */
  traceBatch_spans_max: 256,
  /** How long the first of them waits for others. */
  traceBatch_wait_ms: 2_000,
  traceCall_timeout_ms: 5_000,
  /** For all that are still to be sent when the server stops. */
  traceClose_timeout_ms: 3_000,
  /** What a collector may answer; nothing of it is read. */
  traceAnswer_bytes_max: 64 * 1024,
} as const
