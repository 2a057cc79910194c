/** Traces as a collector gets them from a whole Locket, and what a Locket does without one that answers. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { stopwatch } from '../src/core/clock.ts'
import { limits } from '../src/core/limits.ts'
import { createLog } from '../src/core/log.ts'
import type { TraceSettings } from '../src/tracing/tracing.ts'
import { onlyOn } from './engine.ts'
import { type Locket, type LocketOptions, openLocket } from './harness.ts'
import { type Collector, type ReceivedSpan, startCollector } from './otlp-receiver.ts'

interface Scene {
  readonly locket: Locket
  readonly collector: Collector
  readonly lines: () => readonly Readonly<Record<string, unknown>>[]
  /** Stops the server, and gives what was sent by then. */
  end(): Promise<readonly ReceivedSpan[]>
}

async function scene(
  t: TestContext,
  settings: Partial<TraceSettings> = {},
  options: LocketOptions = {},
): Promise<Scene> {
  const collector = await startCollector(t)
  const { endpoint } = collector
  const written: string[] = []
  const log = createLog('info', { write: (line) => void written.push(line) })
  const locket = await openLocket(t, {
    log,
    ...options,
    egressAllow: [endpoint, ...(options.egressAllow ?? [])],
    traceSettings: { endpoint, sample: 1, parents: [], ...settings },
  })
  return {
    locket,
    collector,
    lines: () => written.map((line) => JSON.parse(line)),
    end: async () => {
      await locket.close()
      assert.deepEqual(collector.mistakes, [])
      return collector.spans
    },
  }
}

const memory = { space: 'user:alice', text: 'canary tea is her favourite' }
const question = { space: 'user:alice', query: 'canary tea' }

/** The pieces below one, by name. */
function below(spans: readonly ReceivedSpan[], parent: ReceivedSpan): readonly ReceivedSpan[] {
  return spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId)
}

function only(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.filter((span) => span.name === name)
  assert.equal(found.length, 1, `${name} in ${spans.map((span) => span.name)}`)
  const [span] = found
  assert.ok(span)
  return span
}

async function metricsOf({ app }: Locket): Promise<string> {
  return app.pipeline.services.metrics.text()
}

describe('a request is a trace', () => {
  test('from the answer down to the database, each piece within the one above', async (t) => {
    const { locket, collector, end } = await scene(t)
    await locket.call('POST', '/v1/memories', { body: memory })
    const reply = await locket.call('POST', '/v1/memories/recall', { body: question })
    assert.equal(reply.body.items.length, 1)
    const spans = await end()
    const root = only(spans, 'POST /v1/memories/recall')
    assert.deepEqual(root.attributes, {
      'http.request.method': 'POST',
      'http.route': '/v1/memories/recall',
      'http.response.status_code': 200,
      'locket.request_id': reply.headers.get('x-request-id'),
    })
    assert.deepEqual([root.kind, root.parentSpanId, root.status], [2, undefined, 0])
    const operation = only(below(spans, root), 'memories.recall')
    const [read] = below(spans, operation).filter(({ name }) => name === 'database.read')
    assert.ok(read && ['sqlite', 'postgresql'].includes(String(read.attributes['db.system.name'])))
    assert.deepEqual([read.kind, operation.kind], [3, 1])
    const names = spans.filter(({ traceId }) => traceId === root.traceId).map(({ name }) => name)
    for (const name of ['recall.search', 'recall.open', 'database.write'])
      only(
        spans.filter((span) => span.traceId === root.traceId),
        name,
      )
    assert.ok(names.length >= 6)
    const byId = new Map(spans.map((span) => [span.spanId, span]))
    for (const span of spans) {
      const parent = span.parentSpanId === undefined ? null : byId.get(span.parentSpanId)
      if (parent === null) continue
      assert.ok(parent, `${span.name} hangs in the air`)
      assert.equal(span.traceId, parent.traceId)
      // A piece is timed by a clock of its own, to the microsecond.
      const slack = 2_000_000n
      assert.ok(span.start_ns + slack >= parent.start_ns && span.end_ns <= parent.end_ns + slack)
    }
    assert.equal(
      new Set(spans.map(({ traceId }) => traceId)).size,
      spans.filter(({ kind }) => kind === 2).length,
    )
    for (const resource of collector.resources) {
      assert.deepEqual(resource, { 'service.name': 'locket', 'service.version': 'test' })
    }
  })

  test('tells a refusal by its code, and only what is our fault as a failure', async (t) => {
    const { locket, lines, end } = await scene(t)
    await locket.call('GET', '/v1/memories/mem_01M7WBVC3ME00B7QVAZQF88AH1')
    const { database } = locket.app.pipeline
    const { read } = database
    const fail = async (): Promise<never> => {
      throw new TypeError('canary')
    }
    Object.defineProperty(database, 'read', { value: fail, configurable: true })
    const failed = await locket.call('GET', '/v1/spaces')
    Object.defineProperty(database, 'read', { value: read })
    assert.equal(failed.status, 500)
    const spans = await end()
    const refused = only(spans, 'GET /v1/memories/{id}')
    assert.equal(refused.attributes['error.type'], 'not_found')
    assert.equal(refused.attributes['http.response.status_code'], 404)
    assert.equal(refused.status, 0)
    const broken = only(spans, 'GET /v1/spaces')
    assert.deepEqual([broken.status, broken.attributes['error.type']], [2, 'internal'])
    const line = lines().find(
      ({ requestId, msg }) => requestId === failed.body.requestId && msg === 'request',
    )
    assert.equal(line?.['traceId'], broken.traceId, 'the log leads to the trace')
  })
})

