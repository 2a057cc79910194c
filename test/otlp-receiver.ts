/**
 * A collector for tests: takes OTLP over HTTP in its JSON form, and takes nothing else. What it accepts is written down
 * here from the protocol (https://opentelemetry.io/docs/specs/otlp/ and trace.proto, v1), not from what we send.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  /** Undefined for the first of a trace. */
  readonly parentSpanId: string | undefined
  readonly name: string
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number
  readonly start_ns: bigint
  readonly end_ns: bigint
  readonly attributes: Readonly<Record<string, string | number>>
  /** 0 unset, 1 well, 2 failed. */
  readonly status: number
}

export interface Collector {
  /** What a Locket is told. */
  readonly endpoint: string
  readonly port: number
  readonly spans: readonly ReceivedSpan[]
  /** The bodies as they came. */
  readonly bodies: readonly string[]
  readonly resources: readonly Readonly<Record<string, string | number>>[]
  /** What was wrong with what came. */
  readonly mistakes: readonly string[]
  behave(how: 'well' | 'refuses' | 'hangs'): void
  down(): Promise<void>
  up(): Promise<void>
}

type Json = ReturnType<typeof JSON.parse>

/** Only these keys, and those of them that must be there. */
function keys(value: Json, needed: readonly string[], more: readonly string[] = []): void {
  const found = Object.keys(value)
  for (const key of needed) assert.ok(found.includes(key), `${key} of ${JSON.stringify(value)}`)
  for (const key of found) assert.ok([...needed, ...more].includes(key), `${key} is no field`)
}

/** KeyValue, whose value is one of the kinds of AnyValue; an int64 is text in JSON. */
function attributesOf(list: Json): Record<string, string | number> {
  const pairs = (list as Json[]).map((pair) => {
    keys(pair, ['key', 'value'])
    const { stringValue, intValue } = pair.value
    keys(pair.value, [stringValue === undefined ? 'intValue' : 'stringValue'])
    if (stringValue !== undefined) assert.equal(typeof stringValue, 'string')
    else assert.match(intValue, /^-?\d{1,19}$/)
    return [pair.key, stringValue ?? Number(intValue)]
  })
  return Object.fromEntries(pairs)
}

function spanOf(span: Json): ReceivedSpan {
  keys(
    span,
    ['traceId', 'spanId', 'name', 'kind', 'startTimeUnixNano', 'endTimeUnixNano'],
    ['parentSpanId', 'flags', 'attributes', 'status', 'traceState', 'events', 'links'],
  )
  assert.match(span.traceId, /^(?!0{32})[0-9a-f]{32}$/)
  assert.match(span.spanId, /^(?!0{16})[0-9a-f]{16}$/)
  if (span.parentSpanId !== undefined) assert.match(span.parentSpanId, /^(?!0{16})[0-9a-f]{16}$/)
  assert.ok(Number.isInteger(span.kind) && span.kind >= 1 && span.kind <= 5)
  assert.match(span.startTimeUnixNano, /^\d{19}$/)
  assert.match(span.endTimeUnixNano, /^\d{19}$/)
  keys(span.status, ['code'], ['message'])
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    kind: span.kind,
    start_ns: BigInt(span.startTimeUnixNano),
    end_ns: BigInt(span.endTimeUnixNano),
    attributes: attributesOf(span.attributes),
    status: span.status.code,
  }
}

/** ExportTraceServiceRequest. */
function read(body: string): {
  spans: ReceivedSpan[]
  resources: Record<string, string | number>[]
} {
  const request = JSON.parse(body)
  keys(request, ['resourceSpans'])
  const spans: ReceivedSpan[] = []
  const resources: Record<string, string | number>[] = []
  for (const ofResource of request.resourceSpans) {
    keys(ofResource, ['resource', 'scopeSpans'], ['schemaUrl'])
    keys(ofResource.resource, ['attributes'])
    resources.push(attributesOf(ofResource.resource.attributes))
    for (const ofScope of ofResource.scopeSpans) {
      keys(ofScope, ['scope', 'spans'], ['schemaUrl'])
      keys(ofScope.scope, ['name'], ['version'])
      spans.push(...ofScope.spans.map(spanOf))
    }
  }
  return { spans, resources }
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of incoming) body += chunk
  return body
}

/** Starts one; it is ended when the test is over. */
export async function startCollector(t: TestContext): Promise<Collector> {
  const spans: ReceivedSpan[] = []
  const bodies: string[] = []
  const mistakes: string[] = []
  const resources: Record<string, string | number>[] = []
  let how: Parameters<Collector['behave']>[0] = 'well'
  let server: Server
  let port = 0

  const take = async (incoming: IncomingMessage): Promise<number> => {
    const body = await bodyOf(incoming)
    if (how === 'refuses') return 503
    const { method, url, headers } = incoming
    if (method !== 'POST' || url !== '/v1/traces') return 404
    if (headers['content-type'] !== 'application/json') return 415
    bodies.push(body)
    try {
      const received = read(body)
      spans.push(...received.spans)
      resources.push(...received.resources)
      return 200
    } catch (thrown) {
      mistakes.push(String(thrown))
      return 400
    }
  }
  const up = async (): Promise<void> => {
    server = createServer(async (incoming, outgoing) => {
      const status = await take(incoming)
      if (how === 'hangs') return
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  const down = async (): Promise<void> => {
    if (!server.listening) return
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  await up()
  t.after(down)
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    spans,
    bodies,
    resources,
    mistakes,
    behave: (next) => {
      how = next
    },
    down,
    up,
  }
}
