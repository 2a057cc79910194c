/**
 * Two Lockets, one the witness of the other's logs, over a socket: what is cosigned, what is refused, and that the
 * one never waits for the other. Cosignatures are checked by the verifier that was written from the texts alone.
 */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { createLog } from '../src/core/log.ts'
import { readWitness, type Witness } from '../src/features/cosignatures/witness.ts'
import { originHash } from '../src/features/witnessed-logs/witnessed-log.ts'
import { listen } from '../src/http/server.ts'
import { exportLog, grow, openLog, told, verified, verifiedDirectory } from './audit-logs.ts'
import { freePort } from './free-port.ts'
import { type Locket, type LocketOptions, openLocket } from './harness.ts'
import { keepAudit } from './put-back.ts'
import { unlimited } from './signed-in.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { checkProof, openCheckpoint, parseVerifierKey } from './tlog-verifier.ts'
import { twinOf } from './twin.ts'

interface Pair {
  /** Whose logs are witnessed. */
  readonly locket: Locket
  readonly witness: Locket
  readonly verifierKey: string
  readonly lines: readonly string[]
  /** What the witness says goes through here on its way. */
  answers: (response: Response) => Response
  /** Both logs of the one are taken on by the other. */
  list(): Promise<void>
  /** The witness is away, or there again. */
  down(): Promise<void>
  up(): Promise<void>
  pass(ms: number): void
}

const name = (of: string) => ({ publicUrl: `https://${of}.example` })

async function pairOf(t: TestContext, options: LocketOptions = {}): Promise<Pair> {
  const port = await freePort()
  const lines: string[] = []
  let ahead_ms = 0
  const witness = await openLocket(t, { ...name('witness'), rateBudgets: unlimited })
  const { verifierKey } = (await witness.call('GET', '/v1/witness')).body
  const named = readWitness(`${verifierKey} http://127.0.0.1:${port}/v1/witness`)
  assert.ok(named)
  const locket = await openLocket(t, {
    ...name('log'),
    clock: () => Date.now() + ahead_ms,
    log: createLog('warn', { write: (line) => void lines.push(line) }),
    egressAllow: [`http://127.0.0.1:${port}`],
    witnesses: [named],
    ...options,
  })
  let listener: Awaited<ReturnType<typeof listen>> | null = null
  const up = async (): Promise<void> => {
    const fetch: typeof witness.app.fetch = async (request, client) =>
      pair.answers(await witness.app.fetch(request, client))
    const log = createLog('silent')
    listener = await listen({ fetch, host: '127.0.0.1', port, log, tls: null })
  }
  const down = async (): Promise<void> => {
    await listener?.close()
    listener = null
  }
  const pair: Pair = {
    locket,
    witness,
    verifierKey,
    lines,
    answers: (response) => response,
    up,
    down,
    pass: (ms) => {
      ahead_ms += ms
    },
    list: async () => {
      for (const log of ['tenant', 'instance']) {
        const about = (await locket.call('GET', `/v1/audit-log?log=${log}`)).body
        const body = { verifierKey: about.verifierKey }
        assert.equal((await witness.call('POST', '/v1/witnessed-logs', { body })).status, 201)
      }
    },
  }
  await up()
  t.after(down)
  return pair
}

/** One that is listed, and its log cosigned. */
async function witnessed(t: TestContext, options: LocketOptions = {}): Promise<Pair> {
  const pair = await pairOf(t, options)
  await pair.list()
  await grow(pair.locket, 3)
  return pair
}

async function stateOf({ locket }: Pair, log = 'tenant') {
  const { body } = await locket.call('GET', `/v1/audit-log?log=${log}`)
  return { ...body.witnesses[0], of: body.size, origin: body.origin }
}

async function eventsOf({ locket }: Pair, log: string) {
  const query = `/v1/audit-events?action=audit-log.refused&log=${log}`
  return (await locket.call('GET', query)).body.items
}

/** Why the witness refuses the log of the tenant, as both logs tell it; the first comes first. */
async function reasonsOf(pair: Pair): Promise<string[]> {
  const [own, copy] = await Promise.all(
    ['tenant', 'instance'].map(async (log) => {
      const events: { resourceId: string; details: { reason: string } }[] = await eventsOf(
        pair,
        log,
      )
      const about = events.filter(({ resourceId }) => resourceId === pair.locket.tenant)
      return about.map(({ details }) => details.reason).reverse()
    }),
  )
  assert.deepEqual(own, copy)
  return own ?? []
}

