import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import { timed } from '../../../test/signed-in.ts'
import { openNote, parseVerifierKey } from '../../../test/tlog-verifier.ts'
import { twinOf } from '../../../test/twin.ts'
import { type OtherLog, otherLog, type Shown } from '../../../test/witnessing.ts'
import { limits } from '../../core/limits.ts'
import { originHash } from './witnessed-log.ts'

const log = otherLog('log.example/ten')
const path = '/v1/witness/add-checkpoint'

/** As logs send it: by nobody, as a text. */
function add(locket: Pick<Locket, 'call'>, body: string, address = '127.0.0.1'): Promise<Reply> {
  const headers = { 'Content-Type': 'text/plain' }
  return locket.call('POST', path, { key: null, body, headers, address })
}

async function shown(
  locket: Pick<Locket, 'call'>,
  of: Shown & { old: number },
  from: OtherLog = log,
): Promise<Reply> {
  return add(locket, await from.request(of))
}

async function take(locket: Locket, { verifierKey }: OtherLog = log): Promise<string> {
  const made = await locket.call('POST', '/v1/witnessed-logs', { body: { verifierKey } })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  return made.body.id
}

async function witnessOf(t: TestContext): Promise<Locket> {
  const locket = await openLocket(t)
  await take(locket)
  return locket
}

async function listed(locket: Locket) {
  return (await locket.call('GET', '/v1/witnessed-logs')).body.items
}

async function eventsOf(locket: Locket, action: string) {
  const query = `/v1/audit-events?log=instance&action=${action}`
  return (await locket.call('GET', query)).body.items
}

describe('a log that is witnessed', () => {
  test('has each checkpoint cosigned that follows the one before, and others check it', async (t) => {
    const { locket, pass } = await timed(t)
    const id = await take(locket)
    const { name, verifierKey } = (await locket.call('GET', '/v1/witness')).body
    const keys = [parseVerifierKey(verifierKey), parseVerifierKey(log.verifierKey)]
    assert.equal(keys[0]?.type, 4)
    let old = 0
    for (const size of [3, 3, 4, 300]) {
      pass(1_000)
      const { status, body, headers } = await shown(locket, { old, size })
      assert.equal(status, 200, JSON.stringify(body))
      assert.match(headers.get('content-type') ?? '', /^text\/plain/)
      assert.match(body, /^— \S+ \S+\n$/)
      const { by } = openNote(Buffer.from(log.checkpoint({ size }) + body), keys)
      assert.deepEqual(by, [log.origin, name])
      old = size
    }
    const [one] = await listed(locket)
    const { origin, state, size, evidence } = one
    assert.deepEqual(
      [one.id, origin, state, size, evidence],
      [id, log.origin, 'witnessed', 300, null],
    )
  })

  test('is shown to monitors as it was cosigned last', async (t) => {
    const locket = await witnessOf(t)
    const at = `/v1/witness/${originHash(log.origin)}/checkpoint`
    const get = () => locket.call('GET', at, { key: null })
    assert.equal((await get()).status, 404)
    const { body: line } = await shown(locket, { old: 0, size: 9 })
    const { status, body } = await get()
    assert.deepEqual([status, body], [200, log.checkpoint({ size: 9 }) + line])
  })

  test('is held to it over a restart, and by every node', async (t) => {
    const locket = await witnessOf(t)
    await shown(locket, { old: 0, size: 5 })
    await locket.restart()
    assert.equal((await shown(locket, { old: 0, size: 5 })).status, 409)
    await using twin = await twinOf(locket)
    assert.equal((await shown(twin, { old: 5, size: 6 })).status, 200)
    assert.equal((await shown(locket, { old: 5, size: 7 })).status, 409)
  })

  test('advances once from one size, however many ask at once', async (t) => {
    const locket = await witnessOf(t)
    await using twin = await twinOf(locket)
    await shown(locket, { old: 0, size: 5 })
    const sizes = Array.from({ length: 16 }, (_, at) => 6 + at)
    const asked = await Promise.all(
      sizes.map((size) => shown(size % 2 === 0 ? locket : twin, { old: 5, size })),
    )
    const won = sizes.filter((_, at) => asked[at]?.status === 200)
    assert.equal(won.length, 1)
    const others = asked.filter(({ status }) => status === 409)
    assert.equal(others.length, sizes.length - 1)
    for (const { body } of others) assert.ok([`${won[0]}\n`, '5\n'].includes(body), body)
    assert.equal((await listed(locket))[0].size, won[0])
  })
})