/** All that may be told. */
const told = [
  'http.request.method',
  'http.route',
  'http.response.status_code',
  'db.system.name',
  'locket.request_id',
  'locket.model',
  'error.type',
]

test('nothing of who asks, for whom, and what is in a trace [V16.2.5]', async (t) => {
  const { locket, collector, end } = await scene(t)
  const { id, key } = await locket.person('user:canary-alice')
  const headers = {
    'user-agent': 'canary',
    traceparent: 'canary',
    tracestate: 'canary=1',
    baggage: 'canary=1',
  }
  const calls = [
    [
      'POST',
      '/v1/memories',
      { body: { text: 'canary', tags: ['canary'], metadata: { canary: 'canary' } } },
    ],
    ['POST', '/v1/memories/recall', { body: { query: 'canary' } }],
    ['POST', '/v1/memories/recall', { body: { query: 'canary', canary: 1 } }],
    ['GET', '/v1/memories/canary?canary=canary', {}],
    ['GET', '/canary', {}],
    ['CANARY', '/v1/memories', {}],
    ['GET', '/v1/whoami', {}],
  ] as const
  for (const [method, path, call] of calls)
    await locket.call(method, path, { key, headers, ...call })
  const spans = await end()
  assert.ok(spans.length > 20)
  for (const { attributes } of spans) {
    for (const name of Object.keys(attributes)) assert.ok(told.includes(name), name)
  }
  for (const body of collector.bodies) {
    assert.ok(!/canary/i.test(body), body)
    for (const secret of [locket.tenant, id, key, key.slice(0, 15)])
      assert.ok(!body.includes(secret))
    assert.doesNotMatch(
      body.replaceAll(/req_[0-9A-HJKMNP-TV-Z]{26}/g, ''),
      /\b[a-z]{3}_[0-9A-HJKMNP-TV-Z]{26}\b/,
    )
  }
  only(spans, '_OTHER /v1/memories')
})

describe('a caller', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const from = (address: string, flags = '01') => ({
    address,
    headers: { traceparent: `00-${traceId}-b7ad6b7169203331-${flags}` },
  })

  test('whom the operator has named says which trace it is a part of; nobody else does', async (t) => {
    const { locket, end } = await scene(t, { parents: ['10.1.0.0/16'] })
    for (const address of ['10.1.2.3', '10.2.0.1', '203.0.113.7', '::1']) {
      await locket.call('GET', '/v1/whoami', from(address))
    }
    await locket.call('GET', '/v1/whoami', {
      address: '10.1.2.3',
      headers: { traceparent: 'nonsense' },
    })
    const roots = (await end()).filter(({ name }) => name === 'GET /v1/whoami')
    assert.equal(roots.length, 5)
    const inside = roots.filter((span) => span.traceId === traceId)
    assert.deepEqual(
      inside.map(({ parentSpanId }) => parentSpanId),
      ['b7ad6b7169203331'],
    )
    assert.equal(new Set(roots.map((span) => span.traceId)).size, 5)
  })

  test('cannot have himself traced, or not: it is drawn by lot', async (t) => {
    const never = await scene(t, { sample: 0, parents: ['10.1.0.0/16'] })
    await never.locket.call('GET', '/v1/whoami', from('10.1.2.3', '01'))
    assert.deepEqual(await never.end(), [])
    const always = await scene(t, { sample: 1, parents: ['10.1.0.0/16'] })
    await always.locket.call('GET', '/v1/whoami', from('10.1.2.3', '00'))
    only(await always.end(), 'GET /v1/whoami')
  })

  test('is traced in the share that was named, whatever id he sends', async (t) => {
    const { locket, end } = await scene(t, { sample: 0.5, parents: ['10.1.0.0/16'] })
    for (let at = 0; at < 200; at += 1) await locket.call('GET', '/livez', from('10.1.2.3'))
    const count = (await end()).length
    assert.ok(count > 60 && count < 140, `${count} of 200`)
  })
})