/** The witness is asked again about what it did not take. */
async function askAgain({ locket, pass }: Pair): Promise<void> {
  pass(6 * 60_000)
  await locket.app.jobs.runAll()
}

const cosignedAt = '/v1/audit-log/checkpoint?cosigned=true'

describe('a witness', () => {
  test('cosigns the newest checkpoint of each log, which others can check', async (t) => {
    const pair = await witnessed(t)
    const { locket, witness, verifierKey } = pair
    const { body: checkpoint, status } = await locket.call('GET', cosignedAt)
    assert.equal(status, 200)
    const about = (await locket.call('GET', '/v1/audit-log')).body
    const trust = {
      origin: about.origin,
      key: parseVerifierKey(about.verifierKey),
      witnesses: [parseVerifierKey(verifierKey)],
    }
    const opened = openCheckpoint(Buffer.from(checkpoint), trust)
    assert.deepEqual(opened.by, [about.origin, 'witness.example/witness'])
    assert.ok(opened.size >= 3)
    for (const log of ['tenant', 'instance']) {
      const { state, size, cosignedAt } = await stateOf(pair, log)
      assert.deepEqual([state, size > 0, cosignedAt !== null], ['cosigned', true, true], log)
    }
    const hash = originHash(about.origin)
    const seen = await witness.call('GET', `/v1/witness/${hash}/checkpoint`, { key: null })
    assert.equal(openCheckpoint(Buffer.from(seen.body), trust).size, opened.size)

    const { items } = (await locket.call('GET', '/v1/audit-events?action=memory.recalled')).body
    const [{ id }] = items
    const proof = (await locket.call('GET', `/v1/audit-log/proof?event=${id}`)).body
    const extra = /^extra (\S+)$/m.exec(proof)?.[1] ?? ''
    const { entry } = JSON.parse(Buffer.from(extra, 'base64').toString())
    const proven = checkProof(Buffer.from(proof), Buffer.from(entry), trust)
    assert.equal(proven.size, opened.size, 'a proof leads to what is cosigned')
  })

  test('goes on from where it stands, over a restart and with another node', async (t) => {
    const pair = await witnessed(t)
    const { locket } = pair
    const { size } = await stateOf(pair)
    await locket.restart(() => locket.sql('delete from audit_cosignatures'))
    await grow(locket, 2)
    const after = await stateOf(pair)
    assert.ok(after.state === 'cosigned' && after.size > size, 'it said where it stands')
    await using twin = await twinOf(locket)
    await twin.app.jobs.runAll()
    await grow(locket, 300)
    assert.ok((await stateOf(pair)).size > after.size + 256)
  })

  test('that does not know the log is asked again, later; and so is one that is away', async (t) => {
    const pair = await pairOf(t)
    const { locket, lines } = pair
    await grow(locket, 2)
    assert.equal((await stateOf(pair)).state, 'unlisted')
    assert.equal((await locket.call('GET', cosignedAt)).status, 404)
    assert.ok(lines.some((line) => line.includes('does not know a log')))
    await pair.list()
    pair.pass(6 * 60_000)
    await locket.app.jobs.runAll()
    const { size, state } = await stateOf(pair)
    assert.equal(state, 'cosigned')

    await pair.down()
    await grow(locket, 2)
    const behind = await stateOf(pair)
    assert.deepEqual([behind.state, behind.size], ['cosigned', size])
    assert.notEqual(behind.behindSince, null)
    assert.ok(lines.some((line) => line.includes('a witness does not answer')))
    pair.pass(20 * 60_000)
    const { metrics } = locket.app.pipeline.services
    const lag = /^locket_audit_witness_lag_seconds (\d+)/m.exec(await metrics.text())?.[1]
    assert.ok(Number(lag) >= 20 * 60, lag)
    await pair.up()
    await locket.app.jobs.runAll()
    assert.ok((await stateOf(pair)).size > size)
    const now = /^locket_audit_witness_lag_seconds (\d+)/m.exec(await metrics.text())?.[1]
    assert.ok(Number(now) < 60, now)
  })

  test('holds up neither events nor their places', async (t) => {
    const port = await freePort()
    const { createServer } = await import('node:net')
    // It takes what is sent, and never answers.
    const deaf = createServer(() => undefined)
    await new Promise<void>((resolve) => deaf.listen(port, '127.0.0.1', resolve))
    t.after(() => deaf.close())
    const { verifierKey } = await pairOf(t)
    const mute = readWitness(`${verifierKey} http://127.0.0.1:${port}`) as Witness
    const locket = await openLocket(t, {
      egressAllow: [`http://127.0.0.1:${port}`],
      witnesses: [mute],
    })
    const recall = { space: 'user:a', query: 'tea' }
    await locket.call('POST', '/v1/memories/recall', { body: recall })
    // It makes leaves of what there is, and then asks the witness.
    const asking = locket.app.jobs.runAll().then(() => 'over')
    const reply = await locket.call('POST', '/v1/memories/recall', {
      body: recall,
      headers: { Prefer: 'receipt' },
    })
    assert.equal(reply.status, 200)
    assert.ok(reply.headers.get('locket-receipt'), 'it has its place in the log')
    const first = await Promise.race([asking, new Promise((resolve) => setImmediate(resolve))])
    assert.notEqual(first, 'over', 'the witness is still waited for')
    const began = performance.now()
    await locket.close()
    await asking
    assert.ok(performance.now() - began < 5_000, 'nor the end of the server')
  })
})