describe('what is refused', () => {
  test('a checkpoint that goes back, or was judged by another size: with the size that it needs', async (t) => {
    const locket = await witnessOf(t)
    await shown(locket, { old: 0, size: 8 })
    for (const [old, size] of [
      [0, 8],
      [4, 4],
      [0, 9],
      [4, 9],
    ] as const) {
      const { status, body, headers } = await shown(locket, { old, size })
      assert.deepEqual([status, body], [409, '8\n'], `${old} to ${size}`)
      assert.equal(headers.get('content-type'), 'text/x.tlog.size')
    }
    assert.equal((await shown(locket, { old: 9, size: 8 })).status, 400)
    assert.equal((await listed(locket))[0].size, 8)
  })

  test('a fork: two trees of one size that the log has signed are kept, and told once by themselves', async (t) => {
    const locket = await witnessOf(t)
    await shown(locket, { old: 0, size: 8 })
    for (const [size, fork] of [
      [12, 5],
      [8, 7],
      [8, 0],
    ] as const) {
      const { status, body } = await shown(locket, { old: 8, size, fork })
      assert.deepEqual([status, body.code], [422, 'checkpoint_inconsistent'])
    }
    const [{ size, evidence, id }] = await listed(locket)
    assert.deepEqual([size, evidence], [8, log.checkpoint({ size: 8, fork: 7 })])
    const told = await eventsOf(locket, 'witnessed-log.forked')
    assert.equal(told.length, 1)
    const [event] = told
    assert.deepEqual([event.class, event.outcome, event.resourceId], ['security', 'denied', id])
    assert.deepEqual(event.details, { cosigned: 8, shown: 8 })
    assert.equal((await shown(locket, { old: 8, size: 9 })).status, 200, 'what follows goes on')
  })

  test('a proof that proves nothing, which anybody can put before what the log has signed, accuses nobody', async (t) => {
    const locket = await witnessOf(t)
    await shown(locket, { old: 0, size: 8 })
    const at = `/v1/witness/${originHash(log.origin)}/checkpoint`
    const known: string = (await locket.call('GET', at, { key: null })).body
    const hash = `${Buffer.alloc(32).toString('base64')}\n`
    for (const checkpoint of [known, log.checkpoint({ size: 9 })]) {
      const { status, body } = await add(locket, `old 8\n${hash}\n${checkpoint}`)
      assert.deepEqual([status, body.code], [422, 'checkpoint_inconsistent'])
    }
    assert.equal((await listed(locket))[0].evidence, null)
    assert.deepEqual(await eventsOf(locket, 'witnessed-log.forked'), [])
  })

  test('who is not known, another key, and a signature that is another text’s', async (t) => {
    const locket = await witnessOf(t)
    const before = (await listed(locket))[0]
    const of = { old: 0, size: 3 }
    assert.equal((await shown(locket, of, otherLog('log.example/other'))).status, 404)
    const impostor = await shown(locket, of, otherLog(log.origin, 8))
    assert.deepEqual([impostor.status, impostor.body.code], [403, 'checkpoint_unsigned'])
    const text = await log.request(of)
    assert.equal((await add(locket, text.replace('\n3\n', '\n4\n'))).status, 403)
    assert.deepEqual((await listed(locket))[0], before)
  })

  test('what is no such request, or too large, before anything is looked up', async (t) => {
    const locket = await witnessOf(t)
    const text = await log.request({ old: 0, size: 3 })
    for (const body of ['', 'old 0\n', text.replace('old 0', 'old 00'), text.slice(0, -1), '{}']) {
      assert.equal((await add(locket, body)).status, 400, JSON.stringify(body))
    }
    const large = `${text}${'x'.repeat(limits.addCheckpoint_bytes_max)}`
    assert.equal((await add(locket, large)).status, 413)
    const json = await locket.call('POST', path, { key: null, body: { request: text } })
    assert.equal(json.status, 200, 'as JSON it may be said, too')
  })

  test('refusals of strangers are counted, by address, and what is cosigned by the minute', async (t) => {
    const locket = await witnessOf(t)
    await shown(locket, { old: 0, size: 3 })
    for (let size = 4; size < 8; size += 1) await shown(locket, { old: size - 1, size })
    const stale = await log.request({ old: 0, size: 3 })
    for (let at = 0; at < 5; at += 1) {
      assert.equal((await add(locket, stale, '192.0.2.9')).status, 409)
    }
    await locket.app.jobs.runAll()
    const all = await eventsOf(locket, 'checkpoint.cosigned')
    const told = (outcome: string) =>
      all
        .filter((event: { outcome: string }) => event.outcome === outcome)
        .map(({ details }: { details: { count?: number } }) => details.count ?? 1)
    assert.deepEqual(told('allowed').toSorted(), [1, 4])
    const refused = all.filter(({ code }: { code: string }) => code === 'checkpoint_stale')
    assert.ok(refused.length <= 2, `${refused.length} events of five refusals`)
  })
})

