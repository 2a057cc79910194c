/** The metrics of a real Locket, asked over a socket as Prometheus asks. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openLocket } from '../../test/harness.ts'
import { createLog } from '../core/log.ts'
import { sequenceEvents } from '../features/audit-logs/sequence.ts'
import { operations } from '../operations.ts'
import { serveMetrics } from './metrics.ts'
import { listen } from './server.ts'

async function scraped(t: TestContext) {
  const locket = await openLocket(t)
  // From here on jobs run when a test says so: an event must not leave the queue while it is counted.
  await locket.app.jobs.stop()
  const log = createLog('silent')
  const { metrics } = locket.app.pipeline.services
  const fetchMetrics = serveMetrics(metrics, log)
  const listener = await listen({
    fetch: fetchMetrics,
    host: '127.0.0.1',
    port: 0,
    log,
    anyPath: true,
  })
  t.after(() => listener.close())
  const url = `http://127.0.0.1:${listener.port}`
  const text = async (): Promise<string> => (await fetch(`${url}/metrics`)).text()
  const value = async (series: string): Promise<number> => {
    const lines = (await text()).split('\n')
    const found = lines.find((line) => line.startsWith(`${series} `))
    return Number(found?.slice(series.length + 1) ?? 0)
  }
  return { locket, url, text, value }
}

test('calls, refusals, the index and the audit show in what Prometheus is told', async (t) => {
  const { locket, value } = await scraped(t)
  const ended = (id: string, outcome: string): Promise<number> =>
    value(`locket_operations_total{operation="${id}",outcome="${outcome}"}`)
  await locket.call('POST', '/v1/memories', { body: { space: 'org', text: 'tea' } })
  const recall = { body: { space: 'org', query: 'tea' } }
  await locket.call('POST', '/v1/memories/recall', recall)
  await locket.call('POST', '/v1/memories/recall', recall)
  await locket.call('GET', '/v1/whoami', { key: `${locket.admin.slice(0, -6)}aaaaaa` })
  await locket.call('GET', '/v1/whoami', { key: null })
  await locket.call('GET', '/nothing-here')
  assert.equal(await ended('memories.store', 'allowed'), 1)
  assert.equal(await ended('memories.recall', 'allowed'), 2)
  assert.equal(await value('locket_errors_total{code="not_found"}'), 1)
  assert.equal(await value('locket_errors_total{code="unauthenticated"}'), 2)
  for (const method of ['api-key', 'none']) {
    const series = `locket_authentication_failures_total{method="${method}",code="unauthenticated"}`
    assert.equal(await value(series), 1, method)
  }
  assert.equal(await value('locket_http_responses_total{class="2xx"}'), 3)
  assert.equal(await value('locket_index_documents'), 1)
  assert.equal(await value('locket_index_uses_total{found="warm"}'), 1)
  assert.equal(await value('locket_index_uses_total{found="cold"}'), 1)
  assert.ok((await value('locket_audit_events_waiting')) >= 4)
  await locket.app.jobs.runAll()
  await locket.app.jobs.runAll()
  assert.ok(Date.now() / 1000 - (await value('locket_audit_checkpoint_timestamp_seconds')) < 60)
  assert.ok(
    (await value(`locket_job_runs_total{name="${sequenceEvents.name}",outcome="done"}`)) >= 2,
  )
})

test('an event that was tampered with, and a log that was, are counted', async (t) => {
  const { locket, value } = await scraped(t)
  await locket.app.jobs.runAll()
  await locket.call('GET', '/v1/whoami')
  assert.equal(await value('locket_audit_events_refused_total'), 0)
  await locket.sql(`update audit_events set action = 'nothing' where leaf is null`)
  await locket.app.jobs.runAll()
  assert.ok((await value('locket_audit_events_refused_total')) >= 1)
  assert.equal(await value('locket_audit_logs_broken'), 0)
})

test('nothing else is answered there, and no page of a browser reads along', async (t) => {
  const { locket, url, text } = await scraped(t)
  const status = async (path: string, init?: RequestInit): Promise<number> =>
    (await fetch(`${url}${path}`, init)).status
  assert.equal(await status('/metrics'), 200)
  for (const path of ['/', '/v1/whoami', '/livez', '/metrics/', '//metrics']) {
    assert.notEqual(await status(path), 200, path)
  }
  assert.equal(await status('/metrics', { method: 'POST' }), 405)
  assert.equal(await status('/metrics', { headers: { origin: 'http://evil.example' } }), 403)
  assert.equal(await status('/metrics?x=1'), 200)
  const { headers } = await fetch(`${url}/metrics`)
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  assert.equal(headers.get('cache-control'), 'no-store')
  for (const secret of [locket.admin, locket.tenant]) assert.ok(!(await text()).includes(secret))
  const main = await locket.app.fetch(new Request('http://locket.test/metrics'), { address: null })
  assert.equal(main.status, 404, 'the public listener has none')
})

test('labels hold operations that there are and nothing else', async (t) => {
  const { locket, text } = await scraped(t)
  await locket.call('GET', '/v1/memories/mem_canary')
  await locket.call('POST', '/v1/memories', { body: { space: 'user:canary', text: 'canary' } })
  const ids = new Set(operations.map(({ id }) => id))
  const told = await text()
  const named = [...told.matchAll(/operation="([^"]*)"/g)].map(([, id]) => id ?? '')
  assert.ok(named.length > 0)
  for (const id of named) assert.ok(ids.has(id), id)
  assert.ok(!told.includes('canary'))
})
