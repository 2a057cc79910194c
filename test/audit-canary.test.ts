/**
 * No word that a caller has given stands in the audit, but for what his agent calls itself [V16.2.5]: every operation is called with a canary in each
 * field that takes free text (test/free-text.ts finds them), allowed and refused; then the events are opened and
 * exported, the bundles and tiles of the logs, the log of the server and its metrics read, and the database's files
 * searched. That nothing is done where no event can be written is in test/faults.test.ts.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { noSinks } from '../src/features/audit-sinks/sinks.ts'
import { recordFormats } from '../src/features/event-records/line.ts'
import { serveMetrics } from '../src/http/metrics.ts'
import type { Operation } from '../src/kernel/operation.ts'
import { operations } from '../src/operations.ts'
import { journalFile } from '../src/storage/event-journal.ts'
import { type Told, toldIn } from './audit-sinks.ts'
import { findAll, haystacks } from './byte-search.ts'
import { copyOf } from './data-files.ts'
import { engine } from './engine.ts'
import { eventually } from './eventually.ts'
import { freeText, hasText } from './free-text.ts'
import type { Call, Locket } from './harness.ts'
import { assertClean, mark, newAddress, openWorld, type World } from './operation-world.ts'
import { signedInAs } from './people-samples.ts'
import type { Input } from './sample.ts'
import { sampleOf, toHttp } from './samples.ts'
import { type SyslogReceiver, startSyslog } from './syslog-receiver.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { type Receiver, startReceiver } from './webhook-receiver.ts'

/** Strings that take no word; but the key of a log takes one in a form of its own, which its sample has. */
const wordless: readonly string[] = [
  'factors.confirm .factor.code',
  'roles.create .permissions[]',
  'roles.update .permissions[]',
  'api-keys.create .scopes[]',
  'api-keys.create .addresses[]',
  'blocked-addresses.create .network',
  'tiles.get .tile',
  'witnessed-logs.create .verifierKey',
  'witnessed-logs.checkpoint .originHash',
]

/** What is shown by who may do it. */
async function shownBy(
  { locket, maker }: World,
  operation: Operation,
  input: Input,
): Promise<Call> {
  const { caller, bySignIn } = sampleOf(operation)
  const key = (await caller?.(maker, input)) ?? locket.admin
  const headers = (bySignIn ?? operation.navigation) && signedInAs.get(input)
  return headers ? { headers, key: null } : { key }
}

/** Each operation as its sample has it, by nobody, and with what it does not take. */
async function tellEverything(world: World): Promise<void> {
  const { maker, observe } = world
  for (const operation of operations) {
    const input = await sampleOf(operation).make(maker)
    const shown = await shownBy(world, operation, input)
    const { method, path, body } = toHttp(operation, input)
    const wrong = toHttp(operation, { ...input, [maker.word()]: maker.word() })
    const calls = [
      [path, body, shown],
      [wrong.path, wrong.body, shown],
      [path, body, { key: null }],
    ] as const
    for (const [where, what, who] of calls) {
      const seen = await observe(method, where, { ...who, ...(what && { body: what }) })
      assertClean(seen.log, `${operation.id}: log`)
    }
  }
}

/** Each operation with a canary in one place after the other, by who may and by who may do nothing. */
async function tellEverywhere(
  world: World,
): Promise<{ told: number; refusing: readonly string[] }> {
  const { maker, observe, callers } = world
  const powerless = callers.find(({ name }) => name === 'a key without any right')
  assert.ok(powerless)
  let told = 0
  const refusing: string[] = []
  for (const operation of operations.filter(hasText)) {
    const sample = await sampleOf(operation).make(maker)
    const shown = await shownBy(world, operation, sample)
    const found = freeText(operation, sample, maker)
    refusing.push(...found.wordless)
    for (const input of found.inputs) {
      const { method, path, body } = toHttp(operation, input)
      for (const who of [{ key: powerless.key }, shown]) {
        // Refusals of nobody known are counted by address: only the first has an event.
        const from = operation.permission === 'public' && { address: newAddress() }
        const seen = await observe(method, path, { ...who, ...from, ...(body && { body }) })
        assertClean(seen.log, `${operation.id}: log`)
        told += 1
      }
    }
  }
  return { told, refusing }
}

/** All events of a log, opened, a page at a time. */
async function eventsOf(locket: Locket, query: string): Promise<readonly object[]> {
  const events: object[] = []
  let cursor: string | null = null
  do {
    const next: string = cursor ? `&cursor=${cursor}` : ''
    const reply = await locket.call('GET', `/v1/audit-events?limit=100${query}${next}`)
    assert.equal(reply.status, 200, JSON.stringify(reply.body))
    events.push(...reply.body.items)
    cursor = reply.body.nextCursor ?? null
  } while (cursor !== null)
  return events
}

