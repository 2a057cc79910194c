import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { toOtlp } from './otlp.ts'

const remote = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
}

test('a span of the SDK is written as the protocol has it in JSON', () => {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const parent = trace.setSpanContext(ROOT_CONTEXT, remote)
  const startTime: [number, number] = [1_763_715_600, 5]
  const options = { kind: SpanKind.SERVER, startTime, attributes: { 'http.route': '/livez' } }
  const span = provider.getTracer('any').startSpan('GET /livez', options, parent)
  span.setAttribute('http.response.status_code', 503)
  span.setStatus({ code: SpanStatusCode.ERROR })
  span.end([1_763_715_601, 999_999_999])
  const written = JSON.parse(toOtlp(exporter.getFinishedSpans(), '1.2.3'))
  assert.deepEqual(written, {
    resourceSpans: [
      {
        resource: {
          attributes: [
            { key: 'service.name', value: { stringValue: 'locket' } },
            { key: 'service.version', value: { stringValue: '1.2.3' } },
          ],
        },
        scopeSpans: [
          {
            scope: { name: 'locket', version: '1.2.3' },
            spans: [
              {
                traceId: remote.traceId,
                spanId: span.spanContext().spanId,
                parentSpanId: remote.spanId,
                flags: 1,
                name: 'GET /livez',
                kind: 2,
                startTimeUnixNano: '1763715600000000005',
                endTimeUnixNano: '1763715601999999999',
                attributes: [
                  { key: 'http.route', value: { stringValue: '/livez' } },
                  { key: 'http.response.status_code', value: { intValue: '503' } },
                ],
                status: { code: 2 },
              },
            ],
          },
        ],
      },
    ],
  })
})

test('the first of a trace has no parent', () => {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  provider.getTracer('any').startSpan('a', {}, ROOT_CONTEXT).end()
  const [{ scopeSpans }] = JSON.parse(toOtlp(exporter.getFinishedSpans(), '1')).resourceSpans
  const [span] = scopeSpans[0].spans
  assert.ok(!('parentSpanId' in span))
  assert.deepEqual([span.kind, span.status, span.attributes], [1, { code: 0 }, []])
})