test('a log that is ended is cosigned no more, and goes on from where it stood', async (t) => {
  const locket = await witnessOf(t)
  await shown(locket, { old: 0, size: 8 })
  const again = await locket.call('POST', '/v1/witnessed-logs', {
    body: { verifierKey: log.verifierKey },
  })
  assert.deepEqual([again.status, again.body.code], [409, 'already_exists'])
  const [{ id }] = await listed(locket)
  assert.equal((await locket.call('DELETE', `/v1/witnessed-logs/${id}`)).status, 200)
  assert.equal((await locket.call('DELETE', `/v1/witnessed-logs/${id}`)).status, 404)
  assert.equal((await shown(locket, { old: 8, size: 9 })).status, 404)
  // A log that has another key by now is told by the same name.
  const renewed = otherLog(log.origin, 9)
  assert.equal(await take(locket, renewed), id)
  assert.equal((await shown(locket, { old: 0, size: 9 }, renewed)).body, '8\n')
  assert.equal((await shown(locket, { old: 8, size: 9 })).status, 403, 'by its old key')
  assert.equal((await shown(locket, { old: 8, size: 9 }, renewed)).status, 200)
})

test('only who administers the instance says what is witnessed, by keys of logs alone', async (t) => {
  const locket = await openLocket(t)
  const { key } = await locket.person('service:admin', { role: 'admin' })
  const { verifierKey } = log
  const by = await locket.call('POST', '/v1/witnessed-logs', { key, body: { verifierKey } })
  assert.equal(by.status, 403)
  const own = (await locket.call('GET', '/v1/witness')).body.verifierKey
  for (const wrong of [own, verifierKey.slice(1), `${verifierKey}A`, 'log.example', '']) {
    const body = { verifierKey: wrong }
    assert.equal((await locket.call('POST', '/v1/witnessed-logs', { body })).status, 400, wrong)
  }
})

test('a row that was altered in the database cosigns nothing', async (t) => {
  const locket = await witnessOf(t)
  await shown(locket, { old: 0, size: 8 })
  await locket.sql('update witnessed_logs set size = 3')
  const { status, body } = await shown(locket, { old: 3, size: 9, fork: 4 })
  assert.deepEqual([status, body.code], [500, 'integrity_failed'])
})