/** The same as lines for other programs. */
async function linesOf(locket: Locket, wanted: object): Promise<readonly string[]> {
  const lines: string[] = []
  let cursor: string | undefined
  do {
    const body = { ...wanted, ...(cursor && { cursor }) }
    const reply = await locket.call('POST', '/v1/audit-events/export', { body })
    assert.equal(reply.status, 200, JSON.stringify(reply.body))
    lines.push(...reply.body.lines)
    cursor = reply.body.nextCursor ?? undefined
  } while (cursor !== undefined)
  assert.ok(lines.length > 10)
  return lines
}

/** As Prometheus reads them, after every operation was done and refused. */
async function assertMetricsClean({ app, instance }: Locket): Promise<void> {
  const { metrics } = app.pipeline.services
  const answer = await serveMetrics(metrics, instance.log)(new Request('http://127.0.0.1/metrics'))
  const text = await answer.text()
  for (const { id } of operations) assert.ok(text.includes(`operation="${id}"`), id)
  assertClean(text, 'metrics')
  // Ids are no secret, and name somebody all the same: an operator may not be who may know.
  assert.doesNotMatch(text, /\b[a-z]{3}_[0-9A-HJKMNP-TV-Z]{26}\b/)
}

/** What each sink was told, and that each was told all of it: one may be ahead of the others. */
async function assertSinksClean(
  shipped: readonly Told[],
  { syslog, webhook }: { syslog: SyslogReceiver; webhook: Receiver },
): Promise<void> {
  assert.ok(shipped.length > 10, `${shipped.length} events were shipped`)
  for (const event of shipped) assertClean(JSON.stringify(event), 'a shipped event')
  const posted = (): string => webhook.received.map(({ body }) => body).join('\n')
  const logged = (): string => Buffer.concat(syslog.received).toString('latin1')
  await eventually(() => {
    const [byWebhook, bySyslog] = [posted(), logged()]
    for (const { id } of shipped) {
      assert.ok(byWebhook.includes(id), `the webhook was told ${id}`)
      assert.ok(bySyslog.includes(id), `syslog was told ${id}`)
    }
  }, 30)
  assertClean(posted(), 'the webhook')
  assertClean(logged(), 'syslog')
}

/** The events of reads that are no rows yet. */
async function assertJournalClean({ locket, maker }: World): Promise<void> {
  const journal = journalFile(join(locket.directory, 'locket.db'))
  await eventually(async () => {
    await locket.call('POST', '/v1/memories/recall', { body: { query: maker.word() } })
    const content = readFileSync(journal, 'latin1')
    assert.match(content, /memory\.recalled/)
    assertClean(content, 'the journal of events')
  })
}

test('no canary stands in an event, a tile, the log, a metric, a sink or a file [V16.2.5]', async (t) => {
  const path = join(temporaryDirectory(t), 'audit.jsonl')
  const file = { path, size_bytes_max: 1e9, kept_max: 1 }
  const [syslog, webhook] = [await startSyslog(t), await startReceiver(t)]
  const settings = { file, syslog: syslog.settings, webhook: webhook.settings }
  const world = await openWorld(t, {
    auditSinks: { ...noSinks, ...settings },
    egressAllow: webhook.allow,
  })
  const { locket, maker } = world
  await tellEverything(world)
  const everywhere = await tellEverywhere(world)
  t.diagnostic(`${everywhere.told} calls with a canary in a place that takes one`)
  await maker.jobs()
  for (const query of ['', '&log=instance']) {
    const events = await eventsOf(locket, query)
    assert.ok(events.length > 10, `${events.length} events ${query}`)
    t.diagnostic(`${events.length} events ${query}`)
    for (const event of events) assertClean(JSON.stringify(event), `event ${query}`)
    for (const format of recordFormats) {
      for (const line of await linesOf(locket, {
        format,
        log: query === '' ? 'tenant' : 'instance',
      }))
        assertClean(line, `${format} ${query}`)
    }
  }
  await assertSinksClean(toldIn(path), { syslog, webhook })
  const rows = await locket.sql('SELECT data FROM audit_tiles')
  for (const { data } of rows)
    assertClean(Buffer.from(data as Uint8Array).toString('latin1'), 'tile')
  await assertMetricsClean(locket)
  if (engine === 'sqlite') await assertJournalClean(world)
  // With the digit after it, for PostgreSQL has a collation of the Canary Islands.
  const words = Array.from({ length: 9 }, (_, at) => `${mark}${at + 1}`)
  const found = findAll(haystacks(await copyOf(t, locket)), words)
  assert.deepEqual(found, [])
  const told = 'look whether these take a word: if so, test/free-text.ts lacks its form'
  assert.deepEqual(everywhere.refusing, wordless, told)
})