test('no model is told of the trace', async (t) => {
  const seen: IncomingHttpHeaders[] = []
  const model = createServer((incoming, outgoing) => {
    seen.push(incoming.headers)
    incoming.resume()
    outgoing.writeHead(500).end()
  }).listen(0, '127.0.0.1')
  await once(model, 'listening')
  t.after(() => model.close())
  const origin = `http://127.0.0.1:${(model.address() as AddressInfo).port}`
  const { locket, end } = await scene(
    t,
    {},
    {
      egressAllow: [origin],
      embedderSettings: {
        baseUrl: `${origin}/v1`,
        model: 'test',
        key: null,
        dimensions: 8,
        shorten: false,
        timeout_ms: 2_000,
        calls_max: 1,
      },
    },
  )
  await locket.call('POST', '/v1/memories', { body: memory })
  const spans = await end()
  assert.ok(seen.length > 0)
  for (const headers of seen) {
    for (const name of ['traceparent', 'tracestate', 'baggage', 'b3']) assert.ok(!(name in headers))
  }
  const [call] = spans.filter(({ name }) => name === 'model.call')
  assert.equal(call?.attributes['locket.model'], 'embedder')
  const [out] = spans.filter(({ name }) => name === 'egress.call')
  assert.equal(out?.attributes['http.response.status_code'], 500)
})

describe('a collector that', () => {
  test('is away holds up nobody; what is lost is counted, and told once, and so is its return', async (t) => {
    const { locket, collector, lines, end } = await scene(t)
    await collector.down()
    const batch = limits.traceBatch_spans_max
    for (let round = 0; round < 3; round += 1) {
      for (let at = 0; at < batch; at += 1)
        assert.equal((await locket.call('GET', '/livez')).status, 200)
      await until(async () => lost(await metricsOf(locket)) >= (round + 1) * batch)
    }
    assert.equal(lines().filter(({ msg }) => msg === 'traces cannot be sent').length, 1)
    assert.equal(
      lines().find(({ msg }) => msg === 'traces cannot be sent')?.['reason'],
      'unreachable',
    )
    await collector.up()
    for (let at = 0; at < batch; at += 1) await locket.call('GET', '/livez')
    await until(async () => lines().some(({ msg }) => msg === 'traces are sent again'))
    assert.equal((await end()).length, batch)
  })

  test(
    'hangs costs a queue that has a bound, and ends no later',
    onlyOn('sqlite', 'a collector knows no engine'),
    async (t) => {
      const { locket, collector, end } = await scene(t)
      collector.behave('hangs')
      const count = limits.traceQueue_spans_max + 500
      for (let at = 0; at < count; at += 1) await locket.call('GET', '/livez')
      assert.ok(lost(await metricsOf(locket)) >= 500, 'what does not fit is dropped at once')
      // Its answer never comes, so that this ends at all is our bound.
      await end()
    },
  )

  test('refuses, or stands where nothing may be called, gets nothing', async (t) => {
    const refused = await scene(t)
    refused.collector.behave('refuses')
    await refused.locket.call('GET', '/livez')
    assert.deepEqual(await refused.end(), [])
    assert.equal(
      refused.lines().find(({ msg }) => msg === 'traces cannot be sent')?.['reason'],
      '503',
    )
    const collector = await startCollector(t)
    const written: string[] = []
    const locket = await openLocket(t, {
      log: createLog('info', { write: (line) => void written.push(line) }),
      traceSettings: { endpoint: collector.endpoint, sample: 1, parents: [] },
    })
    await locket.call('GET', '/livez')
    await locket.close()
    assert.deepEqual(collector.bodies, [])
    assert.match(written.join(''), /"reason":"not_allowed","msg":"traces cannot be sent"/)
  })
})

function lost(text: string): number {
  return Number(/^locket_trace_spans_total\{outcome="lost"\} (\d+)$/m.exec(text)?.[1])
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = stopwatch() + 30_000
  while (stopwatch() < deadline) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  assert.fail('it never came')
}