describe('what a witness refuses', () => {
  /** Who restores an older copy, and what is done with it then: while the witness is away it is unseen. */
  async function putBack(t: TestContext, { unseen = false } = {}) {
    const pair = await witnessed(t)
    const { locket } = pair
    const restore = await keepAudit(locket.sql)
    await grow(locket, 20)
    const { size, origin } = await stateOf(pair)
    const at = `/v1/witness/${originHash(origin)}/checkpoint`
    const later = Buffer.from((await pair.witness.call('GET', at, { key: null })).body)
    if (unseen) await pair.down()
    await locket.restart(restore)
    await locket.app.jobs.runAll()
    return { pair, size, later }
  }

  /** Makes the tenant's log so long, and no longer. */
  async function growTo(locket: Locket, size: number): Promise<void> {
    const text = 'select size from audit_logs where tenant_id = ?'
    const sizeNow = async () =>
      Number(Object.values((await locket.sql(text, locket.tenant))[0] ?? {})[0])
    while ((await sizeNow()) < size) await grow(locket, 1)
    assert.equal(await sizeNow(), size)
  }

  test('a log that was put back, as soon as the server is there again', async (t) => {
    const { pair, size, later } = await putBack(t)
    const { locket, verifierKey, lines } = pair
    const { state, of } = await stateOf(pair)
    assert.ok(state === 'refused' && of < size, state)
    for (const log of ['tenant', 'instance']) {
      const events = await eventsOf(pair, log)
      const own = events.find(
        ({ resourceId }: { resourceId: string }) => resourceId === locket.tenant,
      )
      assert.deepEqual([own.class, own.outcome], ['security', 'denied'], log)
      assert.equal(own.details.reason, 'rollback')
      assert.equal(own.details.witness, 'witness.example/witness')
      assert.ok(own.details.shown < own.details.cosigned && own.details.cosigned === size)
    }
    assert.ok(lines.some((line) => /"kind":"security".*a witness refuses an audit log/.test(line)))
    await locket.app.jobs.runAll()
    assert.equal((await eventsOf(pair, 'tenant')).length, 1, 'it is told once')

    const byServer = await verified(await openLog(locket), { witness: verifierKey })
    for (const seen of [byServer, await verified(await openLog(locket), {})]) {
      assert.ok(told(seen).some((fault) => /witness\.example.* refuses it/.test(fault)))
    }
    const byWitness = await verified(await openLog(locket), { since: later })
    assert.match(told(byWitness).join('\n'), /^log: rollback: .* is of \d+ entries/m)
    const refused = /^locket_audit_logs_refused (\d+)/m.exec(
      await locket.app.pipeline.services.metrics.text(),
    )
    assert.ok(Number(refused?.[1]) >= 1, refused?.[0])
  })

  test('and when it has grown past what was cosigned: a fork, which this alone proves to nobody', async (t) => {
    const { pair, size, later } = await putBack(t)
    const { locket, witness } = pair
    await grow(locket, 40)
    pair.pass(6 * 60_000)
    await locket.app.jobs.runAll()
    const { state, of, origin } = await stateOf(pair)
    assert.ok(state === 'refused' && of > size, `${of} after ${size}`)
    const { items } = (await witness.call('GET', '/v1/witnessed-logs')).body
    const refusing = items.find((one: { origin: string }) => one.origin === origin)
    assert.equal(refusing.evidence, null, 'whoever sends wrong hashes accuses nobody')
    const seen = await verified(await openLog(locket), { since: later })
    assert.match(told(seen).join('\n'), /^log: fork: /m)
  })

  test('is told by its reason: once as a rollback, and once as a fork when it is one', async (t) => {
    const { pair } = await putBack(t)
    const { locket, lines, verifierKey } = pair
    assert.deepEqual(await reasonsOf(pair), ['rollback'])
    await askAgain(pair)
    assert.deepEqual(await reasonsOf(pair), ['rollback'], 'nor is it told again')
    await grow(locket, 40)
    for (let times = 0; times < 3; times += 1) await askAgain(pair)
    assert.deepEqual(await reasonsOf(pair), ['rollback', 'fork'])
    await locket.restart()
    await locket.app.jobs.runAll()
    assert.deepEqual(await reasonsOf(pair), ['rollback', 'fork'], 'a start does not tell it anew')
    assert.ok(lines.some((line) => /"reason":"fork".*a witness refuses an audit log/.test(line)))
    const metrics = await locket.app.pipeline.services.metrics.text()
    assert.ok(/^locket_audit_logs_refused [1-9]/m.test(metrics), 'a fork is counted, too')
    const seen = await verified(await openLog(locket), { witness: verifierKey })
    assert.match(told(seen).join('\n'), /witness\.example.* refuses it/)
  })

  test('a fork of the size that it has cosigned, in whatever words it says so', async (t) => {
    const { pair, size } = await putBack(t, { unseen: true })
    const { locket, witness } = pair
    await growTo(locket, size)
    pair.answers = (response) => {
      // As the specification has it: that sizes are the same and roots are not, is a conflict.
      return response.status === 422 ? new Response(`${size}\n`, { status: 409 }) : response
    }
    await pair.up()
    await askAgain(pair)
    assert.deepEqual(await reasonsOf(pair), ['fork'])
    const [event] = await eventsOf(pair, 'tenant')
    const { cosigned, shown } = event.details
    assert.deepEqual([cosigned, shown, event.outcome], [size, size, 'denied'])
    const { state, origin } = await stateOf(pair)
    assert.equal(state, 'refused')
    const { items } = (await witness.call('GET', '/v1/witnessed-logs')).body
    const refusing = items.find((one: { origin: string }) => one.origin === origin)
    assert.ok(refusing.evidence, 'two trees of one size prove it')
    pair.answers = (response) => response
    await askAgain(pair)
    assert.deepEqual(await reasonsOf(pair), ['fork'], 'it is the same in other words')
  })

  test('a fork that is longer, also when nobody has seen it as a rollback', async (t) => {
    const { pair, size } = await putBack(t, { unseen: true })
    await growTo(pair.locket, size + 3)
    await pair.up()
    await askAgain(pair)
    assert.deepEqual(await reasonsOf(pair), ['fork'])
    const [event] = await eventsOf(pair, 'tenant')
    const { cosigned, shown, witness } = event.details
    assert.deepEqual([cosigned, shown], [size, size + 3])
    assert.deepEqual([witness, event.class], ['witness.example/witness', 'security'])
  })
})

describe('locket audit verify --witness', () => {
  test('finds the cosignature, of a server and of an export, and misses it where there is none', async (t) => {
    const pair = await witnessed(t)
    const { locket, verifierKey } = pair
    const directory = mkdtempSync(join(temporaryDirectory(t), 'export-'))
    await exportLog(locket, directory)
    for (const seen of [
      await verified(await openLog(locket), { witness: verifierKey }),
      await verifiedDirectory(directory, { witness: verifierKey }),
    ]) {
      assert.deepEqual(told(seen), [])
      assert.ok(seen.cosigned && seen.cosigned.size >= 3 && seen.cosigned.size <= seen.size)
    }
    const other = (await locket.call('GET', '/v1/witness')).body.verifierKey
    const missed = await verifiedDirectory(directory, { witness: other })
    assert.deepEqual(told(missed), ['log: no checkpoint of it is cosigned by log.example/witness'])
    const log = (await locket.call('GET', '/v1/audit-log')).body.verifierKey
    await assert.rejects(verifiedDirectory(directory, { witness: log }), /is no key of a witness/)
  })
})
