import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { onlyOn } from '../../../test/engine.ts'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { watchStatements } from '../../../test/statements.ts'
import { toUtf8 } from '../../core/encoding.ts'
import { provesConsistency, provesInclusion } from '../../tlog/check-proof.ts'
import { openCheckpoint } from '../../tlog/checkpoint.ts'
import { readLeaf } from '../../tlog/leaf.ts'
import { consistencyRanges, leafHash, proofOf, rangeRoot } from '../../tlog/merkle.ts'
import { readProof } from '../../tlog/proof.ts'
import { fromVerifierKey } from '../../tlog/signed-note.ts'
import { fromBundle, hashesFrom, tilePath, tilesOf, widthIn } from '../../tlog/tiles.ts'

/** The log as a stranger sees it: its key, its newest checkpoint, and its tiles. */
async function logOf(locket: Locket, log: 'tenant' | 'instance' = 'tenant') {
  const get = async (path: string): Promise<string> => {
    const reply = await locket.call('GET', `/v1/audit-log/${path}log=${log}`)
    assert.equal(reply.status, 200, `${path}: ${JSON.stringify(reply.body)}`)
    return reply.body
  }
  const about = (await locket.call('GET', `/v1/audit-log?log=${log}`)).body
  const key = fromVerifierKey(about.verifierKey)
  assert.ok(key)
  const checkpoint = openCheckpoint(toUtf8(await get('checkpoint?')), key)
  assert.ok(checkpoint)
  const tile = async (path: string) => Buffer.from(await get(`${path}?`), 'base64')
  return { about, key, checkpoint, tile }
}

const sequence = (locket: Locket): Promise<void> => locket.app.jobs.runAll()

async function recall(locket: Locket, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    const body = { space: 'user:alice', query: 'coffee' }
    assert.equal((await locket.call('POST', '/v1/memories/recall', { body })).status, 200)
  }
}

