import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { grow, openLog, told, verified } from '../../../test/audit-logs.ts'
import { onlyOn } from '../../../test/engine.ts'
import type { Locket, Reply } from '../../../test/harness.ts'
import { shortDays, timedLog } from '../../../test/retention.ts'
import { watchStatements } from '../../../test/statements.ts'
import {
  checkProof,
  extendsIt,
  type Get,
  parseVerifierKey,
  type Trust,
  walkLog,
} from '../../../test/tlog-verifier.ts'
import type { OpenedLog } from '../../cli/server-log.ts'
import { toUtf8 } from '../../core/encoding.ts'
import type { Id } from '../../core/ids.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { provesConsistency } from '../../tlog/check-proof.ts'
import { openCheckpoint } from '../../tlog/checkpoint.ts'
import { consistencyRanges, proofOf } from '../../tlog/merkle.ts'
import { fromVerifierKey } from '../../tlog/signed-note.ts'
import { hashesFrom } from '../../tlog/tiles.ts'
import { type PurgedBefore, purgedBefore } from '../audit-logs/purged.ts'

const change = (locket: Locket, body: object): Promise<Reply> =>
  locket.call('PATCH', '/v1/audit-retention', { body })

interface Left {
  readonly class: string
  readonly leaf: number
}

async function left(locket: Locket, tenant = locket.tenant): Promise<Left[]> {
  const rows = await locket.sql(
    'select class, leaf from audit_events where tenant_id = ? and leaf >= 0 order by leaf',
    tenant,
  )
  return rows.map((row) => ({ class: String(row['class']), leaf: Number(row['leaf']) }))
}

const isTraffic = (row: Left): boolean => row.class === 'read' || row.class === 'write'

async function eventsOf(locket: Locket, action: string): Promise<Reply['body'][]> {
  return (await locket.call('GET', `/v1/audit-events?action=${action}&limit=100`)).body.items
}

function headOf({ checkpoint, key }: Pick<OpenedLog, 'checkpoint' | 'key'>) {
  const known = fromVerifierKey(key)
  const head = known && openCheckpoint(checkpoint, known)
  assert.ok(head)
  return head
}

/** From the tiles that are still given. */
async function checkConsistency(earlier: OpenedLog, later: OpenedLog): Promise<void> {
  const [before, after] = [headOf(earlier), headOf(later)]
  const hashOf = hashesFrom(after.size, async (tile) => {
    const bytes = await later.source.tile(tile)
    assert.ok(bytes)
    return bytes
  })
  const proof = await proofOf(consistencyRanges(before.size, after.size), hashOf)
  assert.ok(provesConsistency(before, after, proof))
}

async function bytesOf(locket: Locket, path: string): Promise<Buffer> {
  const reply = await locket.call('GET', `/v1/audit-log/${path}`)
  assert.equal(reply.status, 200, path)
  return Buffer.from(reply.body, path.startsWith('tile') ? 'base64' : 'utf8')
}

async function trustIn(locket: Locket): Promise<Trust> {
  const { body } = await locket.call('GET', '/v1/audit-log')
  return { origin: body.origin, key: parseVerifierKey(body.verifierKey) }
}

