/**
 * Spans as OTLP/HTTP has them in JSON (https://opentelemetry.io/docs/specs/otlp/, "JSON Protobuf Encoding"): ids in
 * hexadecimal, enumerations as numbers, whole numbers of 64 bits as text.
 */
import type { Attributes, AttributeValue, HrTime } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'

/** The numbers of `Span.SpanKind`: in the API they begin with 0, here with 1. */
const kindOffset = 1

/** The body of a request to `/v1/traces`. Nothing of the machine or the process is told. */
export function toOtlp(spans: readonly ReadableSpan[], version: string): string {
  const service = { 'service.name': 'locket', 'service.version': version }
  const resource = { attributes: keyValues(service) }
  const scopeSpans = [{ scope: { name: 'locket', version }, spans: spans.map(toSpan) }]
  return JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] })
}

function toSpan(span: ReadableSpan): object {
  const { traceId, spanId, traceFlags } = span.spanContext()
  const parent = span.parentSpanContext?.spanId
  return {
    traceId,
    spanId,
    ...(parent !== undefined && { parentSpanId: parent }),
    flags: traceFlags,
    name: span.name,
    kind: span.kind + kindOffset,
    startTimeUnixNano: nanoseconds(span.startTime),
    endTimeUnixNano: nanoseconds(span.endTime),
    attributes: keyValues(span.attributes),
    status: { code: span.status.code },
  }
}

function nanoseconds([seconds, rest]: HrTime): string {
  return String(BigInt(seconds) * 1_000_000_000n + BigInt(rest))
}

function keyValues(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }))
}

function anyValue(value: AttributeValue | undefined): object {
  return typeof value === 'number' ? { intValue: String(value) } : { stringValue: String(value) }
}