describe('an audit log', () => {
  test('has every event as an entry, in tiles that give the root of its checkpoint', async (t) => {
    const locket = await openLocket(t)
    await recall(locket, 300)
    await sequence(locket)
    const { checkpoint, tile } = await logOf(locket)
    const { size, root } = checkpoint
    assert.ok(size >= 300)
    const hashOf = hashesFrom(size, (one) => tile(tilePath(one)))
    assert.deepEqual(Buffer.from(await rangeRoot(0, size, hashOf)), root)
    const ids: string[] = []
    for (const one of tilesOf(size)) {
      if (one.level !== 'entries') continue
      for (const entry of fromBundle(await tile(tilePath(one)), one.width) ?? []) {
        ids.push(readLeaf(entry)?.id ?? '')
      }
    }
    assert.equal(new Set(ids).size, size)
    const rows = await locket.sql(
      'select event_id from audit_events where tenant_id = ? and leaf >= 0 and leaf < ?',
      locket.tenant,
      size,
    )
    assert.deepEqual(rows.map((row) => row['event_id']).toSorted(), ids.toSorted())
  })

  test('only grows, also when it is opened anew', async (t) => {
    const locket = await openLocket(t)
    await recall(locket, 260)
    await sequence(locket)
    const before = (await logOf(locket)).checkpoint
    await locket.restart()
    await recall(locket, 5)
    await sequence(locket)
    const { checkpoint: after, tile } = await logOf(locket)
    assert.ok(after.size >= before.size + 5)
    const ranges = consistencyRanges(before.size, after.size)
    const hashOf = hashesFrom(after.size, (one) => tile(tilePath(one)))
    assert.ok(provesConsistency(before, after, await proofOf(ranges, hashOf)))
  })

  test('of the instance is another one, and for others than its administrators closed', async (t) => {
    const locket = await openLocket(t)
    await recall(locket, 1)
    await sequence(locket)
    const own = await logOf(locket)
    const instance = await logOf(locket, 'instance')
    assert.notEqual(own.checkpoint.origin, instance.checkpoint.origin)
    const { key } = await locket.person('user:bob')
    for (const path of [
      '',
      '/checkpoint',
      '/tile/0/000.p/1',
      '/proof?event=evt_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    ]) {
      assert.equal((await locket.call('GET', `/v1/audit-log${path}`, { key })).status, 403, path)
    }
  })

  test('proves one event to who has nothing else', async (t) => {
    const locket = await openLocket(t)
    await recall(locket, 3)
    await sequence(locket)
    const { key } = await logOf(locket)
    const { items } = (await locket.call('GET', '/v1/audit-events?action=memory.recalled')).body
    const text = (await locket.call('GET', `/v1/audit-log/proof?event=${items[0].id}`)).body
    const proof = readProof(toUtf8(text))
    assert.ok(proof?.extra)
    const head = openCheckpoint(toUtf8(proof.checkpoint), key)
    assert.ok(head)
    const { entry, event } = JSON.parse(Buffer.from(proof.extra).toString())
    const leaf = leafHash(toUtf8(entry))
    const { index, hashes } = proof
    assert.ok(provesInclusion({ index, size: head.size, leaf, root: head.root, proof: hashes }))
    assert.equal(event.id, items[0].id)
    assert.equal(readLeaf(toUtf8(entry))?.id, items[0].id)
  })

  test('has no tile that is wider than it is', async (t) => {
    const locket = await openLocket(t)
    await recall(locket, 1)
    await sequence(locket)
    const { size } = (await logOf(locket)).checkpoint
    const width = widthIn(size, { level: 0, index: 0 })
    const statusOf = async (path: string) =>
      (await locket.call('GET', `/v1/audit-log/tile/${path}`)).status
    assert.equal(await statusOf(`0/000.p/${width}`), 200)
    assert.equal(await statusOf('0/000'), 404)
    assert.equal(await statusOf('1/000.p/1'), 404)
    assert.equal(await statusOf('0/0'), 400)
    assert.equal(await statusOf('x/000'), 400)
    assert.equal(await statusOf('0/x000/001'), 400)
  })

  test('an event tells the tile that was asked for, and no other word, whoever asks', async (t) => {
    const locket = await openLocket(t)
    const { key } = await locket.person('user:alice')
    for (const tile of ['my-sister-is-ill', '0/x001/234.p/17']) {
      const path = `/v1/audit-log/tile/${tile}`
      const codes = [await locket.call('GET', path, { key }), await locket.call('GET', path)]
      const expected = tile.startsWith('0/')
        ? ['permission_denied', 'not_found']
        : ['invalid_input', 'invalid_input']
      assert.deepEqual(
        codes.map(({ body }) => body.code),
        expected,
      )
    }
    const path = '/v1/audit-events?action=tile.read'
    const { items } = (await locket.call('GET', path)).body
    const details = items.map((event: { details: object }) => event.details)
    const told = { log: 'tenant', tile: '0/x001/234.p/17' }
    assert.deepEqual(details, [told, told, {}, {}])
  })
})

describe('an event that was meddled with before it is a leaf', () => {
  const changes: readonly (readonly [string, string, string | Buffer | null])[] = [
    ['its action', 'action', 'memory.read'],
    ['its outcome', 'outcome', 'denied'],
    ['its commitment', 'commitment', Buffer.alloc(32)],
    ['its proof', 'proof', null],
  ]
  for (const [what, column, value] of changes) {
    test(`${what}: it becomes none, and that is told`, async (t) => {
      const locket = await openLocket(t)
      assert.equal((await locket.call('GET', '/v1/whoami')).status, 200)
      await sequence(locket)
      await recall(locket, 1)
      const sql = `update audit_events set ${column} = ? where action = 'memory.recalled'`
      await locket.sql(sql, value)
      await sequence(locket)
      const rows = await locket.sql('select event_id from audit_events where leaf = -1')
      assert.equal(rows.length, 1)
      const { items } = (await locket.call('GET', '/v1/audit-events?action=audit-event.refused'))
        .body
      assert.equal(items.length, 1)
      assert.equal(items[0].resourceId, rows[0]?.['event_id'])
      assert.equal(items[0].code, 'integrity_failed')
    })
  }
})

describe('a log whose tiles are not those that it signed', () => {
  test('grows no more, so that nobody takes a fork for it', async (t) => {
    const locket = await openLocket(t)
    await recall(locket, 260)
    await sequence(locket)
    const { size } = (await logOf(locket)).checkpoint
    await locket.restart(async () => {
      await locket.sql('update audit_tiles set data = ? where level = 1', Buffer.alloc(32))
    })
    await recall(locket, 1)
    await sequence(locket)
    const { about, checkpoint } = await logOf(locket)
    assert.equal(checkpoint.size >= size, true)
    assert.equal(about.state, 'broken')
    const { items } = (await locket.call('GET', '/v1/audit-events?action=audit-log.broken')).body
    assert.equal(items.length, 1)
  })

  test('is marked as such when its row was altered, and keeps no other log from growing', async (t) => {
    const locket = await openLocket(t)
    await recall(locket, 1)
    await sequence(locket)
    const made = await locket.call('POST', '/v1/tenants', {
      body: { slug: 'other', name: 'Other' },
    })
    const key = made.body.apiKey
    await locket.sql('update audit_logs set size = 1000 where tenant_id = ?', locket.tenant)
    await recall(locket, 1)
    assert.equal((await locket.call('GET', '/v1/whoami', { key })).status, 200)
    await sequence(locket)
    await sequence(locket)
    assert.equal((await locket.call('GET', '/v1/audit-log')).body.state, 'broken')
    const other = (await locket.call('GET', '/v1/audit-log', { key })).body
    assert.equal(other.state, 'growing')
    assert.ok(other.size > 0)
  })
})

test(
  'the end of a log is found by an index, however many events there are',
  onlyOn('sqlite', 'its plans can be read'),
  async (t) => {
    const locket = await openLocket(t)
    await recall(locket, 1)
    await sequence(locket)
    await locket.app.jobs.stop()
    const watch = watchStatements(locket.app.pipeline.database)
    await locket.call('GET', '/v1/audit-log/tile/entries/000.p/1')
    watch.end()
    const looks = watch.statements.filter((one) => one.includes('"leaf" < ?'))
    assert.equal(looks.length, 1)
    const [look = ''] = looks
    const plan = await locket.sql(`explain query plan ${look.replaceAll('?', '1')}`)
    assert.match(JSON.stringify(plan), /audit_events_by_leaf/)
    assert.doesNotMatch(JSON.stringify(plan), /TEMP B-TREE/)
  },
)