describe('events whose time is over', () => {
  test('go by their class, and each purge is an event [V14.2.7]', async (t) => {
    const { locket, now, pass } = await timedLog(t)
    const made = now()
    await grow(locket, 300)
    const before = await left(locket)
    const alike = (rows: readonly Left[]) => rows.slice(0, before.length)
    await pass(shortDays.read - 1)
    assert.deepEqual(alike(await left(locket)), before, 'none too early')
    await pass(3)
    const after = await left(locket)
    assert.deepEqual(
      after.filter(({ leaf }) => leaf < before.length),
      before.filter((row) => !isTraffic(row)),
    )
    const purges = await eventsOf(locket, 'audit-events.purged')
    for (const kind of ['read', 'write']) {
      const counted = purges.filter(({ details }) => details.class === kind)
      const count = counted.reduce((sum, { details }) => sum + details.count, 0)
      assert.equal(count, before.filter((row) => row.class === kind).length)
    }
    const until = new Date(made + 1).toISOString()
    assert.deepEqual(purges[0].details.purgedBefore, { read: until, write: until })
    await locket.app.jobs.runAll()
    const again = await eventsOf(locket, 'audit-events.purged')
    assert.equal(again.length, purges.length, 'a second time there is nothing to do')
  })

  test('leave their entries: who checks the log finds it as it was', async (t) => {
    const { locket, pass } = await timedLog(t)
    await grow(locket, 300)
    const trust = await trustIn(locket)
    const get: Get = (path) => bytesOf(locket, path)
    const { checkpoint } = await openLog(locket)
    const earlier = await walkLog(get, trust)
    // One of them is in the tile that is not full.
    await pass(15)
    assert.ok((await left(locket)).every((row) => !isTraffic(row) || row.leaf > 300))
    const walked = await walkLog(get, trust)
    assert.ok(extendsIt(walked, earlier.checkpoint))
    await locket.restart()
    await locket.app.jobs.stop()
    await grow(locket, 230)
    const log = await openLog(locket)
    const whole = await verified(log, { since: checkpoint })
    assert.deepEqual([told(whole), whole.gone > 290], [[], true])
    assert.ok(whole.size > 512, 'the tile became full')
    await pass(15)
    const last = await walkLog(get, trust)
    assert.ok(extendsIt(last, walked.checkpoint))
  })

  test('of a quiet day go together', async (t) => {
    const { locket, pass } = await timedLog(t)
    const part = 1 / 8
    for (let days = 0; days < 2; days += part) {
      await grow(locket, 1)
      await pass(part)
    }
    await pass(shortDays.read - 2)
    for (let days = 0; days < 3; days += part) await pass(part)
    const purges = await eventsOf(locket, 'audit-events.purged')
    const ofReads = purges.filter(({ details }) => details.class === 'read')
    assert.ok(ofReads.length >= 2 && ofReads.length <= 4, `${ofReads.length} purges`)
  })

  test('are accounted for by the newest event of a purge, and by no row that was altered', async (t) => {
    const { locket, now, pass } = await timedLog(t)
    const may = (): Promise<PurgedBefore> => {
      const { database, keys } = locket.app.pipeline
      return database.read((tx) => purgedBefore(tenantStore(tx, keys, locket.tenant as Id<'ten'>)))
    }
    const early = { read: now() + 1, write: now() + 1 }
    await grow(locket, 5)
    assert.deepEqual(await may(), {})
    await pass(15)
    assert.deepEqual(await may(), early)
    await pass(30)
    const known = await may()
    assert.deepEqual(Object.keys(known).sort(), ['admin', 'read', 'system', 'write'])
    assert.equal(known.admin, early.read)
    await change(locket, { days: { read: 3_000 } })
    await pass(2)
    assert.equal(
      (await may()).read,
      known.read,
      'what is kept longer from now on is gone all the same',
    )
    await locket.sql(
      "update audit_events set outcome = 'failed' where action = 'audit-events.purged'",
    )
    assert.deepEqual(await may(), {})
  })

  test('stay while a legal hold is on, and go when it is lifted', async (t) => {
    const { locket, pass } = await timedLog(t)
    await grow(locket, 3)
    const held = await locket.call('POST', '/v1/legal-hold', { body: { reason: 'case 7' } })
    assert.equal(held.status, 200)
    assert.deepEqual([held.body.hold.state, held.body.hold.reason], ['on', 'case 7'])
    await pass(30)
    assert.equal((await left(locket))[0]?.leaf, 0)
    assert.equal((await eventsOf(locket, 'audit-events.purged')).length, 0)
    const lifted = await locket.call('POST', '/v1/legal-hold/lift', { body: { reason: 'closed' } })
    assert.equal(lifted.body.hold.state, 'off')
    await locket.app.jobs.runAll()
    assert.ok((await left(locket)).every(({ leaf }) => leaf > 3))
    assert.equal((await eventsOf(locket, 'legal-hold.lifted')).length, 1)
  })

  test('are found by an index', onlyOn('sqlite', 'its plans can be read'), async (t) => {
    const { locket, pass } = await timedLog(t)
    await grow(locket, 3)
    const watch = watchStatements(locket.app.pipeline.database)
    await pass(30)
    watch.end()
    const looks = watch.statements.filter((one) => one.includes('"leaf" >= ?'))
    assert.ok(looks.some((one) => one.startsWith('delete')))
    for (const look of new Set(looks)) {
      const plan = await locket.sql(`explain query plan ${look.replaceAll('?', '1')}`)
      assert.match(JSON.stringify(plan), /audit_events_by_leaf/, look)
      assert.doesNotMatch(JSON.stringify(plan), /TEMP B-TREE/, look)
    }
  })
})

describe('tiles of which no event is left', () => {
  test('stay unless the policy prunes; then later proofs hold all the same', async (t) => {
    const { locket, pass } = await timedLog(t)
    await grow(locket, 600)
    const earlier = await openLog(locket)
    await pass(30)
    const get = (tile: string) => locket.call('GET', `/v1/audit-log/tile/${tile}`)
    assert.equal((await get('0/000')).status, 200)
    assert.equal((await change(locket, { prunes: true })).status, 200)
    await locket.app.jobs.runAll()
    const about = (await locket.call('GET', '/v1/audit-log')).body
    assert.equal(about.firstIndex, 512)
    for (const gone of ['0/000', '0/001', 'entries/000', 'entries/001']) {
      assert.equal((await get(gone)).status, 404, gone)
    }
    const rows = await locket.sql(
      'select tile from audit_tiles where tenant_id = ? and level in (-1, 0) and tile < 2',
      locket.tenant,
    )
    assert.equal(rows.length, 0)
    const log = await openLog(locket)
    assert.deepEqual(told(await verified(log, { since: earlier.checkpoint })), [])
    await locket.restart()
    await grow(locket, 20)
    const later = await openLog(locket)
    assert.deepEqual(told(await verified(later, { since: earlier.checkpoint })), [])
    await checkConsistency(earlier, later)
    const [pruned, ...more] = await eventsOf(locket, 'audit-log.pruned')
    assert.deepEqual([pruned.details.firstIndex, more.length], [512, 0])
    const proof = await bytesOf(locket, `proof?event=${pruned.id}`)
    const extra = /^extra (.*)$/m.exec(proof.toString())?.[1] ?? ''
    const { entry } = JSON.parse(Buffer.from(extra, 'base64').toString())
    assert.ok(checkProof(proof, toUtf8(entry), await trustIn(locket)).index >= 600)
  })
})
